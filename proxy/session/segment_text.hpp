// What a segment in flight says and what became of it, for the log of slow statements.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/session/statement_cache.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

// Off, nothing is kept. On, a segment costs a copy of at most kKept bytes of its Query, or a reference to what it executes;
// memory is taken for the first segments only. The text is read when it is asked for, so for slow statements alone.
class SegmentText {
  public:
    static constexpr std::size_t kKept = 2048;   // bytes of a Query's text
    static constexpr std::size_t kShown = 1024;  // bytes of shown()
    static constexpr std::size_t kStatements = 8;  // prepared ones of a segment; more are counted

    void turn_on(bool on = true) noexcept {
        on_ = on;
        if (!on) clear();
    }
    [[nodiscard]] bool on() const noexcept { return on_; }

    // A Query. Its end may not have come.
    void note(std::string_view text, sql::LexSettings lex) {
        if (on_) add(text, lex);
    }
    // A Parse, Bind or Describe of this statement.
    void note(const StatementRef& statement) {
        if (on_) add(statement);
    }
    // A CommandComplete came for the client.
    void completed(std::string_view tag) noexcept {
        if (on_) rows_ += rows_of(tag);
    }
    // An ErrorResponse came for it.
    void failed(std::string_view sqlstate) noexcept {
        if (on_) set_sqlstate(sqlstate);
    }
    void clear() noexcept;

    // The statements' texts without literals, comments and spaces that mean nothing, and cut; nothing of a text whose
    // encoding may hide where its literals end.
    [[nodiscard]] std::string shown() const;
    // How many statements there were, each Query as one.
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    // That commands have returned or changed, by their tags.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    // Of the error that came last; empty: none.
    [[nodiscard]] std::string_view sqlstate() const noexcept {
        return {sqlstate_.data(), sqlstate_[0] == '\0' ? 0 : sqlstate_.size()};
    }

  private:
    void add(std::string_view text, sql::LexSettings lex);
    void add(const StatementRef& statement);
    void set_sqlstate(std::string_view code) noexcept;
    [[nodiscard]] static std::uint64_t rows_of(std::string_view tag) noexcept;

    std::vector<StatementRef> statements_;
    std::string query_;  // behind them
    sql::LexSettings lex_;
    std::uint64_t rows_ = 0;
    std::uint32_t count_ = 0;
    std::array<char, 5> sqlstate_{};
    bool on_ = false;
};

}  // namespace pgweir::session
