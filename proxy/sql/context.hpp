// Tells a function call from everything else that puts a name before a parenthesis: column lists behind an alias, type
// modifiers, keywords. Whatever is not certain counts as a call (semantics.md B).
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/sql/lexer.hpp"

namespace pgweir::sql {

// What a token was, in 16 bits: a kind, or a keyword in a place where it is one.
using Code = std::uint16_t;

inline constexpr Code kStartCode = 0;
inline constexpr Code kNameCode = static_cast<Code>(TokenKind::word);
// A parenthesis closed behind which a name before another parenthesis is never called: `f(…) alias(`, `f(…) FILTER (`.
inline constexpr Code kAliasClose = 32;

[[nodiscard]] constexpr Code code_of(Keyword keyword) noexcept {
    return static_cast<Code>(64 + static_cast<Code>(keyword));
}

// A possibly qualified name: a, a.b, a.b.c.
struct NameChain {
    Token first;  // of more than one
    Token last;
    std::size_t count = 0;
};

class Context {
  public:
    // Forgets all: a new statement.
    void reset() noexcept { *this = Context{}; }
    // What comes next begins a statement, as the one behind EXPLAIN.
    void expect_verb() noexcept { history_ = 0; }
    // The statement is known not to be a read.
    void note_write() noexcept { writes_ = true; }

    // Whether the next word is a keyword if it looks like one: not behind a dot, and not a label behind AS.
    [[nodiscard]] bool keyword_position() const noexcept {
        return code() != static_cast<Code>(TokenKind::dot) && code() != code_of(Keyword::as);
    }
    // The tokens before: 0 is the newest, 3 the oldest that is remembered.
    [[nodiscard]] Code code(unsigned back = 0) const noexcept { return at(history_, back); }
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
    [[nodiscard]] const NameChain& chain() const noexcept { return chain_; }

    // Takes a word in a keyword_position() that is a keyword.
    void keyword(const Token& token) noexcept;
    // Takes any other name.
    void identifier(const Token& token) noexcept;
    // Takes an opening parenthesis, behind which `lexer` stands. True: it calls chain().
    [[nodiscard]] bool open(const Lexer& lexer) noexcept;
    // Takes a closing parenthesis. False: there was none open.
    [[nodiscard]] bool close() noexcept;
    // Whether a query stands right behind the parenthesis behind which `lexer` stands. Then it is no argument list: as an
    // argument a query has parentheses of its own.
    [[nodiscard]] static bool query_follows(Lexer lexer) noexcept;
    // Takes any other token.
    void other(TokenKind kind) noexcept { push(static_cast<Code>(kind)); }

  private:
    static constexpr std::size_t kTrackedDepth = 64;  // deeper nesting gets no exceptions

    [[nodiscard]] static Code at(std::uint64_t history, unsigned back) noexcept {
        return static_cast<Code>(history >> (16U * back));
    }
    [[nodiscard]] Code before(unsigned back) const noexcept { return at(before_, back); }
    void push(Code code) noexcept { history_ = (history_ << 16U) | code; }
    [[nodiscard]] static std::uint64_t bit(std::size_t depth) noexcept {
        return depth < kTrackedDepth ? std::uint64_t{1} << depth : 0;
    }
    void begin_chain(const Token& token) noexcept;
    void extend_chain(const Token& token) noexcept;
    void enter(bool alias_follows) noexcept;
    [[nodiscard]] bool in_lists() const noexcept { return (with_bits_ | group_bits_) != 0; }
    [[nodiscard]] static bool begins_list(Keyword keyword) noexcept {
        return keyword == Keyword::with || keyword == Keyword::by;
    }
    void note_lists(Keyword keyword) noexcept;
    [[nodiscard]] bool declares() const noexcept;
    [[nodiscard]] bool lists_names(Lexer lexer) const noexcept;
    [[nodiscard]] bool special(Keyword keyword, const Lexer& lexer) const noexcept;
    [[nodiscard]] bool operand_before() const noexcept;

    std::uint64_t history_ = 0;
    std::uint64_t before_ = 0;      // the history before the chain
    std::uint64_t alias_bits_ = 0;  // by depth: the parenthesis that opened it closes as kAliasClose
    std::uint64_t with_bits_ = 0;   // by depth: in the list of a WITH
    std::uint64_t group_bits_ = 0;  // by depth: in the list of a GROUP BY
    NameChain chain_;
    std::size_t depth_ = 0;
    bool writes_ = false;
};

// Here and not in the source file: one of these is done for every second token.

[[gnu::always_inline]] inline void Context::keyword(const Token& token) noexcept {
    begin_chain(token);
    if (in_lists() || begins_list(token.keyword.id)) note_lists(token.keyword.id);
    push(code_of(token.keyword.id));
}

[[gnu::always_inline]] inline void Context::identifier(const Token& token) noexcept {
    if (code() != static_cast<Code>(TokenKind::dot)) {
        begin_chain(token);
    } else {
        extend_chain(token);
    }
    push(kNameCode);
}

[[gnu::always_inline]] inline void Context::begin_chain(const Token& token) noexcept {
    chain_.last = copy_of(token);
    chain_.count = 1;
    before_ = history_;
}

// Behind `).` or `].` the chain has no known beginning: it counts as qualified by something unknown.
[[gnu::always_inline]] inline void Context::extend_chain(const Token& token) noexcept {
    const bool known = code(1) == kNameCode || code(1) > code_of(Keyword::none);
    if (!known) begin_chain(token);
    if (chain_.count == 1) chain_.first = chain_.last;
    chain_.last = copy_of(token);
    ++chain_.count;
}

}  // namespace pgweir::sql
