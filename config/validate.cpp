#include "config/validate.hpp"

#include <algorithm>
#include <set>

#include "config/password.hpp"

namespace pgweir::config {

void Origins::note(std::string_view section, std::size_t index, std::string_view key, Position where) {
    places_[{std::string(section), index, std::string(key)}] = where;
}

Position Origins::find(std::string_view section, std::size_t index, std::string_view key) const {
    for (const std::string_view candidate : {key, std::string_view{}}) {
        const auto found = places_.find({std::string(section), index, std::string(candidate)});
        if (found != places_.end()) return found->second;
    }
    return {1, 1};
}

bool Origins::has(std::string_view section, std::size_t index, std::string_view key) const {
    return places_.contains({std::string(section), index, std::string(key)});
}

namespace {

class Checks {
  public:
    Checks(const Config& config, const Origins& origins, const std::string& file)
        : config_(config), origins_(origins), file_(file) {}

    std::vector<Problem> run() {
        if (config_.servers.empty()) report("server", 0, "", "there is none; add a [[server]] for each PostgreSQL server");
        if (config_.databases.empty()) report("database", 0, "", "there is none; add a [[database]]");
        unique("server", config_.servers);
        unique("database", config_.databases);
        unique("user", config_.users);
        clusters();
        sizes();
        passwords();
        return std::move(problems_);
    }

  private:
    void report(std::string_view section, std::size_t index, std::string_view key, std::string message) {
        const std::string path = std::string(section) + (key.empty() ? "" : "." + std::string(key));
        problems_.push_back({file_, origins_.find(section, index, key), path, std::move(message)});
    }

    template <class Blocks>
    void unique(std::string_view section, const Blocks& blocks) {
        std::set<std::string> seen;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (!seen.insert(blocks[i].name).second) {
                report(section, i, "name", "\"" + blocks[i].name + "\" is there twice; names are unique");
            }
        }
    }

    void clusters() {
        std::set<std::string> known;
        for (const Server& server : config_.servers) known.insert(server.cluster);
        for (std::size_t i = 0; i < config_.databases.size(); ++i) {
            const std::string& cluster = config_.databases[i].cluster;
            if (known.contains(cluster) || config_.servers.empty()) continue;
            report("database", i, "cluster", "no [[server]] belongs to cluster \"" + cluster + "\"");
        }
    }

    void sizes() {
        const Pool& pool = config_.pool;
        if (pool.min_pool_size > pool.default_pool_size) {
            report("pool", 0, "min_pool_size", "is larger than default_pool_size");
        }
        for (std::size_t i = 0; i < config_.databases.size(); ++i) {
            const Database& database = config_.databases[i];
            const std::uint32_t size = database.pool_size.value_or(pool.default_pool_size);
            if (database.min_pool_size.value_or(pool.min_pool_size) > size) {
                report("database", i, database.min_pool_size ? "min_pool_size" : "pool_size",
                       "the pool's minimum is larger than its size");
            }
        }
    }

    void passwords() {
        for (std::size_t i = 0; i < config_.users.size(); ++i) {
            if (form_of(config_.users[i].password) == PasswordForm::malformed_scram) {
                report("user", i, "password", "is not a whole SCRAM-SHA-256 verifier; take it from pg_authid.rolpassword");
            }
        }
        for (std::size_t i = 0; i < config_.databases.size(); ++i) {
            usable("database", i, config_.databases[i].password);
        }
        usable("monitor", 0, config_.monitor.password);
    }

    void usable(std::string_view section, std::size_t index, const std::string& password) {
        const PasswordForm form = form_of(password);
        if (form == PasswordForm::scram || form == PasswordForm::malformed_scram) {
            report(section, index, "password", "a SCRAM verifier cannot log in to a server; plain text is needed");
        }
    }

    const Config& config_;
    const Origins& origins_;
    const std::string& file_;
    std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> validate(const Config& config, const Origins& origins, const std::string& file) {
    return Checks(config, origins, file).run();
}

}  // namespace pgweir::config
