// Which catalog: of which database, judged with which list.
#pragma once

#include <compare>
#include <memory>
#include <string>

#include "proxy/sql/allowlist.hpp"

namespace pgweir::sql {

struct CatalogKey {
    std::string cluster;
    std::string dbname;                    // as servers call it
    std::shared_ptr<const Allowlist> functions;  // this very one: equal lists are one object (net::Settings)

    friend auto operator<=>(const CatalogKey&, const CatalogKey&) = default;
};

}  // namespace pgweir::sql
