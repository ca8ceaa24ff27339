// Keeps the catalogs of the databases that clients use: reads each when it is first wanted, on a timer, and when DDL has
// passed, always from the primary. Everything runs on one io_context, the control thread's; nothing blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "config/config.hpp"
#include "proxy/monitor/catalog_reader.hpp"
#include "proxy/monitor/catalog_status.hpp"
#include "proxy/sql/catalog_key.hpp"

namespace pgweir::monitor {

class CatalogWatch {
  public:
    // The primary of a cluster, which may be gone after the call; null while none is known.
    using PrimaryOf = std::function<const cluster::Member*(const std::string& cluster)>;
    // A catalog that says something else than the one before; null: it is not to be used any more.
    using Publish = std::function<void(const sql::CatalogKey&, std::shared_ptr<const sql::Catalog>)>;

    CatalogWatch(boost::asio::io_context& io, const config::Config& config, PrimaryOf primary_of, Publish publish);
    ~CatalogWatch();  // as stop()
    CatalogWatch(const CatalogWatch&) = delete;
    CatalogWatch& operator=(const CatalogWatch&) = delete;

    // Clients use it. Said again at least every kUnused/2: what nobody uses is not read any more. The result is what is
    // known now; null: nothing yet.
    std::shared_ptr<const sql::Catalog> use(const sql::CatalogKey& key);
    static constexpr std::chrono::minutes kUnused{10};
    // DDL was committed in this database, under whatever list.
    void ddl_passed(const sql::CatalogKey& key);
    void stop();
    // The configuration has been replaced: its interval counts from now on, and lists that are nobody's any more are forgotten.
    void reload();

    [[nodiscard]] CatalogReport report() const;

  private:
    using Clock = std::chrono::steady_clock;
    struct Entry;

    void forget();
    void schedule(Entry& entry, Clock::time_point when);
    void load(Entry& entry);
    void loaded(Entry& entry, CatalogAnswer answer, const std::string& error);
    void failed(Entry& entry, const std::string& error);
    void accept(Entry& entry, const sql::CatalogRows& rows);
    [[nodiscard]] ConnectionOptions options_for(const cluster::Member& server, const std::string& dbname) const;
    [[nodiscard]] Clock::duration jittered(Clock::duration span);

    boost::asio::io_context& io_;
    const config::Config& config_;
    PrimaryOf primary_of_;
    Publish publish_;
    std::chrono::milliseconds interval_;
    std::map<sql::CatalogKey, std::unique_ptr<Entry>> entries_;
    std::size_t loading_ = 0;  // entries that are being read
    CatalogLoads loads_;
    std::minstd_rand random_;
};

}  // namespace pgweir::monitor
