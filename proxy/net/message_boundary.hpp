// Whether a stream of messages that is passed on unread has just ended one, from the messages' headers alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"

namespace pgweir::net {

class MessageBoundary {
  public:
    // Bytes went by. A length that no message has makes the boundary unknown from then on.
    void pass(Bytes bytes) noexcept;
    // The last message was whole, and nothing of the next one has gone by.
    [[nodiscard]] bool reached() const noexcept { return known_ && have_ == 0 && remaining_ == 0; }

  private:
    std::array<std::byte, protocol::kHeaderSize> header_{};
    std::size_t have_ = 0;  // bytes of a header
    std::uint64_t remaining_ = 0;  // bytes of a body still to come
    bool known_ = true;
};

}  // namespace pgweir::net
