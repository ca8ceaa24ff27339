// One walk over the tokens of a text, collecting what each statement may do. Used by classify() alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/sql/context.hpp"
#include "proxy/sql/head.hpp"
#include "proxy/sql/identifier.hpp"
#include "proxy/sql/judge.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/statement.hpp"
#include "proxy/sql/utility.hpp"

namespace pgweir::sql {

// Why a statement that begins like a read may be none. In the order in which they are named to the user.
enum Doubt : std::uint32_t {
    kDoubtInto = 1U << 0,
    kDoubtLock = 1U << 1,
    kDoubtWrite = 1U << 2,
    kDoubtTemporary = 1U << 3,
    kDoubtFunction = 1U << 4,
    kDoubtNodeLocal = 1U << 5,
    kDoubtSequence = 1U << 6,
    kDoubtSyntax = 1U << 7,
    kDoubtView = 1U << 8,      // that an annotation lifts
    kDoubtRelation = 1U << 9,  // that none does
    kDoubtOperator = 1U << 10,
    kDoubtCast = 1U << 11,
};

// The verbs of queries.
[[nodiscard]] constexpr bool reads(Keyword verb) noexcept {
    return verb == Keyword::select || verb == Keyword::with || verb == Keyword::values || verb == Keyword::table;
}

class Scan {
  public:
    Scan(std::string_view text, bool standard_strings, Judge judge) noexcept
        : lexer_(text, standard_strings), text_(text), names_(judge), words_(judge.word_watch()), operators_(judge.operator_watch()) {}

    // Walks through the whole text. Call once.
    [[nodiscard]] Statement run() noexcept;

  private:
    void on_name(const Token& token) noexcept;
    void on_keyword(Keyword keyword) noexcept;
    void on_identifier(const Token& token, bool label) noexcept;
    void on_telling_name(std::string_view name, bool label) noexcept;
    void on_watched_word(const Token& token, bool label) noexcept;
    void on_unsafe(UnsafeName found, bool label) noexcept;
    void on_watched_operator(const Token& token) noexcept;
    void on_temporary() noexcept;
    void on_open() noexcept;
    void on_close() noexcept;
    void on_call() noexcept;
    [[nodiscard]] Identifier identifier(const Token& token) const noexcept;
    [[nodiscard]] bool in_copy_options() const noexcept;
    void watch(const Token& token) noexcept;
    void find_verb(const Token& token) noexcept;
    void look_for_copy_target(const Token& token) noexcept;
    void begin_statement() noexcept;
    void finish_statement() noexcept;
    void finish_text() noexcept;
    [[nodiscard]] Utility judge() noexcept;
    [[nodiscard]] Utility judge_query() const noexcept;
    [[nodiscard]] Utility judge_copy() const noexcept;
    void merge(const Utility& statement) noexcept;

    Lexer lexer_;
    std::string_view text_;
    Judge names_;
    const Catalog* words_;      // null: no word needs a look
    const Catalog* operators_;  // the same
    Statement result_;
    std::size_t statements_ = 0;

    // What to look for in the next token, whatever it is; nothing in most of a query.
    enum Watch : std::uint8_t {
        kWatchVerb = 1U << 0,      // the verb, behind EXPLAIN the inner one
        kWatchHead = 1U << 1,      // more of a statement that is no query
        kWatchSequence = 1U << 2,  // whether the newest token names a column of a sequence
    };

    // Of the statement at hand.
    enum class CopyTarget : std::uint8_t { none, stream, file };
    Context context_;
    Head head_;
    Keyword verb_ = Keyword::none;
    Keyword copy_direction_ = Keyword::none;
    CopyTarget copy_target_ = CopyTarget::none;
    std::uint32_t doubts_ = 0;
    Effect effects_ = Effect::none;
    std::uint8_t watch_ = kWatchVerb;
    bool begun_ = false;  // there was a token
    bool explain_ = false;
    bool analyze_ = false;
    bool in_options_ = false;  // of EXPLAIN (…)
    bool for_seen_ = false;
};

}  // namespace pgweir::sql
