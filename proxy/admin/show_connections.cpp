#include <array>

#include "proxy/admin/show.hpp"

namespace pgweir::admin {

namespace {

using enum ColumnType;

// PgBouncer's twenty-one, then ours: N of them.
template <std::size_t N>
constexpr std::array<Column, 21 + N> connection_columns(const std::array<Column, N>& ours) {
    constexpr auto kTheirs = std::to_array<Column>({
        {"type", text},
        {"user", text},
        {"database", text},
        {"replication", text},
        {"state", text},
        {"addr", text},
        {"port", int8},
        {"local_addr", text},
        {"local_port", int8},
        {"connect_time", text},
        {"request_time", text},
        {"wait", int8},
        {"wait_us", int8},
        {"close_needed", int8},
        {"ptr", text},
        {"link", text},
        {"remote_pid", int8},
        {"tls", text},
        {"application_name", text},
        {"prepared_statements", int8},
        {"id", int8},
    });
    std::array<Column, 21 + N> columns{};
    for (std::size_t i = 0; i < 21; ++i) columns[i] = kTheirs[i];
    for (std::size_t i = 0; i < N; ++i) columns[21 + i] = ours[i];
    return columns;
}

constexpr auto kClients = connection_columns(std::to_array<Column>({{"pinned", text}, {"worker", int8}, {"target", text}, {"reason", text}}));
constexpr auto kServers = connection_columns(std::to_array<Column>({{"server", text}, {"worker", int8}}));

}  // namespace

// `link` is a name or an id instead of an address of memory, and `ptr` the row's own id in text.
Table show_clients(const Call& /*call*/, const net::Inspection& rows) {
    Table table{kClients, {}};
    for (const net::ClientRow& client : rows.clients) {
        table.rows.push_back({cell("C"),
                              cell(client.user),
                              cell(client.database),
                              cell("none"),
                              cell(client.state),
                              cell(client.addr),
                              cell(client.port),
                              kNull,
                              kNull,
                              time_cell(client.connect_time),
                              time_cell(client.request_time),
                              cell(client.wait.count() / 1'000'000),
                              cell(client.wait.count() % 1'000'000),
                              cell(0),
                              cell(client.id),
                              cell(client.link),
                              cell(0),
                              cell(client.tls),
                              cell(client.application_name),
                              kNull,
                              cell(client.id),
                              cell(client.pinned),
                              cell(client.worker),
                              cell(client.target),
                              cell(client.reason)});
    }
    return table;
}

Table show_servers(const Call& /*call*/, const net::Inspection& rows) {
    Table table{kServers, {}};
    for (const net::ServerRow& server : rows.servers) {
        table.rows.push_back({cell("S"),
                              cell(server.user),
                              cell(server.database),
                              cell("none"),
                              cell(server.state),
                              cell(server.addr),
                              cell(server.port),
                              kNull,
                              kNull,
                              time_cell(server.connect_time),
                              time_cell(server.request_time),
                              cell(0),
                              cell(0),
                              cell(0),
                              cell(server.id),
                              server.link == 0 ? cell("") : cell(server.link),
                              cell(server.remote_pid),
                              cell(server.tls),
                              cell(server.application_name),
                              cell(server.prepared_statements),
                              cell(server.id),
                              cell(server.server),
                              cell(server.worker)});
    }
    return table;
}

}  // namespace pgweir::admin
