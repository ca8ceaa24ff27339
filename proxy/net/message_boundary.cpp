#include "proxy/net/message_boundary.hpp"

#include <algorithm>

namespace pgweir::net {

void MessageBoundary::pass(Bytes bytes) noexcept {
    while (known_ && !bytes.empty()) {
        if (remaining_ > 0) {
            const std::size_t taken = std::min<std::uint64_t>(remaining_, bytes.size());
            remaining_ -= taken;
            bytes = bytes.subspan(taken);
            continue;
        }
        header_[have_++] = bytes[0];
        bytes = bytes.subspan(1);
        if (have_ < header_.size()) continue;
        have_ = 0;
        const std::uint32_t length = load_be32(Bytes(header_).subspan(1));
        known_ = length >= 4;
        remaining_ = known_ ? length - 4 : 0;
    }
}

}  // namespace pgweir::net
