// Runs reads of databases in shadow mode a second time, on a replica, and compares the answers (docs/routing.md, "Rolling
// out"). One for each worker. No client waits for it, and none sees anything of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/cluster/causal.hpp"
#include "proxy/net/verdict.hpp"
#include "proxy/net/verify_connection.hpp"
#include "proxy/net/worker.hpp"
#include "proxy/routing/draw.hpp"

namespace pgweir::net {

// A read that the primary has answered.
struct Observed {
    std::string request;  // ClientMachine::standalone
    session::ParameterRef settings;
    session::Fingerprint answer;
};

class Verifier {
  public:
    explicit Verifier(Worker& worker);
    ~Verifier();

    // Whether one more may begin now.
    [[nodiscard]] bool has_room() const noexcept { return runs_.size() < kRuns && !worker_.draining(); }
    // Whether the next read is among the share that is compared.
    [[nodiscard]] bool draws(std::uint32_t percent) noexcept { return routing::drawn(++draws_, percent); }
    void skip(Skip why) noexcept;
    void begin(PoolGroup& group, Observed observed);
    // There is news of a cluster.
    void look_again() { seek_for_all(false); }
    // Now and then: ends waits that take too long.
    void tick() { seek_for_all(true); }

    // --- Called by its connections.
    void ran(VerifyConnection& connection, const VerifyConnection::Outcome& outcome);
    void closed(VerifyConnection& connection) noexcept;  // it takes no run any more
    void could_not_connect() noexcept;

  private:
    struct Run;
    static constexpr std::size_t kRuns = 4;
    static constexpr std::size_t kConnections = 2 * kRuns;

    void await_replica(Run& run);
    [[nodiscard]] bool seek(Run& run);
    [[nodiscard]] bool start(Run& run, cluster::HostIndex host, bool primary);
    [[nodiscard]] std::shared_ptr<VerifyConnection> connection_to(HostPool& pool, bool primary);
    [[nodiscard]] bool replica_answered(Run& run, const VerifyConnection::Outcome& outcome);
    [[nodiscard]] bool primary_answered(Run& run, const VerifyConnection::Outcome& outcome);
    [[nodiscard]] bool ask_primary(Run& run);
    [[nodiscard]] bool settle(const Run& run, Verdict verdict);
    [[nodiscard]] bool give_up(const Run& run, Skip why);
    void seek_for_all(bool late_only);
    void report(const Run& run, Verdict verdict);

    Worker& worker_;
    std::vector<std::unique_ptr<Run>> runs_;
    std::vector<std::shared_ptr<VerifyConnection>> connections_;
    std::uint64_t draws_ = 0;
    TimePoint connect_from_{};  // after a failed login
    TimePoint reports_since_{};
    unsigned reports_ = 0;
};

}  // namespace pgweir::net
