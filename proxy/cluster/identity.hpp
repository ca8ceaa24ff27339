// A name as a number that is the same in every process and at every time: client_hash goes by it.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgweir::cluster {

// All bits change with any bit of the input (the finaliser of splitmix64).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

// FNV-1a, mixed.
[[nodiscard]] constexpr std::uint64_t identity_of(std::string_view name) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return mixed(hash);
}

}  // namespace pgweir::cluster
