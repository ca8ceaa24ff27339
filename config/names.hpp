// The enumerators' names in the file, on the console and in metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "config/config.hpp"

namespace pgweir::config {

// Indexed by the enumerator's value.
template <class E>
inline constexpr std::array<std::string_view, 0> kNames{};
template <>
inline constexpr auto kNames<PoolMode> = std::to_array<std::string_view>({"session", "transaction"});
template <>
inline constexpr auto kNames<AuthType> = std::to_array<std::string_view>({"trust", "password", "md5", "scram-sha-256"});
template <>
inline constexpr auto kNames<AccessMethod> =
    std::to_array<std::string_view>({"trust", "password", "md5", "scram-sha-256", "cert", "reject"});
template <>
inline constexpr auto kNames<AccessTls> = std::to_array<std::string_view>({"any", "only", "none"});
template <>
inline constexpr auto kNames<SessionState> = std::to_array<std::string_view>({"pin", "reject"});
template <>
inline constexpr auto kNames<PromoteUnnamed> = std::to_array<std::string_view>({"off", "auto"});
template <>
inline constexpr auto kNames<Balance> = std::to_array<std::string_view>(
    {"round_robin", "weighted", "least_connections", "client_hash", "latency"});
template <>
inline constexpr auto kNames<WhenAllLag> = std::to_array<std::string_view>({"primary", "least_lagged", "error"});
template <>
inline constexpr auto kNames<TlsMode> =
    std::to_array<std::string_view>({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});
template <>
inline constexpr auto kNames<TlsVersion> = std::to_array<std::string_view>({"TLSv1.2", "TLSv1.3"});
template <>
inline constexpr auto kNames<Split> = std::to_array<std::string_view>({"off", "shadow", "on"});
template <>
inline constexpr auto kNames<Consistency> = std::to_array<std::string_view>({"eventual", "session", "global"});
template <>
inline constexpr auto kNames<ReadPreference> =
    std::to_array<std::string_view>({"primary", "primary_preferred", "replica", "replica_preferred", "nearest"});
template <>
inline constexpr auto kNames<DiscoveryType> = std::to_array<std::string_view>({"dns", "patroni"});
template <>
inline constexpr auto kNames<LogLevel> = std::to_array<std::string_view>({"debug", "info", "warning", "error"});

// "transaction" for PoolMode::transaction; for the enums of config.hpp.
template <class E>
requires(!kNames<E>.empty()) [[nodiscard]] constexpr std::string_view name_of(E value) noexcept {
    return kNames<E>[static_cast<std::size_t>(value)];
}

// The other way, without regard to ASCII case; none: no enumerator has this name.
template <class E>
requires(!kNames<E>.empty()) [[nodiscard]] constexpr std::optional<E> value_of(std::string_view name) noexcept {
    constexpr auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (std::size_t i = 0; i < kNames<E>.size(); ++i) {
        if (std::ranges::equal(name, kNames<E>[i], {}, fold, fold)) return static_cast<E>(i);
    }
    return std::nullopt;
}

static_assert(name_of(AuthType::scram_sha_256) == "scram-sha-256");
static_assert(value_of<Consistency>("Global") == Consistency::global && !value_of<Consistency>(""));
static_assert(name_of(LogLevel::error) == "error" && name_of(Split::on) == "on");

}  // namespace pgweir::config
