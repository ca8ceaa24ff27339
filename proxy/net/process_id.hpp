// The process id of a client's BackendKeyData, which says where its cancel requests belong.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgweir::net {

// Positive as a real one: pgjdbc never sends a cancel request for a process id that is not, Npgsql refuses to for 0.
struct ProcessId {
    std::size_t worker = 0;  // less than pool::kMaxWorkers
    std::uint32_t slot = 0;  // of the worker's clients

    static constexpr std::uint32_t kSlotBits = 24;

    [[nodiscard]] constexpr std::uint32_t number() const noexcept {
        return (static_cast<std::uint32_t>(worker) << kSlotBits) | (slot + 1);
    }
    // What `number` stands for; a number that nobody was given names a slot that is not there.
    [[nodiscard]] static constexpr ProcessId from(std::uint32_t number) noexcept {
        constexpr std::uint32_t kSlots = (1U << kSlotBits) - 1;
        return {number >> kSlotBits, (number & kSlots) - 1};
    }
};

}  // namespace pgweir::net
