// Seeds for what is left to chance.
#pragma once

#include <openssl/rand.h>

#include <cstdint>

namespace pgweir::net {

[[nodiscard]] inline std::uint64_t random_word() noexcept {
    std::uint64_t word = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&word), sizeof word);
    return word;
}

}  // namespace pgweir::net
