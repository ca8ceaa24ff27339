// The first tokens of a statement that is no query: enough for SET, BEGIN, DISCARD and the like.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proxy/sql/lexer.hpp"

namespace pgweir::sql {

class Head {
  public:
    static constexpr std::size_t kCapacity = 24;

    Head() noexcept {}  // the tokens stay uninitialised: writing them would cost more than judging a short query

    void clear() noexcept { size_ = 0; }
    void add(const Token& token) noexcept {
        end_ = token.end;
        if (size_ < kCapacity) storage_.tokens[size_] = copy_of(token);
        ++size_;
    }

    // More tokens came than are kept.
    [[nodiscard]] bool overflown() const noexcept { return size_ > kCapacity; }
    [[nodiscard]] std::size_t size() const noexcept { return size_ < kCapacity ? size_ : kCapacity; }
    [[nodiscard]] TokenKind kind(std::size_t i) const noexcept {
        return i < size() ? storage_.tokens[i].kind : TokenKind::end;
    }
    [[nodiscard]] Keyword keyword(std::size_t i) const noexcept {
        return kind(i) == TokenKind::word ? storage_.tokens[i].keyword.id : Keyword::none;
    }
    // `i` below size().
    [[nodiscard]] const Token& operator[](std::size_t i) const noexcept { return storage_.tokens[i]; }
    [[nodiscard]] std::size_t end() const noexcept { return end_; }  // of the statement's last token

  private:
    union Storage {
        Storage() noexcept {}
        std::array<Token, kCapacity> tokens;
    };

    Storage storage_;
    std::size_t size_ = 0;
    std::size_t end_ = 0;
};

}  // namespace pgweir::sql
