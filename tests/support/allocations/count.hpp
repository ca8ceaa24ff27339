// For tests that something allocates nothing; their program is linked with count.cpp.
#pragma once

#include <cstddef>

namespace pgweir::test {

// Calls of operator new in this process so far.
[[nodiscard]] std::size_t allocation_count() noexcept;

}  // namespace pgweir::test
