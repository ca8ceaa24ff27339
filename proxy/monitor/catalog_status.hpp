// How a catalog stands, for those who look at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

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

struct CatalogReport {
    std::vector<CatalogStatus> databases;  // by cluster and name; one for each list of functions that it is judged with
    CatalogLoads loads;
};

}  // namespace pgweir::monitor
