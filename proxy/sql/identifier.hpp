// A name in a text as the server takes it: folded or without its quotes, and cut to its longest.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/sql/text.hpp"

namespace pgweir::sql {

class Identifier {
  public:
    static constexpr std::size_t kLongest = 63;  // bytes; the server cuts the rest off, with a NOTICE

    // `written`: a word, or what stands between double quotes, where "" means one.
    Identifier(std::string_view written, bool quoted) noexcept {
        if (quoted) {
            unquote(written);
        } else {
            fold(written);
        }
    }

    [[nodiscard]] std::string_view text() const noexcept { return {buffer_.data(), size_}; }

  private:
    void fold(std::string_view word) noexcept {
        const std::size_t size = word.size() < kLongest ? word.size() : kLongest;
        for (std::size_t i = 0; i < size; ++i) buffer_[i] = lower(word[i]);
        size_ = size;
    }

    void unquote(std::string_view written) noexcept {
        for (std::size_t i = 0; i < written.size() && size_ < kLongest; ++i) {
            if (written[i] == '"') ++i;
            buffer_[size_++] = i < written.size() ? written[i] : '"';
        }
    }

    std::array<char, kLongest> buffer_;
    std::size_t size_ = 0;
};

[[nodiscard]] constexpr bool beyond_ascii(std::string_view text) noexcept {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return true;
    }
    return false;
}

}  // namespace pgweir::sql
