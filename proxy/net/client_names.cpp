#include "proxy/net/client_names.hpp"

namespace pgweir::net {

namespace {

// Neither name holds a NUL.
std::string key_of(const std::string& user, const std::string& database) { return user + '\0' + database; }

}  // namespace

std::shared_ptr<const ClientNames> ClientNamesTable::share(const std::string& user, const std::string& database) {
    std::string key = key_of(user, database);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second.lock();
    std::shared_ptr<const ClientNames> made(new ClientNames{user, database}, [this](const ClientNames* gone) {
        known_.erase(key_of(gone->user, gone->database));
        delete gone;
    });
    known_.emplace(std::move(key), made);
    return made;
}

}  // namespace pgweir::net
