// Texts that were judged plain reads, so that their like need not be judged again. Worker-local.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/session/database_names.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

// Says what sql::classify() says, for less where clients send the same text with other numbers in it: to the scanner a whole
// number that stands alone is a token like any other. Only texts in which nothing but such a number could change how the rest
// is read are kept: short, ASCII, without quotes, comments and `$`. Where keeping does not pay, little is kept.
class PlainReads {
  public:
    [[nodiscard]] sql::Statement judge(std::string_view text, sql::LexSettings lex, const DatabaseNames& names);

    // Whether a text that differs from this one at most in numbers is kept.
    [[nodiscard]] bool knows(std::string_view text, const DatabaseNames& names) const noexcept;
    // Of texts that are kept.
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    static constexpr std::size_t kMostBytes = 256;     // of what is kept
    static constexpr std::size_t kLongest = 512;       // of what is looked for, numbers included
    static constexpr std::size_t kMostNumbers = 15;
    static constexpr std::size_t kSets = 64;
    static constexpr std::size_t kWays = 4;
    static constexpr std::uint32_t kMostSkipped = 1023;

    struct Pattern {
        const DatabaseNames* names = nullptr;  // who judged, and
        std::uint64_t version = 0;             // when; 0: nothing is kept here
        std::size_t pieces = 0;
        std::array<std::uint16_t, kMostNumbers + 1> sizes{};  // of the pieces, between which the numbers were
        std::string text;                                     // without the numbers
        bool used = false;                                    // since it was kept, or was last spared

        void keep(std::string_view read, const DatabaseNames& by);  // with at most kMostNumbers
        [[nodiscard]] bool current(const DatabaseNames& by) const noexcept { return names == &by && version == by.version(); }
        // Nothing is kept here, or what can never be found again.
        [[nodiscard]] bool free(const DatabaseNames& by) const noexcept { return version == 0 || (names == &by && version != by.version()); }
        [[nodiscard]] bool matches(std::string_view read) const noexcept;
    };
    struct Set {
        std::size_t newest = 0;
        std::uint32_t skip = 0;     // so many texts are not kept, since
        std::uint32_t skipped = 0;  // what was kept has gone unused, the last time after so many
        std::array<Pattern, kWays> patterns;

        // Whether this text is one of those that are not kept.
        [[nodiscard]] bool passes_over(const DatabaseNames& by) noexcept;
        // Where the next text is to be kept; null: nowhere now.
        [[nodiscard]] Pattern* place(const DatabaseNames& by) noexcept;
        [[nodiscard]] Pattern* free_place(const DatabaseNames& by) noexcept;
    };

    [[nodiscard]] static std::uint64_t hash(std::string_view text) noexcept;
    // By the database, too: all may send the same.
    [[nodiscard]] static std::size_t set_of(std::string_view text, const DatabaseNames& names) noexcept;

    std::vector<Set> sets_;  // empty until the first text has come
};

}  // namespace pgweir::session
