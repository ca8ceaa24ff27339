// Rows of a worker's state as the console shows them, copied by the worker itself when it is asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proxy/net/stats.hpp"

namespace pgweir::net {

struct PoolRow {
    std::string database, user, server;  // server: the configured name
    std::uint32_t cl_active = 0, cl_waiting = 0, cl_active_cancel_req = 0, cl_waiting_cancel_req = 0;
    std::uint32_t sv_active = 0, sv_being_canceled = 0, sv_idle = 0, sv_login = 0;
    std::chrono::microseconds maxwait{0};
    config::PoolMode pool_mode = config::PoolMode::transaction;
    std::uint32_t pool_size = 0;  // the limit over all workers
};

struct ClientRow {
    std::string user, database, state;  // state: active (linked), waiting, idle
    std::string addr;
    std::uint16_t port = 0;
    std::string application_name;
    std::string tls;  // its version, or empty
    std::chrono::system_clock::time_point connect_time, request_time;
    std::chrono::microseconds wait{0};
    std::string link;    // the linked server's name, or empty
    std::string pinned;  // why the session holds its connection, or empty
    std::string_view target, reason;  // of the newest segment that a server got: its names in the metrics, or empty
    std::uint64_t id = 0;
    unsigned worker = 0;
};

struct ServerRow {
    std::string user, database, state;  // state: active, idle, login, being_canceled
    std::string server, addr;
    std::uint16_t port = 0;
    std::chrono::system_clock::time_point connect_time, request_time;
    std::string application_name;
    std::string tls;  // its version, or empty
    std::uint32_t remote_pid = 0;
    std::uint32_t prepared_statements = 0;
    std::uint64_t id = 0, link = 0;  // link: the client's id, or 0
    unsigned worker = 0;
};

// What looked like a read and was refused by a replica; see session/learned_reads.hpp.
struct LearnedRow {
    std::string database, user, text;
    std::uint64_t refusals = 0, uses = 0;
    unsigned worker = 0;
};

// What one worker adds to a console answer.
struct Inspection {
    std::vector<PoolRow> pools;
    std::vector<ClientRow> clients;
    std::vector<ServerRow> servers;
    std::vector<LearnedRow> learned;
};

}  // namespace pgweir::net
