// The contents of the SHOW tables, read back from the wire.
#include "proxy/admin/show.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proxy/admin/wire.hpp"
#include "tests/unit/proxy/admin/world.hpp"

namespace pgweir::admin {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using test::WireAnswer;
using testing::ElementsAre;

class ShowTest : public testing::Test {
  protected:
    WireAnswer table(Table (*show)(const Call&)) { return test::decode(encode(show(call))); }
    WireAnswer table(Table (*show)(const Call&, const net::Inspection&)) {
        return test::decode(encode(show(call, world.rows)));
    }

    test::World world;
    StatsPeriod period{std::chrono::steady_clock::now() - seconds(10)};
    Call call{world.io, world.sources, period};
};

// PgBouncer 1.26.1's columns in its order, as read off a running one; then ours.
TEST_F(ShowTest, PoolsHasPgBouncersColumnsAndMergesWorkers) {
    world.rows.pools = {
        {"app", "u", "pg2", 1, 2, 3, 4, 5, 6, 7, 8, microseconds(2'500'001), config::PoolMode::session, 20},
        {"app", "u", "pg1", 9, 0, 0, 0, 1, 0, 0, 0, microseconds(0), config::PoolMode::transaction, 20},
        {"app", "u", "pg2", 10, 20, 30, 40, 50, 60, 70, 80, microseconds(7), config::PoolMode::session, 20}};
    const WireAnswer answer = table(&show_pools);
    EXPECT_THAT(
        answer.column_names(),
        ElementsAre("database", "user", "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req",
                    "sv_active", "sv_active_cancel", "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login",
                    "maxwait", "maxwait_us", "pool_mode", "load_balance_hosts", "server", "pool_size"));
    ASSERT_EQ(answer.tags, "TDDCZ");
    EXPECT_EQ(answer.at(0, "server"), "pg1");
    EXPECT_EQ(answer.at(0, "pool_mode"), "transaction");
    const std::vector<std::pair<std::string_view, std::string_view>> expected = {{"database", "app"},
                                                                                 {"user", "u"},
                                                                                 {"cl_active", "11"},
                                                                                 {"cl_waiting", "22"},
                                                                                 {"cl_active_cancel_req", "33"},
                                                                                 {"cl_waiting_cancel_req", "44"},
                                                                                 {"sv_active", "55"},
                                                                                 {"sv_being_canceled", "66"},
                                                                                 {"sv_idle", "77"},
                                                                                 {"sv_login", "88"},
                                                                                 {"maxwait", "2"},
                                                                                 {"maxwait_us", "500001"},
                                                                                 {"pool_mode", "session"},
                                                                                 {"server", "pg2"},
                                                                                 {"pool_size", "20"},
                                                                                 {"load_balance_hosts", "NULL"}};
    for (const auto& [name, value] : expected) EXPECT_EQ(answer.at(1, name), value) << name;
    EXPECT_EQ(answer.columns[0].oid, 25u);
    EXPECT_EQ(answer.columns[2].oid, 20u);
}

TEST_F(ShowTest, StatsSumsTheWorkersInOneRow) {
    for (net::WorkerStats& worker : world.workers) {
        worker.server_assignments.add(2);
        worker.transactions.add(10);
        worker.queries.add(20);
        worker.client_bytes_received.add(1000);
        worker.client_bytes_sent.add(3000);
        worker.transaction_us.add(500);
        worker.query_us.add(400);
        worker.wait_us.add(8);
        worker.client_parses.add(5);
        worker.server_parses.add(6);
        worker.binds.add(7);
    }
    const WireAnswer answer = table(&show_stats);
    ASSERT_EQ(answer.rows.size(), 1u);
    EXPECT_THAT(std::vector(answer.rows[0].begin(), answer.rows[0].begin() + 12),
                ElementsAre("all", "4", "20", "40", "2000", "6000", "1000", "800", "16", "10", "12", "14"));
    EXPECT_THAT(answer.column_names(),
                ElementsAre("database", "total_server_assignment_count", "total_xact_count", "total_query_count",
                            "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time",
                            "total_client_parse_count", "total_server_parse_count", "total_bind_count",
                            "avg_server_assignment_count", "avg_xact_count", "avg_query_count", "avg_recv", "avg_sent",
                            "avg_xact_time", "avg_query_time", "avg_wait_time", "avg_client_parse_count",
                            "avg_server_parse_count", "avg_bind_count"));
    EXPECT_EQ(answer.at(0, "avg_xact_time"), "50");
    EXPECT_EQ(answer.at(0, "avg_query_time"), "20");
    EXPECT_EQ(answer.at(0, "avg_wait_time"), "4");
}

TEST_F(ShowTest, ClientsShowWhatTheyHold) {
    net::ClientRow client;
    client.user = "u";
    client.database = "app";
    client.state = "active";
    client.addr = "192.0.2.1";
    client.port = 50000;
    client.application_name = "evil\xff\n";
    client.connect_time = std::chrono::system_clock::time_point(seconds(1'795'510'519));
    client.wait = microseconds(3'000'004);
    client.link = "pg2";
    client.pinned = "temporary table";
    client.target = "replica";
    client.reason = "read";
    client.id = 42;
    client.worker = 1;
    world.rows.clients = {client};
    const WireAnswer answer = table(&show_clients);
    EXPECT_THAT(
        answer.column_names(),
        ElementsAre("type", "user", "database", "replication", "state", "addr", "port", "local_addr", "local_port",
                    "connect_time", "request_time", "wait", "wait_us", "close_needed", "ptr", "link", "remote_pid",
                    "tls", "application_name", "prepared_statements", "id", "pinned", "worker", "target", "reason"));
    const std::vector<std::pair<std::string_view, std::string_view>> expected = {
        {"type", "C"},
        {"user", "u"},
        {"state", "active"},
        {"addr", "192.0.2.1"},
        {"port", "50000"},
        {"connect_time", "2026-11-24 08:55:19 UTC"},
        {"request_time", "NULL"},
        {"wait", "3"},
        {"wait_us", "4"},
        {"link", "pg2"},
        {"application_name", "evil?\n"},
        {"id", "42"},
        {"pinned", "temporary table"},
        {"target", "replica"},
        {"reason", "read"},
        {"worker", "1"}};
    for (const auto& [name, value] : expected) EXPECT_EQ(answer.at(0, name), value) << name;
}

TEST_F(ShowTest, ServersShowTheirBackend) {
    net::ServerRow server;
    server.user = "u";
    server.database = "app";
    server.state = "idle";
    server.server = "pg1";
    server.remote_pid = 4294967295;
    server.prepared_statements = 3;
    server.id = 18446744073709551615ULL;
    world.rows.servers = {server, server};
    world.rows.servers[1].link = 42;
    const WireAnswer answer = table(&show_servers);
    EXPECT_EQ(answer.column_names().size(), 23u);
    EXPECT_EQ(answer.at(0, "type"), "S");
    EXPECT_EQ(answer.at(0, "remote_pid"), "4294967295");
    EXPECT_EQ(answer.at(0, "prepared_statements"), "3");
    EXPECT_EQ(answer.at(0, "id"), "18446744073709551615");
    EXPECT_EQ(answer.at(0, "link"), "");
    EXPECT_EQ(answer.at(1, "link"), "42");
    EXPECT_EQ(answer.at(1, "server"), "pg1");
}

TEST_F(ShowTest, DatabasesCountTheirConnections) {
    world.rows.pools = {
        {"app", "u", "pg1", 0, 0, 0, 0, 1, 2, 3, 4, microseconds(0), config::PoolMode::session, 7},
        {"other", "u", "pg1", 0, 0, 0, 0, 5, 0, 0, 0, microseconds(0), config::PoolMode::transaction, 20}};
    world.rows.clients.resize(3);
    world.rows.clients[0].database = "app";
    world.rows.clients[1].database = world.rows.clients[2].database = "anything";
    const WireAnswer answer = table(&show_databases);
    EXPECT_THAT(
        answer.column_names(),
        ElementsAre("name", "host", "port", "database", "force_user", "pool_size", "min_pool_size", "reserve_pool_size",
                    "server_lifetime", "pool_mode", "load_balance_hosts", "max_connections", "current_connections",
                    "max_client_connections", "current_client_connections", "paused", "disabled", "cluster", "split"));
    const std::vector<std::pair<std::string_view, std::string_view>> app = {{"name", "app"},
                                                                            {"host", "10.0.0.1,10.0.0.2,10.0.0.3"},
                                                                            {"port", "NULL"},
                                                                            {"database", "production"},
                                                                            {"force_user", "forced"},
                                                                            {"pool_size", "7"},
                                                                            {"server_lifetime", "3600"},
                                                                            {"pool_mode", "session"},
                                                                            {"current_connections", "10"},
                                                                            {"current_client_connections", "1"},
                                                                            {"cluster", "main"},
                                                                            {"split", "on"}};
    for (const auto& [name, value] : app) EXPECT_EQ(answer.at(0, name), value) << name;
    const std::vector<std::pair<std::string_view, std::string_view>> any = {{"name", "*"},
                                                                            {"database", "*"},
                                                                            {"force_user", "NULL"},
                                                                            {"pool_size", "20"},
                                                                            {"pool_mode", "NULL"},
                                                                            {"current_connections", "5"},
                                                                            {"current_client_connections", "2"}};
    for (const auto& [name, value] : any) EXPECT_EQ(answer.at(1, name), value) << name;
}

// semantics.md F: unknown is never 0.
TEST_F(ShowTest, ReplicationShowsRoleRotationAndLag) {
    const WireAnswer answer = table(&show_replication);
    ASSERT_EQ(answer.rows.size(), 3u);
    const std::vector<std::array<std::string_view, 4>> expected = {
        {"server", "pg1", "pg2", "pg3"},
        {"role", "primary", "replica", "unknown"},
        {"state", "not_a_replica", "in", "unreachable"},
        {"lag_us", "NULL", "1500000", "NULL"},
        {"lag_bytes", "NULL", "4096", "NULL"},
        {"position", "0/14000028", "0/14000028", "NULL"},
        {"timeline", "3", "3", "NULL"},
        {"epoch", "5", "5", "5"},
        {"system_identifier", "7123456789012345678", "7123456789012345678", "NULL"},
        {"port", "5432", "5432", "5433"},
        {"reachable", "yes", "yes", "no"},
        {"last_error", "", "", "connection refused"},
        {"zone", "", "east", ""},
        {"weight_percent", "100", "55", "100"},
        {"breaker", "closed", "half_open", "closed"},
        {"replay_paused", "no", "yes", "no"}};
    for (const auto& [name, first, second, third] : expected) {
        EXPECT_EQ(answer.at(0, name), first) << name;
        EXPECT_EQ(answer.at(1, name), second) << name;
        EXPECT_EQ(answer.at(2, name), third) << name;
    }
}

TEST_F(ShowTest, ListsAndUsersCount) {
    world.rows.clients.resize(4);
    world.rows.clients[0].user = "bob";
    world.rows.servers.resize(2);
    const WireAnswer lists = table(&show_lists);
    std::map<std::string, std::string> items;
    for (std::size_t i = 0; i < lists.rows.size(); ++i) items[lists.at(i, "list")] = lists.at(i, "items");
    EXPECT_EQ(items["databases"], "2");
    EXPECT_EQ(items["users"], "2");
    EXPECT_EQ(items["used_clients"], "4");
    EXPECT_EQ(items["used_servers"], "2");
    EXPECT_EQ(items["workers"], "2");
    world.config.file_users = {{"carol", "carol-secret", false}};  // of auth_file
    const WireAnswer users = table(&show_users);
    EXPECT_EQ(users.at(2, "name"), "carol");
    EXPECT_EQ(users.at(2, "admin"), "no");
    EXPECT_EQ(users.at(0, "name"), "alice");
    EXPECT_EQ(users.at(0, "admin"), "yes");
    EXPECT_EQ(users.at(1, "admin"), "no");
    EXPECT_EQ(users.at(1, "current_client_connections"), "1");
}

TEST_F(ShowTest, ShadowHasWhatHappened) {
    const auto read = static_cast<std::size_t>(sql::Reason::read);
    world.workers[0].shadow_routed[1][read].add(3);
    world.workers[1].shadow_routed[1][read].add(4);
    world.workers[1].shadow_routed[0][static_cast<std::size_t>(sql::Reason::write)].add();
    world.workers[0].shadow_verified[static_cast<std::size_t>(net::Verdict::skipped)].add(5);
    world.workers[0].shadow_skipped[static_cast<std::size_t>(net::Skip::busy)].add(5);
    const WireAnswer answer = table(&show_shadow);
    EXPECT_THAT(answer.column_names(), ElementsAre("what", "target", "reason", "count"));
    ASSERT_EQ(answer.rows.size(), 8U);
    EXPECT_THAT(answer.rows[0], ElementsAre("routed", "primary", "write", "1"));
    EXPECT_THAT(answer.rows[1], ElementsAre("routed", "replica", "read", "7"));
    EXPECT_THAT(answer.rows[2], ElementsAre("verified", "replica", "same", "0"));
    EXPECT_THAT(answer.rows[6], ElementsAre("verified", "replica", "skipped", "5"));
    EXPECT_THAT(answer.rows[7], ElementsAre("skipped", "replica", "busy", "5"));
}

}  // namespace
}  // namespace pgweir::admin
