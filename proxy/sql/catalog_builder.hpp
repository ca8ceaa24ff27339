// Judges what the primary's catalog tells. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/sql/allowlist.hpp"
#include "proxy/sql/catalog.hpp"
#include "proxy/sql/catalog_rows.hpp"

namespace pgweir::sql {

class CatalogBuilder {
  public:
    // The list is the built-in one with the configuration's additions and removals.
    [[nodiscard]] static Catalog build(const CatalogRows& rows, const Allowlist& functions);

  private:
    CatalogBuilder(const CatalogRows& rows, const Allowlist& functions) : rows_(rows), functions_(functions) {}

    void add_functions();
    void add_operators();
    void add_casts();
    void add_relations();
    void add_views();
    [[nodiscard]] bool judge_view(const CatalogRows::View& view);
    [[nodiscard]] bool is_safe(const CatalogRows::Function& function) const;
    [[nodiscard]] bool is_safe(const CatalogRows::Callee& callee) const;
    void mark(std::string_view name, UnsafeName what);
    void publish_unsafe();

    const CatalogRows& rows_;
    const Allowlist& functions_;
    std::map<std::string, UnsafeName, std::less<>> unsafe_;
    Catalog catalog_;
};

}  // namespace pgweir::sql
