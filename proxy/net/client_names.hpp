// The names that a client has logged in with: one object for all of a worker's clients that have the same.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

namespace pgweir::net {

struct ClientNames {
    std::string user, database;
};

// Not thread-safe: a worker's. It outlives the names.
class ClientNamesTable {
  public:
    ClientNamesTable() = default;
    ClientNamesTable(const ClientNamesTable&) = delete;
    ClientNamesTable& operator=(const ClientNamesTable&) = delete;

    [[nodiscard]] std::shared_ptr<const ClientNames> share(const std::string& user, const std::string& database);
    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

  private:
    std::unordered_map<std::string, std::weak_ptr<const ClientNames>> known_;
};

}  // namespace pgweir::net
