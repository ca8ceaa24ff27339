#include "proxy/session/answer_digest.hpp"

#include <algorithm>

#include "protocol/error_fields.hpp"

namespace pgweir::session {

namespace {

namespace backend = protocol::backend;

constexpr std::size_t kMaxKept = 64U << 10;  // of an error: more is cut, what matters stands in front

// FNV-1a: the same however the bytes are cut.
constexpr std::uint64_t kBasis = 0xcbf2'9ce4'8422'2325;
constexpr std::uint64_t kPrime = 0x0000'0100'0000'01b3;

// SplitMix64's last step: without it the sums of similar rows would meet.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t hash) noexcept {
    hash = (hash ^ (hash >> 30)) * 0xbf58'476d'1ce4'e5b9;
    hash = (hash ^ (hash >> 27)) * 0x94d0'49bb'1331'11eb;
    return hash ^ (hash >> 31);
}

[[nodiscard]] bool is_result(protocol::Tag tag) noexcept {
    return tag == backend::kDataRow || tag == backend::kCopyData || tag == backend::kRowDescription || tag == backend::kCommandComplete;
}

[[nodiscard]] bool is_read(protocol::Tag tag) noexcept {
    return tag == backend::kErrorResponse || tag == backend::kReadyForQuery || tag == backend::kCopyOutResponse;
}

}  // namespace

void AnswerDigest::add(Bytes in) {
    while (!in.empty() && !broken_) {
        if (header_size_ < header_.size()) {
            const std::size_t part = std::min(header_.size() - header_size_, in.size());
            std::copy_n(in.begin(), part, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
            header_size_ += part;
            in = in.subspan(part);
            if (header_size_ == header_.size()) begin();
            continue;
        }
        const Bytes part = in.first(std::min(left_, in.size()));
        if (hashes_) {
            for (const std::byte b : part) hash_ = (hash_ ^ static_cast<std::uint64_t>(b)) * kPrime;
        }
        if (keeps_) kept_.append(as_text(part.first(std::min(part.size(), kMaxKept - kept_.size()))));
        left_ -= part.size();
        in = in.subspan(part.size());
        if (left_ == 0) end();
    }
}

void AnswerDigest::begin() {
    const auto frame = protocol::peek_frame(header_, 0x7fff'ffff);
    const auto tag = static_cast<protocol::Tag>(header_[0]);
    broken_ |= !frame || tag == backend::kCopyInResponse || tag == backend::kCopyBothResponse;
    if (broken_) return;
    left_ = frame->body;
    hashes_ = counts() && is_result(tag);
    keeps_ = is_read(tag);
    hash_ = (kBasis ^ static_cast<std::uint64_t>(tag)) * kPrime;
    kept_.clear();
    if (left_ == 0) end();
}

void AnswerDigest::end() {
    header_size_ = 0;
    const auto tag = static_cast<protocol::Tag>(header_[0]);
    if (hashes_) {
        found_.rows += tag == backend::kDataRow || tag == backend::kCopyData ? 1 : 0;
        found_.sum += mix(hash_);
    }
    if (tag == backend::kErrorResponse) end_error();
    if (tag == backend::kCopyOutResponse) opaque_ |= kept_.empty() || kept_[0] != '\0';
    if (tag != backend::kReadyForQuery) return;
    status_ = kept_.empty() ? '?' : kept_[0];
    if (counts() && !found_.error.empty()) found_.rows = found_.sum = 0;
    ++answers_;
}

void AnswerDigest::end_error() {
    const protocol::ErrorFields fields = protocol::parse_error_fields(as_bytes(kept_));
    refusal_ = refusal_of(fields);
    broken_ |= fields.is_fatal() || !counts();
    found_.error = fields.code;
}

}  // namespace pgweir::session
