// The budgets of the process by pool key.
#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "proxy/pool/budget.hpp"

namespace pgweir::pool {

struct PoolKey {
    std::string server;  // the configured name
    std::string database;  // as clients call it, as in PgBouncer: two names of one database have two pools
    std::string user;      // on the server
    std::string dbname{};  // on the server
    std::uint64_t member = 0;  // cluster::ServerView::member: a server that left and came back is another one
    bool read_only = false;    // of a database for reading only
    friend auto operator<=>(const PoolKey&, const PoolKey&) = default;
};

// Thread-safe; used only when a pool is made or the configuration is reloaded.
class BudgetRegistry {
  public:
    // The budget that all pools of this key share. It lives as long as one of them; `limit` becomes its limit.
    [[nodiscard]] std::shared_ptr<Budget> get(const PoolKey& key, std::uint32_t limit);
    // Keys whose budget is alive.
    [[nodiscard]] std::size_t size() const;

  private:
    class Lock;

    mutable std::atomic_flag busy_;
    std::map<PoolKey, std::weak_ptr<Budget>> budgets_;
};

}  // namespace pgweir::pool
