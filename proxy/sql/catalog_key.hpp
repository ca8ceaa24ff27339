// Which catalog: of which database, judged with which list.
#pragma once

#include <compare>
#include <string>

#include "proxy/sql/allowlist.hpp"

namespace pgweir::sql {

struct CatalogKey {
    std::string cluster;
    std::string dbname;                    // as servers call it
    const Allowlist* functions = nullptr;  // outlives the key

    friend auto operator<=>(const CatalogKey&, const CatalogKey&) = default;
};

}  // namespace pgweir::sql
