// split = "shadow": everything goes to the primary, and what would have gone where is counted (docs/routing.md, "Rolling out").
#include "proxy/net/client_shadow.hpp"

#include <utility>

#include "proxy/net/server.hpp"
#include "proxy/net/verifier.hpp"
#include "proxy/session/second_run.hpp"
#include "proxy/sql/varying.hpp"

namespace pgweir::net {

// Where splitting would send the segment at the front, with the replicas as they are now. What its session has seen so far is
// taken to have come from where it would have (reads_on): its writes hold its reads back as they would, and its reads do not.
// It does not wait: causal_wait counts as 0.
void Client::judge_shadow(const routing::Route& judged, Bytes segment) {
    shadow_->route = judged;
    shadow_->host.reset();
    shadow_->watched.reset();
    if (judged.target == routing::Target::primary) return;
    if (group_->shadow_verify_percent > 0) watch_answer(judged, segment);
    route_ = judged;  // what bound_now() goes by; acquire() comes next
    queued_ = worker_.now();
    sql::Reason why = sql::Reason::read_preference;
    shadow_->host = shadow_replica(why);
    if (!shadow_->host) shadow_->route = {.target = routing::Target::primary, .reason = why};
    else if (why == sql::Reason::replicas_lag) shadow_->route.reason = why;
}

// As choose() would, but that it waits for nothing and refuses nothing. None: the primary, and `why`.
std::optional<cluster::HostIndex> Client::shadow_replica(sql::Reason& why) {
    const cluster::Snapshot& snapshot = *worker_.snapshot(group_->cluster);
    const bool prefers_primary = route_.read_preference == config::ReadPreference::primary_preferred;
    if (prefers_primary && worker_.primary_answers(*group_)) return std::nullopt;
    const cluster::Bound bound = bound_now();
    const bool global = std::exchange(fresh_.arrived, 0) != 0;
    const auto host = worker_.pick(*group_, route_, address_identity_, bound, {}, why);
    if (!host && is_stale(why) && !global) worker_.want_fresh(group_->cluster, why);
    if (!host || host == snapshot.primary) return std::nullopt;
    incarnation_ = snapshot.servers[cluster::index_of(*host)].incarnation;
    return host;
}

void Client::count_shadow() {
    const routing::Route route = machine_->route(shadow_->route);
    worker_.counters().shadow_routed[static_cast<std::size_t>(route.target)][static_cast<std::size_t>(route.reason)].add();
}

// --- Verification: the answer passes by, and what is kept of it is compared with a replica's (Verifier).

void Client::watch_answer(const routing::Route& judged, Bytes segment) {
    if (judged.reason != sql::Reason::read && judged.reason != sql::Reason::hint_replica) return;  // begins a transaction
    Verifier& verifier = worker_.verifier();
    if (!verifier.draws(group_->shadow_verify_percent)) return;
    if (judged.vouched) return verifier.skip(Skip::vouched);
    if (!verifier.has_room()) return verifier.skip(Skip::busy);
    if (segment.size() > worker_.config().routing.retry_buffer_size) return verifier.skip(Skip::too_large);
    std::optional<std::string> request = machine_->standalone(segment);
    if (!request) return;  // it only prepares
    if (request->empty()) return verifier.skip(Skip::not_alone);
    if (sql::varies(session::statement_of(*request), true)) return verifier.skip(Skip::varies);
    shadow_->watched = std::make_unique<Shadow::Watched>(Shadow::Watched{std::move(*request), machine_->desired()});
}

// Its answer comes behind those of what was sent ahead.
void Client::watched_sent(const session::Forwarded& forwarded) {
    if (!shadow_->watched || shadow_->watched->answer || forwarded.segments == 0) return;
    const session::ReplyQueue& queue = server_->machine().queue();
    const bool as_sent = forwarded.segments == 1 && queue.client_ready() == 1;  // not an error of pgweir's instead
    if (!as_sent) return shadow_->watched.reset();
    shadow_->watched->answer.emplace(queue.ready() - 1);
}

void Client::watched_heard(Bytes answer, bool sent_again) {
    if (!shadow_->watched || !shadow_->watched->answer) return;
    if (sent_again) return shadow_->watched.reset();
    session::AnswerDigest& digest = *shadow_->watched->answer;
    digest.add(answer);
    if (!digest.finished() && !digest.broken()) return;
    const std::unique_ptr<Shadow::Watched> watched = std::move(shadow_->watched);
    Verifier& verifier = worker_.verifier();
    if (digest.broken() || digest.status() != 'I') return verifier.skip(Skip::primary_failed);
    if (digest.opaque()) return verifier.skip(Skip::not_alone);
    verifier.begin(*group_, {std::move(watched->request), std::move(watched->settings), digest.fingerprint()});
}

// The replica that the segments since the link are on, or would be.
std::optional<cluster::HostIndex> Client::reads_on() const noexcept {
    if (shadow_) return shadow_->host;
    if (route_.target == routing::Target::replica) return server_->host_pool().host;
    return std::nullopt;
}

}  // namespace pgweir::net
