// A worker's knowledge of the names in one database, shared by all groups of that database, and what the control thread
// has been told of it.
#pragma once

#include <utility>

#include "proxy/session/database_names.hpp"
#include "proxy/sql/catalog_key.hpp"

namespace pgweir::net {

struct DatabaseWatch {
    explicit DatabaseWatch(sql::CatalogKey name) : key(std::move(name)), names(*key.functions) {}

    sql::CatalogKey key;
    session::DatabaseNames names;
    bool used = false;  // by a client, since the control thread was told
};

}  // namespace pgweir::net
