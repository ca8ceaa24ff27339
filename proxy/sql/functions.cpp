#include "proxy/sql/functions.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "proxy/sql/function_names.hpp"

namespace pgweir::sql {

namespace {

struct List {
    std::string_view names;  // each followed by one space
    FunctionInfo info;
};

constexpr List kLists[] = {
    {kAllowedNames, {true, true, Effect::none}},       {kInertNames, {true, false, Effect::none}},
    {kSettingNames, {true, false, Effect::set_other}}, {kAdvisoryLockNames, {true, false, Effect::advisory_lock}},
    {kUnlockNames, {true, false, Effect::lets_go}},
    {kSequenceNames, {true, false, Effect::sequence}}, {kCurrvalNames, {true, false, Effect::currval}},
    {kLoadNames, {true, false, Effect::load}},         {kTaintNames, {true, false, Effect::taint}},
};

// Where a name stands in its list. Small, so that the table stays in the cache.
struct Slot {
    std::uint16_t begin = 0;
    std::uint8_t size = 0;  // 0: free
    std::uint8_t list = 0;
};

constexpr std::size_t kSlots = 8192;

[[nodiscard]] constexpr std::uint64_t bytes_at(std::string_view name, std::size_t at, std::size_t count) noexcept {
    std::uint64_t bytes = 0;
    if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
        std::memcpy(&bytes, name.data() + at, count);
        return bytes;
    }
    for (std::size_t i = 0; i < count; ++i) bytes |= std::uint64_t{static_cast<std::uint8_t>(name[at + i])} << (8U * i);
    return bytes;
}

// The first and the last eight bytes tell most names apart, and are read at once.
[[nodiscard]] constexpr std::size_t slot_of(std::string_view name) noexcept {
    const std::size_t n = name.size();
    std::uint64_t hash = n;
    if (n >= 8) {
        hash += bytes_at(name, 0, 8) * 0x9E3779B97F4A7C15U ^ bytes_at(name, n - 8, 8);
    } else if (n >= 4) {
        hash += bytes_at(name, 0, 4) << 32U | bytes_at(name, n - 4, 4);
    } else if (n > 0) {
        hash += bytes_at(name, 0, 1) << 16U | bytes_at(name, n / 2, 1) << 8U | bytes_at(name, n - 1, 1);
    }
    hash *= 0xD6E8FEB86659FD93U;
    return static_cast<std::size_t>(hash >> 40U) % kSlots;
}

consteval void add(std::array<Slot, kSlots>& slots, std::size_t list) {
    const std::string_view names = kLists[list].names;
    static_assert(kAllowedNames.size() < std::numeric_limits<std::uint16_t>::max());
    for (std::size_t begin = 0; begin < names.size();) {
        const std::size_t end = names.find(' ', begin);
        std::size_t slot = slot_of(names.substr(begin, end - begin));
        while (slots[slot].size != 0) slot = (slot + 1) % kSlots;
        slots[slot] = {static_cast<std::uint16_t>(begin), static_cast<std::uint8_t>(end - begin),
                       static_cast<std::uint8_t>(list)};
        begin = end + 1;
    }
}

[[nodiscard]] consteval std::array<Slot, kSlots> make_slots() {
    std::array<Slot, kSlots> slots{};
    for (std::size_t list = 0; list < std::size(kLists); ++list) add(slots, list);
    return slots;
}

constexpr std::array<Slot, kSlots> kSlotTable = make_slots();

}  // namespace

FunctionInfo find_function(std::string_view name) noexcept {
    for (std::size_t at = slot_of(name); kSlotTable[at].size != 0; at = (at + 1) % kSlots) {
        const Slot& slot = kSlotTable[at];
        if (slot.size != name.size()) continue;
        const List& list = kLists[slot.list];
        if (std::memcmp(list.names.data() + slot.begin, name.data(), name.size()) == 0) return list.info;
    }
    return {};
}

}  // namespace pgweir::sql
