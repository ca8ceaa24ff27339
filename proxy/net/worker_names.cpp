// What a worker knows of the names in its clients' databases: told by the control thread, which it tells who is used.
#include "proxy/net/client.hpp"
#include "proxy/net/worker.hpp"

namespace pgweir::net {

namespace {

constexpr std::chrono::seconds kTellUse{30};

}  // namespace

DatabaseWatch& Worker::watch(const config::Database& database, const PoolGroup& group) {
    sql::CatalogKey key{settings_->clusters[group.cluster].name, group.dbname, settings_->functions_of(database)};
    std::unique_ptr<DatabaseWatch>& watch = watches_[WatchName{group.database, group.dbname, group.cluster}];
    if (!watch) watch = std::make_unique<DatabaseWatch>(key);
    watch->judge_by(std::move(key.functions));
    return *watch;
}

// The first client in a while has the catalog read at once.
void Worker::note_use(DatabaseWatch& watch) {
    if (!std::exchange(watch.used, true) && shared_.use_catalog) shared_.use_catalog(watch.key, id_);
}

void Worker::tell_watches(TimePoint time) {
    for (const auto& [name, watch] : watches_) {
        if (watch->names.take_ddl() && shared_.ddl_passed) shared_.ddl_passed(watch->key);
    }
    if (time < tell_use_) return;
    tell_use_ = time + kTellUse;
    for (const auto& [name, watch] : watches_) watch->used = false;
    for (const auto& client : clients_) {
        if (client && client->group() != nullptr && client->group()->watch != nullptr) note_use(*client->group()->watch);
    }
}

void Worker::learn_catalog(sql::CatalogKey key, std::shared_ptr<const sql::Catalog> catalog) {
    post([this, key = std::move(key), catalog = std::move(catalog)] {
        for (const auto& [name, watch] : watches_) {
            if (watch->key == key) watch->names.learn(catalog);
        }
    });
}

}  // namespace pgweir::net
