// How a catalog stands, for those who look at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/sql/catalog.hpp"

namespace pgweir::monitor {

struct CatalogStatus {
    std::string cluster, dbname;
    std::chrono::system_clock::time_point loaded_at;  // the epoch: never
    std::chrono::milliseconds age{0};                 // since then
    bool in_use = false;   // a client was seen not long ago, so it is read again
    sql::CatalogCounts counts;
    std::string error;  // of the newest attempt; empty: it went well
};

struct CatalogLoads {
    std::uint64_t good = 0, failed = 0;  // since the start
};

}  // namespace pgweir::monitor
