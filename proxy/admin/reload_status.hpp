// What came of reading the configuration again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace pgweir::admin {

struct ReloadResult {
    std::string error;                       // empty: it is in force; else nothing has changed
    std::vector<std::string> needs_restart;  // keys that have another value in the file than the one in force
};

struct ReloadStatus {
    std::uint64_t good = 0, failed = 0;
    std::chrono::system_clock::time_point last_good;  // the start, until there was one
};

using ReloadDone = std::function<void(const ReloadResult&)>;

}  // namespace pgweir::admin
