// An immutable table of names that is asked for every word of a text: most answers are "no" without a hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir::sql {

class NameTable {
  public:
    using Value = std::uint64_t;

    NameTable() = default;
    // Of a name that comes twice one value is kept. A name's size is at most 255 bytes; longer ones are left out.
    explicit NameTable(std::vector<std::pair<std::string, Value>> names);

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // False: no name begins with this character and has this size. Two bits: cheap enough for every word.
    [[nodiscard]] bool may_hold(char first, std::size_t size) const noexcept {
        return (((sizes_ >> (size & 63U)) & (firsts_ >> (static_cast<unsigned char>(first) & 63U))) & 1U) != 0;
    }
    // The name's value, or null. Takes no memory.
    [[nodiscard]] const Value* find(std::string_view name) const noexcept;

    friend bool operator==(const NameTable&, const NameTable&) = default;

  private:
    struct Slot {
        std::uint32_t begin = 0;
        std::uint32_t size = 0;  // 0: free
        Value value = 0;
        friend bool operator==(const Slot&, const Slot&) = default;
    };

    std::string text_;          // all names
    std::vector<Slot> slots_;   // a power of two, at most half full
    std::size_t size_ = 0;
    std::uint64_t sizes_ = 0;
    std::uint64_t firsts_ = 0;
};

}  // namespace pgweir::sql
