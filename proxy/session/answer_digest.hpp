// What a server answers to one request, as a fingerprint: the rows pass through it and none is kept. Sans-io.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"
#include "proxy/session/attempt.hpp"

namespace pgweir::session {

// Equal for answers with the same columns, the same rows in whatever order, and the same tag; or for the same SQLSTATE.
struct Fingerprint {
    std::uint64_t rows = 0;
    std::uint64_t sum = 0;  // of the hashes of rows, columns and tag: SQL promises no order
    std::string error;      // SQLSTATE; rows before an error do not count
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

class AnswerDigest {
  public:
    // `ahead`: the answers, each with a ReadyForQuery, that come before the one that counts.
    explicit AnswerDigest(std::size_t ahead) noexcept : ahead_(ahead) {}

    // All that the server sends, in whatever parts it comes. The answers ahead and behind are passed over.
    void add(Bytes in);

    // ReadyForQuerys that have come.
    [[nodiscard]] std::size_t answers() const noexcept { return answers_; }
    [[nodiscard]] bool finished() const noexcept { return answers_ > ahead_; }
    // Of the answer that counts; whole when finished().
    [[nodiscard]] const Fingerprint& fingerprint() const noexcept { return found_; }
    // Why a standby would have sent its error: refusal_of().
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    // Something failed that was ahead or behind, or ends the connection, or has no place in the answer to a read.
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    // Its parts are not rows: COPY in binary.
    [[nodiscard]] bool opaque() const noexcept { return opaque_; }
    // The newest ReadyForQuery's: 'I', 'T' or 'E'.
    [[nodiscard]] char status() const noexcept { return status_; }

  private:
    void begin();
    void end();
    void end_error();
    [[nodiscard]] bool counts() const noexcept { return answers_ == ahead_; }

    Fingerprint found_;
    std::size_t ahead_;
    std::size_t answers_ = 0;
    std::array<std::byte, protocol::kHeaderSize> header_{};
    std::size_t header_size_ = 0;
    std::size_t left_ = 0;     // bytes of the message's body still to come
    std::uint64_t hash_ = 0;   // of the message so far
    std::string kept_;         // the body of a message that is read
    bool hashes_ = false;
    bool keeps_ = false;
    bool broken_ = false;
    bool opaque_ = false;
    char status_ = 'I';
    Refusal refusal_ = Refusal::none;
};

}  // namespace pgweir::session
