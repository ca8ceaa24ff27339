// Bytes that are kept until they can be sent or worked on. A pointer in size, since nearly always there are none.
#pragma once

#include <cstddef>
#include <memory>

#include "protocol/bytes.hpp"

namespace pgweir::net {

// As a std::string in what it does and what may be thrown (std::bad_alloc); its memory goes with its last byte.
class KeptBytes {
  public:
    KeptBytes() noexcept = default;

    [[nodiscard]] bool empty() const noexcept { return block_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return block_ ? block_->size : 0; }
    // Valid until the next change.
    [[nodiscard]] Bytes bytes() const noexcept;
    // `bytes` are none of its own.
    void assign(Bytes bytes);
    void append(Bytes bytes);
    void prepend(Bytes bytes);
    void drop_front(std::size_t count) noexcept;  // all, if there are no more
    // Room for `count` bytes more, to write to; extend() says how many have been written.
    [[nodiscard]] char* room(std::size_t count);
    void extend(std::size_t count) noexcept;

  private:
    struct Block {  // the bytes follow
        std::size_t size, capacity;
    };
    struct Free {
        void operator()(Block* block) const noexcept;
    };

    [[nodiscard]] char* begin() const noexcept { return reinterpret_cast<char*>(block_.get() + 1); }
    void reserve(std::size_t capacity);

    std::unique_ptr<Block, Free> block_;  // null: no bytes
};

}  // namespace pgweir::net
