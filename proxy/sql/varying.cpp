#include "proxy/sql/varying.hpp"

#include <algorithm>
#include <array>

#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

constexpr auto kWords = std::to_array<std::string_view>(
    {"current_date", "current_time", "current_timestamp", "explain", "localtime", "localtimestamp", "tablesample"});
// Of PostgreSQL's own functions, and of the extension for UUIDs that everybody has.
constexpr auto kFunctions = std::to_array<std::string_view>(
    {"age", "array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "now", "pg_database_size", "pg_indexes_size",
     "pg_relation_size", "pg_table_size", "pg_tablespace_size", "pg_total_relation_size", "random", "random_normal",
     "statement_timestamp", "timeofday", "transaction_timestamp", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4",
     "uuidv4", "uuidv7"});
// Written as a literal of a date or time.
constexpr auto kMoments = std::to_array<std::string_view>({"'now'", "'today'", "'tomorrow'", "'yesterday'"});

template <std::size_t N>
[[nodiscard]] bool has(const std::array<std::string_view, N>& names, std::string_view text) noexcept {
    return std::ranges::any_of(names, [text](std::string_view name) { return equals_folded(text, name); });
}

}  // namespace

bool varies(std::string_view text, bool standard_strings) noexcept {
    Lexer lexer(text, standard_strings);
    bool function = false;  // the token before is the name of one, if this is its parenthesis
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
        if (function && token.kind == TokenKind::open) return true;
        function = false;
        std::string_view written = lexer.text(token);
        if (token.kind == TokenKind::string && has(kMoments, written)) return true;
        if (token.kind == TokenKind::word && has(kWords, written)) return true;
        if (token.kind == TokenKind::quoted && written.size() > 2) written = written.substr(1, written.size() - 2);
        function = (token.kind == TokenKind::word || token.kind == TokenKind::quoted) && has(kFunctions, written);
    }
    return false;
}

}  // namespace pgweir::sql
