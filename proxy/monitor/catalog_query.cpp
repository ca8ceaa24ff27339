#include "proxy/monitor/catalog_query.hpp"

#include <array>
#include <string_view>

namespace pgweir::monitor {

// What initdb makes has OIDs below 16384. Definitions are written with pg_catalog alone in search_path, so that all other
// names in them are qualified. What belongs to a session (pg_temp) is not here: a text names it as such, or its session
// stays on the primary.
const char* const kCatalogSql =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    "SET LOCAL search_path = pg_catalog, pg_temp;"
    "SET LOCAL statement_timeout = '10s';"
    "SET LOCAL lock_timeout = '2s';"
    "SET LOCAL standard_conforming_strings = on;"
    "SET LOCAL quote_all_identifiers = off;"
    "SELECT pg_is_in_recovery();"
    // Functions by name. An aggregate is as volatile as what it is made of.
    "SELECT n.nspname, p.proname,"
    " bool_or(p.prokind = 'p' OR p.provolatile = 'v' OR coalesce(a.is_volatile, false)),"
    " EXISTS (SELECT FROM pg_proc b WHERE b.proname = p.proname AND b.pronamespace = 'pg_catalog'::regnamespace AND b.oid < 16384)"
    "  AS in_pg_catalog,"
    " bool_or(coalesce(t.typtype IN ('c', 'p') OR d.typtype = 'c', false)),"
    " string_agg(a.parts, ' ')"
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " LEFT JOIN pg_type t ON t.oid = CASE WHEN p.pronargs = 1 AND p.provariadic <> 0 THEN p.provariadic ELSE p.proargtypes[0] END"
    " LEFT JOIN pg_type d ON d.oid = t.typbasetype"
    " LEFT JOIN (SELECT g.aggfnoid, bool_or(s.provolatile = 'v') AS is_volatile,"
    "   string_agg(s.proname, ' ') FILTER (WHERE s.oid < 16384) AS parts"
    "   FROM pg_aggregate g JOIN pg_proc s ON s.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn,"
    "    g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn)"
    "   WHERE g.aggfnoid >= 16384 GROUP BY g.aggfnoid) a ON a.aggfnoid = p.oid"
    " WHERE (n.nspname <> 'pg_catalog' OR p.oid >= 16384) AND n.nspname !~ '^pg_temp_'"
    " GROUP BY n.nspname, p.proname ORDER BY in_pg_catalog DESC LIMIT 100001;"
    "SELECT DISTINCT o.oprname, n.nspname, p.proname, p.provolatile = 'v'"
    " FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE o.oid >= 16384 LIMIT 100001;"
    // Casts and input functions by what they make, domains over that, and the elements of arrays of it.
    "WITH RECURSIVE made(type, function) AS ("
    " SELECT casttarget, castfunc FROM pg_cast WHERE oid >= 16384 AND castfunc <> 0"
    " UNION SELECT oid, typinput::oid FROM pg_type WHERE oid >= 16384 AND typinput::oid >= 16384"
    " UNION SELECT d.oid, m.function FROM made m JOIN pg_type d ON d.typbasetype = m.type AND d.typtype = 'd')"
    " SELECT DISTINCT t.typname, t.oid < 16384, n.nspname, p.proname, p.provolatile = 'v'"
    " FROM made m JOIN pg_type w ON w.oid = m.type JOIN pg_proc p ON p.oid = m.function"
    " JOIN pg_namespace n ON n.oid = p.pronamespace"
    " JOIN pg_type t ON t.oid = w.oid OR (w.typcategory = 'A' AND t.oid = w.typelem) LIMIT 100001;"
    // Reading a table reads what inherits from it and its partitions, too.
    "WITH RECURSIVE unlogged(oid) AS ("
    " SELECT oid FROM pg_class WHERE relpersistence = 'u' AND relkind IN ('r', 'p', 'm')"
    " UNION SELECT i.inhparent FROM pg_inherits i JOIN unlogged u ON u.oid = i.inhrelid)"
    " SELECT relname FROM (SELECT c.relname, 1 AS turn FROM pg_class c JOIN unlogged USING (oid) WHERE c.relkind IN ('r', 'p', 'm')"
    " UNION SELECT relname, 2 FROM pg_class WHERE relkind = 'S' AND relpersistence <> 't') r"
    " GROUP BY relname ORDER BY min(turn) LIMIT 100001;"
    "SELECT relname, CASE WHEN length(definition) <= 262144 AND sum(length(definition)) OVER (ORDER BY oid) <= 33554432"
    " THEN definition END FROM (SELECT oid, relname, pg_get_viewdef(oid) AS definition FROM pg_class"
    " WHERE relkind = 'v' AND oid >= 16384 AND relpersistence <> 't' ORDER BY oid LIMIT 100001) v;"
    "COMMIT";

namespace {

// Of each SELECT, in its order: how many columns it has.
constexpr std::array<int, 6> kColumns = {1, 6, 4, 5, 1, 2};

class Row {
  public:
    Row(const PGresult* result, int row) noexcept : result_(result), row_(row) {}

    [[nodiscard]] std::string text(int column) const {
        return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
    }
    [[nodiscard]] bool flag(int column) const noexcept { return *PQgetvalue(result_, row_, column) == 't'; }
    [[nodiscard]] bool is_null(int column) const noexcept { return PQgetisnull(result_, row_, column) != 0; }

  private:
    const PGresult* result_;
    int row_;
};

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) found.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return found;
}

void add_function(sql::CatalogRows& rows, const Row& row) {
    rows.functions.push_back({.schema = row.text(0),
                              .name = row.text(1),
                              .is_volatile = row.flag(2),
                              .in_pg_catalog = row.flag(3),
                              .takes_row = row.flag(4),
                              .parts = words(row.text(5))});
}

void add_operator(sql::CatalogRows& rows, const Row& row) {
    rows.operators.push_back({row.text(0), {row.text(1), row.text(2), row.flag(3)}});
}

void add_cast(sql::CatalogRows& rows, const Row& row) {
    rows.casts.push_back({row.text(0), row.flag(1), {row.text(2), row.text(3), row.flag(4)}});
}

void add_relation(sql::CatalogRows& rows, const Row& row) { rows.relations.push_back({row.text(0)}); }

void add_view(sql::CatalogRows& rows, const Row& row) {
    rows.views.push_back({row.text(0), row.is_null(1) ? std::nullopt : std::optional(row.text(1))});
}

using Add = void (*)(sql::CatalogRows&, const Row&);
constexpr std::array<Add, 6> kAdd = {nullptr, add_function, add_operator, add_cast, add_relation, add_view};

}  // namespace

void CatalogAnswer::add(const PGresult* result) {
    switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK: return;
        case PGRES_TUPLES_OK: return add_rows(result);
        default:
            if (error_.empty()) error_ = PQresultErrorMessage(result);
    }
}

void CatalogAnswer::add_rows(const PGresult* result) {
    const std::size_t which = selects_++;
    if (which >= kColumns.size() || PQnfields(result) != kColumns[which]) {
        error_ = "the catalog's answer could not be read";
        return;
    }
    const int count = PQntuples(result);
    cut_ |= static_cast<std::size_t>(count) > kMaxCatalogRows;
    for (int i = 0; i < count; ++i) {
        const Row row(result, i);
        if (kAdd[which] == nullptr) {
            standby_ = row.flag(0);
        } else {
            kAdd[which](rows_, row);
        }
    }
}

std::string CatalogAnswer::error() const {
    if (!error_.empty()) return error_;
    return selects_ == kColumns.size() ? std::string{} : "the catalog was answered in part";
}

}  // namespace pgweir::monitor
