// Counts what operator new is asked for, so that a test can see that nothing is. A file of its own: the compiler would
// see through the replacements where they are used.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/allocations/count.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace pgweir::test {
std::size_t allocation_count() noexcept { return allocations; }
}  // namespace pgweir::test
