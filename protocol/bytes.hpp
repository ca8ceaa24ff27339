// Byte spans and big-endian numbers, the alphabet of every PostgreSQL message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pgweir {

// A view of bytes owned by somebody else; valid only as long as the callee's contract says.
using Bytes = std::span<const std::byte>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

[[nodiscard]] inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads a big-endian number; `in` must hold at least its size.
[[nodiscard]] constexpr std::uint16_t load_be16(Bytes in) noexcept {
    return static_cast<std::uint16_t>((std::to_integer<unsigned>(in[0]) << 8) | std::to_integer<unsigned>(in[1]));
}

[[nodiscard]] constexpr std::uint32_t load_be32(Bytes in) noexcept {
    return (std::to_integer<std::uint32_t>(in[0]) << 24) | (std::to_integer<std::uint32_t>(in[1]) << 16) |
           (std::to_integer<std::uint32_t>(in[2]) << 8) | std::to_integer<std::uint32_t>(in[3]);
}

inline void append_be16(std::string& out, std::uint16_t value) {
    const char bytes[]{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
    out.append(bytes, sizeof bytes);
}

// Writes it into the 4 bytes at `to`.
inline void store_be32(char* to, std::uint32_t value) noexcept {
    to[0] = static_cast<char>(value >> 24);
    to[1] = static_cast<char>((value >> 16) & 0xff);
    to[2] = static_cast<char>((value >> 8) & 0xff);
    to[3] = static_cast<char>(value & 0xff);
}

inline void append_be32(std::string& out, std::uint32_t value) {
    char bytes[4];
    store_be32(bytes, value);
    out.append(bytes, sizeof bytes);
}

}  // namespace pgweir
