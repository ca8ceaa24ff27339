#include "proxy/session/client_machine.hpp"

#include <algorithm>
#include <utility>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/session/identifiers.hpp"
#include "proxy/session/read_only.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

namespace sqlstate = protocol::sqlstate;

namespace {

constexpr sql::Effect kMayChangeSettings = sql::Effect::set_reported | sql::Effect::set_other | sql::Effect::set_role |
                                           sql::Effect::reset | sql::Effect::discard_all | sql::Effect::taint |
                                           sql::Effect::load | sql::Effect::set_local;

}  // namespace

ClientMachine::ClientMachine(StatementCache& statements, ParameterTable& parameters, ClientSetup setup)
    : statements_(statements),
      parameters_(parameters),
      setup_(std::move(setup)),
      desired_(setup_.start),
      told_(setup_.start),
      settings_(setup_.settings) {
    if (setup_.names == nullptr) setup_.names = &statements.own_names();
    settings_changed();
}

void ClientMachine::reload(const ClientSetup& setup) noexcept {
    setup_.split = setup.split;
    setup_.drawn = setup.drawn;
    setup_.reject_state = setup.reject_state;
    setup_.max_message = setup.max_message;
    setup_.max_statement = setup.max_statement;
    setup_.max_client_statements = setup.max_client_statements;
    setup_.max_statements = setup.max_statements;
    setup_.promote_unnamed = setup.promote_unnamed;
    setup_.retry_limit = setup.retry_limit;
}

routing::SessionFacts ClientMachine::facts() const noexcept {
    return {.split = setup_.split != config::Split::off && !setup_.session_mode,
            .drawn = setup_.drawn,
            .pinned = pin_ != Pin::none,
            .default_read_only = default_read_only_,
            .default_serializable = default_serializable_,
            .read_preference = settings_.now().read_preference,
            .max_lag = settings_.now().max_lag};
}

// What of the settings matters to reading and routing SQL, looked up once for each change.
void ClientMachine::settings_changed() {
    const ParameterSet::Facts& facts = desired_->facts();
    lex_.standard_conforming_strings = facts.standard_conforming_strings;
    lex_.ascii_trail_bytes = facts.ascii_trail_bytes;
    default_read_only_ = facts.default_read_only;
    default_serializable_ = facts.default_serializable;
    plan_settings_ = parameters_.for_plans(desired_);
}

bool ClientMachine::attach(ServerMachine& server, const routing::Route& route, std::string& to_server, Gather& to_client) {
    on_replica_ = route.target == routing::Target::replica;
    route_ = route;
    first_segment_ = true;
    wrote_ = false;
    const bool again = std::exchange(again_, Refusal::none) != Refusal::none;
    // Of a text that somebody vouches for nobody knows what a second run would do.
    if (on_replica_ && !again && setup_.retry_limit > 0 && !route.vouched) {
        server.attempt.begin(setup_.retry_limit);
    } else {
        server.attempt.drop();
    }
    // Something in it that the text does not show: who knows what it leaves behind in the session.
    tainted_ |= route.reason == sql::Reason::replica_refused || route.reason == sql::Reason::learned;
    if (setup_.session_mode && pin_ == Pin::none) pin_ = Pin::session_mode;
    const bool go = replay_settings(server, to_server, to_client);
    if (!moving_) return go;
    begin_again(server, to_server, to_client);
    return false;
}

bool ClientMachine::replay_settings(ServerMachine& server, std::string& to_server, Gather& to_client) {
    if (server.actual() == desired_) return true;
    const std::string sql = difference_sql(*desired_, *server.actual());
    if (sql.empty()) {
        server.set_actual(desired_);
        return true;
    }
    const bool certain = difference_is_certain(*desired_, *server.actual());
    server.inject_query(sql, Purpose::settings, to_server, to_client);
    // What the server reports differently comes as ParameterStatus and corrects both (parameter_reported).
    server.set_actual(desired_);
    if (!certain) server.hold_for_settings();
    return certain;
}

routing::Route ClientMachine::route(const routing::Route& planned) const noexcept {
    if (first_segment_) return planned;
    if (pin_ != Pin::none) return {planned.target, sql::Reason::pinned};
    const bool on_replica = planned.target == routing::Target::replica;
    return {planned.target, on_replica ? sql::Reason::read_only_transaction : sql::Reason::transaction};
}

void ClientMachine::segment_done(ServerMachine& server) {
    in_transaction_ = server.status() != TransactionStatus::idle;
    may_commit_ = ends_block_ = false;
    block_sent_ = in_transaction_;
    extended_open_ = false;
    copy_bound_ = false;
    first_segment_ = false;
    if (in_transaction_) return;
    forget_begin();
    portal_changes_.reset();
    explain_portal_.reset();
    wrote_ = false;
    local_portal_.reset();
    if (std::exchange(ddl_passed_, false)) {  // now others see it
        statements_.ddl_passed();
        names_changed_ = true;
    }
    if (std::exchange(names_changed_, false)) setup_.names->note_ddl();
    transaction_over(server);
    changes_sent_ = settings_doubtful_ = false;
    private_settings_ = {};
}

void ClientMachine::transaction_over(ServerMachine& server) {
    if (staged_) {
        error_seen_ ? staged_->roll_back() : staged_->commit();  // what is left is an implicit transaction's
        commit_changes(&server);
    }
    error_seen_ = false;
}

void ClientMachine::run_again(Refusal why) noexcept {
    again_ = why;
    checked_ = 0;
    planned_valid_ = false;
    error_seen_ = false;
}

// Where a read goes that a replica has not run.
routing::Route ClientMachine::second_route(const routing::Route& first) const noexcept {
    if (first.target == routing::Target::primary) return first;
    routing::Route second = first;
    switch (again_) {
        case Refusal::none: break;
        case Refusal::read_only: return {.target = routing::Target::primary, .reason = sql::Reason::replica_refused};
        case Refusal::schema: return {.target = routing::Target::primary, .reason = sql::Reason::replica_schema};
        case Refusal::conflict: second.reason = sql::Reason::replica_conflict; break;
        case Refusal::lost: second.reason = sql::Reason::replica_lost; break;
    }
    return second;
}

void ClientMachine::detached() noexcept {
    pin_ = Pin::none;
    checked_ = 0;
    tainted_ = false;
    on_replica_ = false;
    in_transaction_ = false;
    extended_open_ = false;
    forget_begin();
}

bool ClientMachine::parameter_reported(std::string_view name, std::string_view value) {
    if (same_name(name, "in_hot_standby")) return false;  // pgweir speaks for the primary (semantics.md H)
    if (!is_tracked_report(name)) return true;
    // Whatever turned it off, it is on again for the next segment.
    if (setup_.read_only && same_name(name, "default_transaction_read_only")) return false;
    const auto knows = [&](const ParameterRef& set) {
        const std::string* known = set->find(name);
        return known != nullptr && *known == value;
    };
    if (!knows(desired_)) {
        desired_ = parameters_.with(desired_, name, value);
        settings_changed();
    }
    if (knows(told_)) return false;  // the server has changed it for this client, which has never seen it otherwise
    told_ = parameters_.with(told_, name, value);
    return true;
}

void ClientMachine::restore_statement(const std::string& name, StatementRef previous) {
    if (name.empty()) {
        unnamed_ = std::move(previous);
        return;
    }
    if (!names_ && !previous) return;
    if (!names_) names_ = std::make_unique<Names>();
    const auto known = names_->find(name);
    if (known != names_->end()) {
        statement_bytes_ -= known->second->size();
        names_->erase(known);
    }
    if (!previous) return;
    statement_bytes_ += previous->size();
    names_->emplace(name, std::move(previous));
}

void ClientMachine::statements_dropped() noexcept {
    names_.reset();
    statement_bytes_ = 0;
}

// Until the next change of the table.
const StatementRef& ClientMachine::find_statement(std::string_view name) const {
    static const StatementRef none;
    const StatementRef* found = &none;
    if (name.empty()) {
        found = &unnamed_;
    } else if (names_) {
        const auto place = names_->find(name);
        if (place != names_->end()) found = &place->second;
    }
    if (*found) StatementCache::refresh(**found);
    return *found;
}

bool ClientMachine::is_answered_here(const sql::Statement& judged, std::string_view text) const {
    if (listen_change(judged, text)) return true;
    // DEALLOCATE of a name that the extended protocol made: servers know it by another name.
    if (!has(judged.effects, sql::Effect::deallocate_one) || judged.multiple) return false;
    const std::string name = folded_identifier(judged.name);
    return name.starts_with(kServerStatementPrefix) || (names_ != nullptr && names_->contains(name));
}

// The wire answer to a statement of pgweir's own, without ParseComplete, BindComplete and ReadyForQuery.
std::string ClientMachine::run_local(const sql::Statement& judged, std::string_view text, TransactionStatus status,
                                     Changes& changes) {
    std::string out;
    if (status == TransactionStatus::failed) {
        protocol::append_error(out, "ERROR", sqlstate::kInFailedTransaction, kAborted);
        return out;
    }
    if (const auto change = listen_change(judged, text)) return run_listen(*change, changes);
    if (judged.local == sql::Local::none) {
        const std::string name = folded_identifier(judged.name);
        if (names_ != nullptr && names_->contains(name)) {
            restore_statement(name, {});
            protocol::append_command_complete(out, "DEALLOCATE");
        } else {
            protocol::append_error(out, "ERROR", sqlstate::kInvalidStatementName,
                                   "prepared statement \"" + name + "\" does not exist");
        }
        return out;
    }
    LocalSettings before = settings_.now();
    const bool begun = begin_state_ == BeginState::begun;
    std::string answer = settings_.answer(judged, block_sent_ || status == TransactionStatus::open, setup_.settings);
    before.explain = settings_.now().explain;  // says nothing about where to run
    moves_ |= begun && settings_.now() != before;
    return answer;
}

// The SQLSTATE that PostgreSQL would give in this place.
std::string_view ClientMachine::refusal_code(sql::Effect effects) const noexcept {
    if (setup_.reject_state && !setup_.read_only && pin_of(effects) != Pin::none) return sqlstate::kFeatureNotSupported;
    return on_replica_ || setup_.read_only ? sqlstate::kReadOnlyTransaction : sqlstate::kObjectNotInPrerequisiteState;
}

// Why a statement must not run here at all; empty when it may.
std::string_view ClientMachine::refusal(const sql::Statement& judged, std::string_view text, sql::Effect effects,
                                        const ServerMachine& server) const noexcept {
    if (setup_.read_only) return read_only_refusal(judged, text, !on_replica_);
    // Behind a Flush, or a Query inside an extended segment, more comes than was planned.
    const bool in_block = server.status() != TransactionStatus::idle || server.unsynced();
    const bool used_here = wrote_ || judged.multiple || judged.reason == sql::Reason::write ||
                           has(judged.effects, sql::Effect::sequence);
    if (has(judged.effects, sql::Effect::currval) && pin_ == Pin::none && !used_here) {
        return "currval and lastval need a sequence used before in the same transaction: pgweir pools connections "
               "(use RETURNING, one transaction, or pool_mode = \"session\")";
    }
    if (setup_.reject_state && pin_of(effects) != Pin::none) {
        return "session state that pgweir cannot carry to another server connection (on_session_state = \"reject\")";
    }
    if (!on_replica_ || !in_block || judged.reads_only) return {};
    switch (judged.reason) {
        case sql::Reason::function_not_allowed:
        case sql::Reason::node_local:
        case sql::Reason::sequence_row:
        case sql::Reason::unsafe_relation:
        case sql::Reason::unsafe_operator:
        case sql::Reason::unsafe_cast:
        case sql::Reason::copy_to_file:
        case sql::Reason::lock:
        case sql::Reason::listen:
        case sql::Reason::do_or_call:
        case sql::Reason::load:
        case sql::Reason::maintenance:
        case sql::Reason::prepare:
        case sql::Reason::temporary:
        case sql::Reason::explain_other:
        case sql::Reason::explain_analyze:
        case sql::Reason::not_a_read:
        case sql::Reason::read_write_transaction:
        case sql::Reason::multiple_statements:
        case sql::Reason::too_long:
            return "this statement may not run in a READ ONLY transaction that pgweir has begun on a replica "
                   "(begin the transaction with /* pgweir: primary */ BEGIN READ ONLY)";
        default:
            break;
    }
    if (pin_of(effects) != Pin::none) return "session state cannot be kept on a replica";
    const bool doubtful = has(judged.effects, sql::Effect::taint | sql::Effect::advisory_lock | sql::Effect::load);
    return doubtful ? "this statement calls a function that may not run on a replica" : std::string_view{};
}

// `effects`: of `judged`, those that are not known as changes.
void ClientMachine::apply_effects(const sql::Statement& judged, sql::Effect effects, ServerMachine& server) {
    if (judged.transaction == sql::Transaction::end) {
        ends_block_ = true;
        block_sent_ = false;
    } else if (judged.transaction != sql::Transaction::none && judged.transaction != sql::Transaction::control) {
        block_sent_ = true;
    }
    may_commit_ |= judged.multiple || judged.transaction != sql::Transaction::none || has(judged.effects, sql::Effect::taint);
    if (judged.multiple || has(judged.effects, kMayChangeSettings)) doubt_settings();
    const bool temporary = has(effects, sql::Effect::temporary);
    const bool ddl = judged.reason == sql::Reason::ddl && !temporary;
    if (ddl || judged.multiple || has(effects, sql::Effect::taint)) statements_.ddl_passed();
    ddl_passed_ |= ddl;
    if (ddl || (judged.reason == sql::Reason::select_into && !temporary)) server.note_ddl();
    if (judged.multiple) server.watch_for_ddl();
    if (!judged.reads_only && judged.transaction == sql::Transaction::none) wrote_ = true;
    if (judged.multiple && changes_sent_) lose_track();  // it may end the transaction anywhere
    if (effects == sql::Effect::none) return;
    if (const Pin asked = pin_of(effects); asked != Pin::none) {
        const bool in_block = server.status() != TransactionStatus::idle || extended_open_;
        if (pin_ == Pin::none) tainted_ |= in_block && can_be_probed(asked);  // the transaction may take it back
        if (pin_ == Pin::none) pin_ = asked;
    }
    if (has(effects, sql::Effect::taint)) tainted_ = true;
    if (has(effects, sql::Effect::lets_go)) {
        tainted_ |= can_be_probed(pin_);
    } else if (has(effects, sql::Effect::reset | sql::Effect::discard_all)) {
        lose_track();
    }
}

// It is not known any more what settings are in force: the server connection stays this client's.
void ClientMachine::lose_track() noexcept {
    if (pin_ == Pin::none) pin_ = Pin::setting;
}

void ClientMachine::discarded() noexcept {
    settings_.reset(setup_.settings);
    if (pin_ == Pin::load || pin_ == Pin::session_mode) return;
    pin_ = Pin::none;
    tainted_ = false;
}

}  // namespace pgweir::session
