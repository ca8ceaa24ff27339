// The long lists of numbers that programs write into IN (…), many bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace pgweir::sql {

// Commas that end_of_number_list() leaves to be read: with them every one of the last four tokens, which is what is remembered.
inline constexpr std::size_t kCommasKept = 4;

#ifdef __SSE2__

// A bit for each of the 16 bytes at `at` that is no digit, comma, space or newline.
[[nodiscard]] inline std::uint32_t outside_number_list(const char* at) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i digits = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    const __m128i spaces = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
    const __m128i inside = _mm_or_si128(_mm_or_si128(digits, spaces), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(inside)) ^ 0xFFFFU;
}

#endif

// `at` is behind a comma. Where to go on reading: at a comma, with nothing but whole numbers, commas and white space before
// it; `at` if there is little to leave out. What stands behind the list, and what may make its last number something else, is left.
[[nodiscard]] inline const char* end_of_number_list(const char* at, [[maybe_unused]] const char* end) noexcept {
#ifdef __SSE2__
    constexpr std::ptrdiff_t kStep = 16;
    if (end - at < 4 * kStep || outside_number_list(at) != 0) return at;
    const char* behind = at + kStep;
    while (end - behind >= kStep && outside_number_list(behind) == 0) behind += kStep;
    std::size_t commas = 0;
    while (behind != at) {
        if (*--behind == ',' && ++commas == kCommasKept) return behind;
    }
#endif
    return at;
}

}  // namespace pgweir::sql
