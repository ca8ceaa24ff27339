#include "proxy/sql/name_table.hpp"

#include <algorithm>
#include <bit>

namespace pgweir::sql {

namespace {

constexpr std::size_t kLongest = 255;

[[nodiscard]] std::size_t hash_of(std::string_view name) noexcept {
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
    return static_cast<std::size_t>(hash ^ (hash >> 32U));
}

}  // namespace

NameTable::NameTable(std::vector<std::pair<std::string, Value>> names) {
    std::erase_if(names, [](const auto& one) { return one.first.empty() || one.first.size() > kLongest; });
    std::sort(names.begin(), names.end());  // the same names make the same table
    names.erase(std::unique(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
                names.end());
    if (names.empty()) return;
    slots_.resize(std::bit_ceil(names.size() * 2));
    for (const auto& [name, value] : names) {
        std::size_t at = hash_of(name) & (slots_.size() - 1);
        while (slots_[at].size != 0) at = (at + 1) & (slots_.size() - 1);
        slots_[at] = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()), value};
        text_ += name;
        sizes_ |= std::uint64_t{1} << (name.size() & 63U);
        firsts_ |= std::uint64_t{1} << (static_cast<unsigned char>(name.front()) & 63U);
    }
    size_ = names.size();
}

const NameTable::Value* NameTable::find(std::string_view name) const noexcept {
    if (size_ == 0 || name.empty() || !may_hold(name.front(), name.size())) return nullptr;
    for (std::size_t at = hash_of(name) & (slots_.size() - 1); slots_[at].size != 0; at = (at + 1) & (slots_.size() - 1)) {
        if (std::string_view(text_).substr(slots_[at].begin, slots_[at].size) == name) return &slots_[at].value;
    }
    return nullptr;
}

}  // namespace pgweir::sql
