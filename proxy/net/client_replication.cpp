// A replication client: a connection of its own to the primary, and bytes both ways unread (semantics.md H).
#include <spdlog/spdlog.h>


#include "config/clusters.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/canceler.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/client_replicating.hpp"
#include "proxy/net/client_starting.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::net {

namespace sqlstate = protocol::sqlstate;

namespace {

constexpr std::chrono::milliseconds kRetry{500};
constexpr std::chrono::seconds kFlush{30};  // for the client to take what the server left

}  // namespace

// Physical replication has no database: PostgreSQL's programs send "replication" as its name.
std::optional<std::size_t> Client::replicated_cluster(bool physical) {
    const config::Database* entry = worker_.database(names_->database);
    if (entry == nullptr) {
        const std::set<std::string> clusters = config::cluster_names(worker_.config());
        if (physical && clusters.size() == 1) return worker_.settings().find_cluster(*clusters.begin());
        const std::string advice = physical ? "; for physical replication, a [[database]] of this name says which cluster" : "";
        fail(sqlstate::kInvalidCatalogName, "database \"" + names_->database + "\" is not configured" + advice);
        return std::nullopt;
    }
    const bool forced = !entry->user.empty();
    if (forced || entry->read_only) {
        fail(sqlstate::kInvalidAuthorization, "database \"" + names_->database + "\" takes no replication connections: it has " +
                                                  (forced ? "a forced user" : "read_only = true"));
        return std::nullopt;
    }
    return worker_.settings().find_cluster(entry->cluster);
}

void Client::replicate(session::ServerSecret secret) {
    const std::string& mode = starting_->login.result().replication;
    const auto cluster = replicated_cluster(mode != "database");
    if (!cluster) return;
    const config::Database* entry = worker_.database(names_->database);
    BackendTarget target{.cluster = *cluster, .host = {}, .user = names_->user,
                         .dbname = entry == nullptr || entry->dbname.empty() ? names_->database : entry->dbname,
                         .database = names_->database, .secret = std::move(secret), .parameters = {{"replication", mode}}};
    for (const session::Parameter& parameter : starting_->wanted) target.parameters.emplace_back(parameter.name, parameter.value);
    const std::string& name = starting_->application_name;
    if (!name.empty()) target.parameters.emplace_back("application_name", name);
    replicating_ = std::make_unique<Replicating>();
    replicating_->target = std::move(target);
    state_ = State::replication;
    queued_ = worker_.now();
    open_stream();
}

void Client::open_stream() {
    Replicating& own = *replicating_;
    const auto primary = worker_.snapshot(own.target.cluster)->primary;
    homeless_ = !primary;
    own.retry = TimePoint::max();
    if (!primary) return;
    own.target.host = *primary;
    own.stream = std::make_shared<Replication>(worker_, own.target, *this);
    worker_.add_backend(own.stream);
    own.stream->open_connection();
}

void Client::stream_failed(std::string_view code, std::string_view message, bool final) {
    replicating_->stream.reset();
    // What a server says about itself may change soon; that it has no connection left is for the client to know.
    if (final || code == sqlstate::kTooManyConnections) return fail(code, "server login failed: " + std::string(message));
    homeless_ = true;
    replicating_->retry = worker_.now() + kRetry;
}

void Client::stream_ready(const session::ServerLogin& login) {
    std::string out;
    for (const auto& [name, value] : login.parameters()) protocol::append_parameter_status(out, name, value);
    append_key(out);
    protocol::append_ready_for_query(out, 'I');
    send(as_bytes(out));
    const std::string mode = starting_->login.result().replication == "database" ? "logical" : "physical";
    starting_.reset();
    replicating_->begun = true;
    worker_.counters().clients_accepted.add();
    worker_.counters().replications.add(1);
    spdlog::info("event=replication_begun id={} user={} database={} addr={}:{} server={} mode={}", id_,
                 session::log_value(names_->user), session::log_value(names_->database), address_.text(), address_.port(), replicating_->stream->server_name(),
                 mode);
    resume();
}

void Client::stream_bytes(Bytes bytes) {
    replicating_->boundary.pass(bytes);
    send(bytes);
}

void Client::stream_over(std::string_view why) {
    replicating_->stream.reset();
    if (lost() || !blocked()) {
        end_sending();
        return close(why);
    }
    replicating_->over = true;  // closed when the rest has been sent
    replicating_->over_since = worker_.now();
}

bool Client::stream_takes() const noexcept {
    const Replication* stream = replicating_->stream.get();
    return stream != nullptr && stream->ready() && !stream->blocked();
}

std::size_t Client::on_stream(Bytes bytes) {
    if (!stream_takes()) return 0;
    worker_.counters().server_bytes_sent.add(bytes.size());
    replicating_->stream->send(bytes);
    return bytes.size();
}

void Client::resume_stream() {
    if (replicating_->over) {
        end_sending();
        return close("server ended the connection");
    }
    if (replicating_->stream) replicating_->stream->arm_read();
}

void Client::cancel_stream() {
    const std::shared_ptr<Replication> stream = replicating_->stream;
    const bool possible = stream && stream->ready();
    (possible ? worker_.counters().cancels_forwarded : worker_.counters().cancels_dropped).add();
    if (possible) Canceler::start(worker_, stream);
}

// It would never end by itself.
void Client::drain_stream() { break_stream("pgweir is shutting down"); }

// What it says from now on is another history than the new primary's.
void Client::stream_fenced() { break_stream("the server is not the primary any more"); }

// In the middle of a message there is no place for a last word.
void Client::break_stream(std::string_view why) {
    if (replicating_->boundary.reached() && !blocked()) return fail(sqlstate::kAdminShutdown, why);
    close(why);
}

void Client::tick_stream(TimePoint now) {
    if (homeless_ && now >= replicating_->retry) return open_stream();
    if (replicating_->over && now - replicating_->over_since > kFlush) close("client does not read");
}

void Client::end_stream(std::string_view why) {
    const std::unique_ptr<Replicating> own = std::move(replicating_);
    if (own->stream) own->stream->leave();
    if (!own->begun) return;
    worker_.counters().replications.add(-1);
    spdlog::info("event=replication_ended id={} user={} database={} cause={}", id_, session::log_value(names_->user),
                 session::log_value(names_->database), session::log_value(why));
}

}  // namespace pgweir::net
