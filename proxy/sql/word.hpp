// How far an identifier or keyword goes, and what it is looked up by.
#pragma once

#include <algorithm>
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
// Sixteen letters at a time: a loop's end that nobody can predict costs more than all of them.
[[nodiscard]] inline Word measure_long_word(const char* at, const char* end) noexcept {
    const auto all = [](char c) { return _mm_set1_epi8(c); };
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i folded = _mm_or_si128(bytes, all(0x20));
    const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(folded, all('a' - 1)), _mm_cmpgt_epi8(all('z' + 1), folded));
    const __m128i digits = _mm_and_si128(_mm_cmpgt_epi8(bytes, all('0' - 1)), _mm_cmpgt_epi8(all('9' + 1), bytes));
    const __m128i signs = _mm_or_si128(_mm_cmpeq_epi8(bytes, all('_')), _mm_cmpeq_epi8(bytes, all('$')));
    // Bytes ≥ 0x80 have the bit that is gathered.
    const __m128i belongs = _mm_or_si128(_mm_or_si128(letters, digits), _mm_or_si128(signs, bytes));
    Word word;
    word.size = static_cast<std::size_t>(std::countr_one(static_cast<std::uint32_t>(_mm_movemask_epi8(belongs))));
    std::uint64_t start = static_cast<std::uint64_t>(_mm_cvtsi128_si64(folded));
    const std::size_t spare = 8 * (kWordStart - std::min(word.size, kWordStart));
    word.start = start << spare >> spare;
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
