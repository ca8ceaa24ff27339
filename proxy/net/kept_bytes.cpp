#include "proxy/net/kept_bytes.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace pgweir::net {

void KeptBytes::Free::operator()(Block* block) const noexcept { std::free(block); }

Bytes KeptBytes::bytes() const noexcept { return block_ ? as_bytes({begin(), block_->size}) : Bytes{}; }

// malloc's, since realloc moves large blocks without copying.
void KeptBytes::reserve(std::size_t capacity) {
    const std::size_t old = block_ ? block_->capacity : 0;
    if (capacity <= old) return;
    capacity = old == 0 ? capacity : std::max(capacity, 2 * old);
    const std::size_t kept = size();
    void* grown = std::realloc(block_.get(), sizeof(Block) + capacity);
    if (grown == nullptr) throw std::bad_alloc();
    (void)block_.release();
    block_.reset(new (grown) Block{kept, capacity});
}

void KeptBytes::assign(Bytes bytes) {
    block_.reset();
    append(bytes);
}

void KeptBytes::append(Bytes bytes) {
    if (bytes.empty()) return;
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    extend(bytes.size());
}

void KeptBytes::prepend(Bytes bytes) {
    if (bytes.empty()) return;
    const std::size_t old = size();
    (void)room(bytes.size());
    std::memmove(begin() + bytes.size(), begin(), old);
    std::memcpy(begin(), bytes.data(), bytes.size());
    extend(bytes.size());
}

void KeptBytes::drop_front(std::size_t count) noexcept {
    if (count >= size()) return block_.reset();
    std::memmove(begin(), begin() + count, block_->size - count);
    block_->size -= count;
}

char* KeptBytes::room(std::size_t count) {
    reserve(size() + count);
    return begin() + block_->size;
}

void KeptBytes::extend(std::size_t count) noexcept {
    block_->size += count;
    if (block_->size == 0) block_.reset();
}

}  // namespace pgweir::net
