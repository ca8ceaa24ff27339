// Statements that are no queries: what they do to the transaction and leave in the session (semantics.md A and D).
#pragma once

#include <string_view>

#include "proxy/sql/head.hpp"
#include "proxy/sql/statement.hpp"

namespace pgweir::sql {

// One statement of a text. `name` and `value` are slices of the text, or of static storage for settings with a syntax
// of their own (SET NAMES, SET TIME ZONE).
struct Utility {
    Reason reason = Reason::not_a_read;
    Transaction transaction = Transaction::none;
    Effect effects = Effect::none;
    Local local = Local::none;
    bool asks_position = false;
    std::string_view name{};
    std::string_view value{};
};

// `head`: the statement from its verb on, taken from `text`.
[[nodiscard]] Utility judge_utility(const Head& head, std::string_view text) noexcept;

// Its parts, by verb.
[[nodiscard]] Utility judge_set(const Head& head, std::string_view text) noexcept;
[[nodiscard]] Utility judge_reset(const Head& head, std::string_view text) noexcept;
[[nodiscard]] Utility judge_show(const Head& head, std::string_view text) noexcept;
[[nodiscard]] Transaction begin_mode(const Head& head) noexcept;

}  // namespace pgweir::sql
