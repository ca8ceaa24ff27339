// The question that is asked of a primary about the names in one of its databases, and how the answer is read.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <optional>
#include <string>

#include "proxy/sql/catalog_rows.hpp"

namespace pgweir::monitor {

// Several statements in one Query, a transaction of their own. Needs CONNECT on the database and nothing else.
extern const char* const kCatalogSql;

// Rows of one kind (functions, operators, casts, sequences and unlogged tables, views) that are asked for, and text of
// views' definitions in bytes.
inline constexpr std::size_t kMaxCatalogRows = 100'000;

// Takes the results of kCatalogSql in their order.
class CatalogAnswer {
  public:
    // Does not take it over.
    void add(const PGresult* result);

    // Why the rows are not to be used; empty: they are whole.
    [[nodiscard]] std::string error() const;
    [[nodiscard]] bool from_standby() const noexcept { return standby_; }
    // There were more rows of some kind than are asked for.
    [[nodiscard]] bool cut() const noexcept { return cut_; }
    [[nodiscard]] sql::CatalogRows& rows() noexcept { return rows_; }

  private:
    void add_rows(const PGresult* result);

    sql::CatalogRows rows_;
    std::string error_;
    std::size_t selects_ = 0;  // answered so far
    bool standby_ = false;
    bool cut_ = false;
};

}  // namespace pgweir::monitor
