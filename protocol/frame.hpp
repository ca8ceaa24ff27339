// The frame around every message after startup: one tag byte, four bytes of length, a body.
// Source: PostgreSQL documentation, "Frontend/Backend Protocol", Message Formats.
#pragma once

#include <cstdint>

#include "protocol/bytes.hpp"
#include "protocol/result.hpp"

namespace pgweir::protocol {

inline constexpr std::size_t kHeaderSize = 5;

// A message's first byte. The same letter means different things in the two directions.
enum class Tag : std::uint8_t {};

// What a client sends.
namespace frontend {
inline constexpr Tag kBind{'B'}, kClose{'C'}, kCopyData{'d'}, kCopyDone{'c'}, kCopyFail{'f'}, kDescribe{'D'},
    kExecute{'E'}, kFlush{'H'}, kFunctionCall{'F'}, kParse{'P'}, kPassword{'p'}, kQuery{'Q'}, kSync{'S'},
    kTerminate{'X'};
}

// What a server sends.
namespace backend {
inline constexpr Tag kAuthentication{'R'}, kBackendKeyData{'K'}, kBindComplete{'2'}, kCloseComplete{'3'},
    kCommandComplete{'C'}, kCopyData{'d'}, kCopyDone{'c'}, kCopyInResponse{'G'}, kCopyOutResponse{'H'},
    kCopyBothResponse{'W'}, kDataRow{'D'}, kEmptyQueryResponse{'I'}, kErrorResponse{'E'}, kFunctionCallResponse{'V'},
    kNegotiateProtocolVersion{'v'}, kNoData{'n'}, kNoticeResponse{'N'}, kNotificationResponse{'A'},
    kParameterDescription{'t'}, kParameterStatus{'S'}, kParseComplete{'1'}, kPortalSuspended{'s'},
    kReadyForQuery{'Z'}, kRowDescription{'T'};
}

struct Frame {
    Tag tag;
    std::uint32_t body;  // bytes after the header

    [[nodiscard]] constexpr std::size_t size() const noexcept { return kHeaderSize + body; }
};

enum class FrameError : std::uint8_t { incomplete, bad_length, too_large };

// Reads the header at the front of `in` and consumes nothing. The body may not have arrived yet.
[[nodiscard]] constexpr Result<Frame, FrameError> peek_frame(Bytes in, std::uint32_t max_body) noexcept {
    if (in.size() < kHeaderSize) return FrameError::incomplete;
    const std::uint32_t length = load_be32(in.subspan<1, 4>());
    if (length < 4) return FrameError::bad_length;  // the length counts its own 4 bytes
    if (length - 4 > max_body) return FrameError::too_large;
    return Frame{static_cast<Tag>(in[0]), length - 4};
}

}  // namespace pgweir::protocol
