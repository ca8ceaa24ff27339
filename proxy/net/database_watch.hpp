// A worker's knowledge of the names in one database, shared by all groups that call it so, and what the control thread
// has been told of it.
#pragma once

#include <utility>

#include "proxy/session/database_names.hpp"
#include "proxy/sql/catalog_key.hpp"

namespace pgweir::net {

struct DatabaseWatch {
    explicit DatabaseWatch(sql::CatalogKey name) : key(std::move(name)), names(*key.functions) {}

    // Another list judges from now on, and the catalog is wanted as judged by it.
    void judge_by(std::shared_ptr<const sql::Allowlist> functions) {
        if (key.functions == functions) return;
        names.judge_by(*functions);
        key.functions = std::move(functions);
        used = false;
    }

    sql::CatalogKey key;
    session::DatabaseNames names;
    bool used = false;  // by a client, since the control thread was told
};

}  // namespace pgweir::net
