// How far an identifier or keyword goes, and what it is looked up by.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "proxy/sql/keywords.hpp"
#include "proxy/sql/text.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace pgweir::sql {

struct Word {
    std::size_t size = 0;
    std::uint64_t start = 0;  // for find_keyword
};

// Letter by letter. `at` stands at the first letter.
[[nodiscard]] inline Word measure_word(const char* at, const char* end) noexcept {
    Word word;
    const std::size_t longest = static_cast<std::size_t>(end - at);
    while (word.size < longest && is(at[word.size], kIdentCont)) {
        if (word.size < kWordStart) word.start = add_to_start(word.start, at[word.size], word.size);
        ++word.size;
    }
    return word;
}

#ifdef __SSE2__
// By a word's size: of its start, the bytes that are its own.
[[nodiscard]] consteval std::array<std::uint64_t, 17> make_start_masks() {
    std::array<std::uint64_t, 17> masks{};
    for (std::size_t size = 1; size < masks.size(); ++size) masks[size] = masks[size - 1] << 8U | 0xFFU;
    return masks;
}

inline constexpr std::array<std::uint64_t, 17> kStartMasks = make_start_masks();

// The bytes from `first` to `last`. Shifted so that `last` is the greatest, one signed comparison tells.
[[nodiscard]] inline __m128i in_range(__m128i bytes, char first, char last) noexcept {
    constexpr int kGreatest = 127;
    const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(kGreatest - last)));
    return _mm_cmpgt_epi8(shifted, _mm_set1_epi8(static_cast<char>(kGreatest - (last - first) - 1)));
}

// Sixteen letters at a time: a loop's end that nobody can predict costs more than all of them.
[[nodiscard]] inline Word measure_long_word(const char* at, const char* end) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i letters = in_range(folded, 'a', 'z');
    const __m128i digits = in_range(bytes, '0', '9');
    const __m128i signs =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('$')));
    // Bytes ≥ 0x80 have the bit that is gathered.
    const __m128i belongs = _mm_or_si128(_mm_or_si128(letters, digits), _mm_or_si128(signs, bytes));
    Word word;
    word.size = static_cast<std::size_t>(std::countr_one(static_cast<std::uint32_t>(_mm_movemask_epi8(belongs))));
    word.start = static_cast<std::uint64_t>(_mm_cvtsi128_si64(folded)) & kStartMasks[word.size];
    if (word.size == 16) {
        for (at += 16; at != end && is(*at, kIdentCont); ++at) ++word.size;
    }
    return word;
}
#endif

// `at`: the first letter, in [at, end).
[[nodiscard]] inline Word read_word_at(const char* at, const char* end) noexcept {
#ifdef __SSE2__
    if (end - at >= 16) return measure_long_word(at, end);
#endif
    return measure_word(at, end);
}

}  // namespace pgweir::sql
