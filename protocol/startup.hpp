// The untagged first packet of a client: StartupMessage, SSLRequest, GSSENCRequest or CancelRequest.
// Source: PostgreSQL documentation, "Frontend/Backend Protocol", Message Formats; semantics.md H (Startup, Cancel).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"
#include "protocol/result.hpp"

namespace pgweir::protocol {

// Names and values in the order in which they were sent; of equal names the last one counts.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// Why bytes from a peer were refused: what an ErrorResponse says.
struct Fault {
    std::string_view code;  // an SQLSTATE, static
    std::string message;
};

inline constexpr std::uint32_t kProtocol30 = 3U << 16;
// The packet's length, which counts its own four bytes.
inline constexpr std::uint32_t kMinStartupSize = 8, kMaxStartupSize = 10'000;
// A cancel key's bytes: 4 in protocol 3.0, up to 256 in 3.2.
inline constexpr std::size_t kMinCancelKey = 4, kMaxCancelKey = 256;

struct SslRequest {};
struct GssEncRequest {};
struct CancelRequest {
    std::uint32_t pid = 0;
    std::string secret;
};
struct Startup {
    std::uint16_t minor = 0;                    // the major version is 3
    Parameters parameters;                      // without those named _pq_.*
    std::vector<std::string> protocol_options;  // the names that begin with _pq_.
};
using FirstPacket = std::variant<SslRequest, GssEncRequest, CancelRequest, Startup>;

// The size of the packet at the front of `in`, from its first four bytes; the rest may not have arrived yet.
// bad_length: under 8; too_large: over 10,000.
[[nodiscard]] Result<std::uint32_t, FrameError> peek_startup(Bytes in) noexcept;

// Reads one whole packet (as long as peek_startup said). Fails with 08P01 when it is malformed (a parameter without
// a value, no terminator at the very end, a cancel key of a wrong size) and 0A000 for another major version.
[[nodiscard]] Result<FirstPacket, Fault> parse_first_packet(Bytes packet);

// The settings in the startup parameter `options`: `-c name=value`, `-cname=value` and `--name=value`, separated by white
// space; a backslash takes the next byte as it is; '-' in a name is '_'. Anything else: 42601.
[[nodiscard]] Result<Parameters, Fault> parse_options(std::string_view options);

}  // namespace pgweir::protocol
