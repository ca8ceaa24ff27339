// memchr() for what is mostly near: the first bytes are looked at without a call.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace pgweir::sql {

// The first `byte` in [at, end), or `end`.
[[nodiscard]] inline const char* find_byte(const char* at, const char* end, char byte) noexcept {
#ifdef __SSE2__
    if (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const int found = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte)));
        if (found != 0) return at + std::countr_zero(static_cast<std::uint32_t>(found));
        at += 16;
    }
#endif
    const void* found = std::memchr(at, byte, static_cast<std::size_t>(end - at));
    return found == nullptr ? end : static_cast<const char*>(found);
}

}  // namespace pgweir::sql
