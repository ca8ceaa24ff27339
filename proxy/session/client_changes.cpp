// What a client's statements do to its session: settings that follow it from server to server, and channels that it
// listens to (semantics.md D).
#include <algorithm>
#include <utility>

#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/session/bound_text.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/session/ddl_tag.hpp"
#include "proxy/session/encodings.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::session {

namespace {

namespace sqlstate = protocol::sqlstate;
using Kind = sql::SessionChange::Kind;

constexpr sql::Effect kMayBeKnown = sql::Effect::set_other | sql::Effect::set_reported | sql::Effect::reset |
                                    sql::Effect::discard_all | sql::Effect::listen | sql::Effect::unlisten;
constexpr std::size_t kMaxChannels = 10'000;  // of one client
constexpr std::size_t kMaxSettings = 16 << 10;  // bytes of one client's; a client with more keeps its server connection

// Whether the bytes of a parameter of this type are the text that the server will see; 0: it infers the type itself.
bool is_text(std::uint32_t type, bool is_boolean) noexcept {
    constexpr std::uint32_t kBool = 16, kText = 25, kVarchar = 1043;
    return type == 0 || (is_boolean ? type == kBool : type == kText || type == kVarchar);
}

}  // namespace

sql::Effect ClientMachine::unknown_effects(const sql::Statement& judged, const Changes& changes) noexcept {
    if (!changes) return judged.effects;
    return static_cast<sql::Effect>(static_cast<std::uint32_t>(judged.effects) & ~static_cast<std::uint32_t>(kMayBeKnown));
}

// What the statement does to the session if it succeeds; null: nothing, or it is not known (its effects say which).
ClientMachine::Changes ClientMachine::changes_of(const sql::Statement& judged, std::string_view text, Bytes bind, Bytes types) const {
    const bool savepoint = judged.transaction == sql::Transaction::control && changes_sent_;
    if (!has(judged.effects, kMayBeKnown) && !savepoint) return nullptr;
    const bool own = has(judged.effects, sql::Effect::listen) || (has(judged.effects, sql::Effect::unlisten) && !judged.multiple);
    if (own) return nullptr;  // this one the server does
    const sql::BoundText bound = [bind, types](unsigned number, bool is_boolean) {
        return is_text(parameter_type(types, number), is_boolean) ? bound_text(bind, number) : std::nullopt;
    };
    auto read = sql::read_session_changes(text, lex_, bind.empty() ? sql::BoundText{} : bound);
    if (!read || !can_be_carried(*read)) return nullptr;
    return std::make_unique<sql::SessionChanges>(std::move(*read));
}

// Whether the changed settings can be set again elsewhere: by their names, and within what one client may have.
bool ClientMachine::can_be_carried(const sql::SessionChanges& changes) const noexcept {
    std::size_t bytes = 0;
    for (const Parameter& setting : desired_->entries()) bytes += setting.name.size() + setting.value.size();
    for (const sql::SessionChange& change : changes) {
        if ((change.kind == Kind::set || change.kind == Kind::reset) && !is_setting_name(change.name)) return false;
        bytes += change.kind == Kind::set ? change.name.size() + change.value.size() : 0;
    }
    return bytes <= kMaxSettings;
}

// A ROLLBACK TO whose savepoint is not known takes back what is not known; SET TRANSACTION and SET CONSTRAINTS do nothing.
bool ClientMachine::loses_track(const sql::Statement& judged, std::string_view text, const Changes& changes) const {
    if (changes || !changes_sent_ || judged.transaction != sql::Transaction::control) return false;
    sql::Lexer lexer(text, true);
    const sql::Token first = lexer.next();
    return !sql::equals_folded(lexer.text(first), "set");
}

// By the tag of what was done, also among several statements or in code that the client sent. Tables and indexes come and
// go too often to look each time; CREATE TABLE and the like are seen in the text.
bool ClientMachine::changes_names(std::string_view tag) noexcept {
    if (!is_ddl(tag)) return false;
    const std::string_view object = tag.substr(tag.find(' ') + 1);
    return !object.starts_with("TABLE") && object != "INDEX";
}

void ClientMachine::completed(std::string_view tag, const sql::SessionChanges* changes) {
    names_changed_ |= changes_names(tag);
    if (tag == "COMMIT" || tag == "PREPARE TRANSACTION") settings_.committed();
    if (tag == "ROLLBACK" && ends_block_) settings_.transaction_over();  // else it is one to a savepoint
    if (changes != nullptr) {
        changes_sent_ = true;
        if (!staged_) staged_ = std::make_unique<Staged>();
        staged_->add(*changes);
    } else if (staged_ && (tag == "COMMIT" || tag == "PREPARE TRANSACTION")) {
        staged_->commit();
    } else if (staged_ && tag == "ROLLBACK") {
        staged_->roll_back();
    }
}

// No transaction is open: what was committed takes effect. Null: on no server.
void ClientMachine::commit_changes(ServerMachine* server) {
    const sql::SessionChanges changes = staged_->take();
    staged_.reset();
    for (const sql::SessionChange& change : changes) apply(change, server);
    if (!changes.empty()) settings_changed();
}

void ClientMachine::apply(const sql::SessionChange& change, ServerMachine* server) {
    switch (change.kind) {
        case Kind::set:
        case Kind::reset:
            if (server != nullptr) apply_setting(change, *server);
            return;
        case Kind::reset_all:
            if (server == nullptr) return;
            return apply_reset_all(*server);
        case Kind::listen:
            if (channels_) channels_->active.insert(change.name);
            return;
        case Kind::unlisten:
            if (channels_) channels_->active.erase(change.name);
            return;
        case Kind::unlisten_all:
            if (channels_) channels_->active.clear();
            return;
        case Kind::set_local:
        case Kind::savepoint:
        case Kind::release:
        case Kind::rollback_to: return;
    }
}

// What the server reports it has told of already; the rest is as at login.
void ClientMachine::apply_reset_all(ServerMachine& server) {
    std::vector<Parameter> reported;
    for (const Parameter& parameter : server.actual()->entries()) {
        if (server.reports(parameter.name)) reported.push_back(parameter);
    }
    server.set_actual(parameters_.intern(std::move(reported)));
    desired_ = setup_.start;
    settings_.reset(setup_.settings);
}

// RESET goes back to the session's start, the server's own start may be another: then it differs from what is desired,
// and is replayed before the next segment.
void ClientMachine::apply_setting(const sql::SessionChange& change, ServerMachine& server) {
    const bool reported = server.reports(change.name);
    if (change.kind == Kind::set) {
        if (reported) return;  // its report has told what became of it
        desired_ = parameters_.with(desired_, change.name, change.value);
        return server.set_actual(parameters_.with(server.actual(), change.name, change.value));
    }
    const std::string* start = setup_.start->find(change.name);
    if (start != nullptr) {
        desired_ = parameters_.with(desired_, change.name, *start);
    } else if (!reported) {
        desired_ = parameters_.without(desired_, change.name);
    }
    if (!reported) server.set_actual(parameters_.without(server.actual(), change.name));
}

// --- LISTEN

// A LISTEN or UNLISTEN that is answered here. Not in a session that has the server connection for itself anyway by its
// pool's mode, nor where notifications would come in another encoding.
std::optional<sql::SessionChange> ClientMachine::listen_change(const sql::Statement& judged, std::string_view text) const {
    const bool one = !judged.multiple && has(judged.effects, sql::Effect::listen | sql::Effect::unlisten);
    if (!setup_.shared_listen || !one || !reads_utf8("\x80")) return std::nullopt;
    auto read = sql::read_session_changes(text, lex_);
    return read ? std::optional(std::move(read->front())) : std::nullopt;
}

// A LISTEN has to wait until the shared connection listens.
bool ClientMachine::lacks_channel(const sql::Statement& judged, std::string_view text) {
    const auto change = listen_change(judged, text);
    if (!change) return false;
    const std::string& channel = change->name;
    if (!channels_) channels_ = std::make_unique<Channels>();
    if (channels_->asked.contains(channel) || channels_->failed == channel) return false;
    if (channels_->asked.size() >= kMaxChannels) {
        channels_->failed = channel;
        channels_->code = sqlstate::kProgramLimitExceeded;
        channels_->message = "too many channels";
        return false;
    }
    channels_->wanted = channel;
    return true;
}

void ClientMachine::channel_ready() { channels_->asked.insert(std::exchange(channels_->wanted, {})); }

void ClientMachine::channel_failed(std::string_view code, std::string_view message) {
    channels_->failed = std::exchange(channels_->wanted, {});
    channels_->code = code;
    channels_->message = message;
}

bool ClientMachine::reads_utf8(std::string_view text) const {
    const std::string* encoding = desired_->find("client_encoding");
    return (encoding != nullptr && is_utf8(*encoding)) ||
           std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool ClientMachine::listens_to(std::string_view channel) const { return channels_ && channels_->active.contains(channel); }

std::vector<std::string> ClientMachine::take_dropped_channels() {
    std::vector<std::string> dropped;
    const bool in_segment = extended_open_ || local_portal_;  // an Execute may be still to come
    if (!channels_ || in_transaction_ || in_segment || (staged_ && staged_->open())) return dropped;
    std::erase_if(channels_->asked, [&](const std::string& channel) {
        const bool drop = !channels_->active.contains(channel);
        if (drop) dropped.push_back(channel);
        return drop;
    });
    if (channels_->asked.empty() && channels_->wanted.empty() && channels_->failed.empty()) channels_.reset();
    return dropped;
}

// The wire answer, and the change that comes with it.
std::string ClientMachine::run_listen(const sql::SessionChange& change, Changes& changes) {
    std::string out;
    if (change.kind == Kind::listen && channels_ && channels_->failed == change.name) {
        channels_->failed.clear();
        protocol::append_error(out, "ERROR", channels_->code, channels_->message);
        return out;
    }
    if (change.kind == Kind::listen && (!channels_ || !channels_->asked.contains(change.name))) {
        protocol::append_error(out, "ERROR", sqlstate::kConnectionFailure, "the channel is not listened to any more");
        return out;
    }
    protocol::append_command_complete(out, change.kind == Kind::listen ? "LISTEN" : "UNLISTEN");
    changes = std::make_unique<sql::SessionChanges>(1, change);
    return out;
}

}  // namespace pgweir::session
