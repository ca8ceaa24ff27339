// Small types that the pool's files share.
#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace pgweir::pool {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// A worker's number, from 0.
enum class WorkerId : std::uint8_t {};

inline constexpr std::size_t kMaxWorkers = 64;

[[nodiscard]] constexpr std::size_t index_of(WorkerId worker) noexcept { return static_cast<std::size_t>(worker); }

// A set of workers, emptied one by one: while (auto worker = set.take()) …
class WorkerSet {
  public:
    constexpr WorkerSet() noexcept = default;
    constexpr explicit WorkerSet(std::uint64_t bits) noexcept : bits_(bits) {}
    constexpr void add(WorkerId worker) noexcept { bits_ |= std::uint64_t{1} << index_of(worker); }
    [[nodiscard]] constexpr bool contains(WorkerId worker) const noexcept {
        return (bits_ >> index_of(worker) & 1U) != 0;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr std::optional<WorkerId> take() noexcept {
        if (bits_ == 0) return std::nullopt;
        const auto worker = static_cast<WorkerId>(std::countr_zero(bits_));
        bits_ &= bits_ - 1;
        return worker;
    }

  private:
    std::uint64_t bits_ = 0;
};

}  // namespace pgweir::pool
