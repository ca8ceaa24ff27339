// The client machine without a server: reads ahead to the end of the segment and decides where it runs.
#include "protocol/sqlstate.hpp"
#include "proxy/session/client_sink.hpp"
#include "proxy/sql/classify.hpp"

namespace pgweir::session {

namespace {

namespace frontend = protocol::frontend;
namespace sqlstate = protocol::sqlstate;

constexpr Violation kBadLength{sqlstate::kProtocolViolation, "invalid message length"};
constexpr Violation kTooLong{sqlstate::kProgramLimitExceeded, "message is longer than max_packet_size"};

bool parse_is_well_formed(Bytes body) noexcept {
    if (!take_string(body) || !take_string(body) || body.size() < 2) return false;
    return body.size() == 2 + std::size_t{4} * load_be16(body);
}

bool bind_is_well_formed(Bytes body) noexcept {
    return take_string(body) && take_string(body) && body.size() >= 6;
}

}  // namespace

bool well_formed(protocol::Tag tag, Bytes body) noexcept {
    switch (tag) {
        case frontend::kParse: return parse_is_well_formed(body);
        case frontend::kBind: return bind_is_well_formed(body);
        case frontend::kDescribe:
        case frontend::kClose: {
            if (body.empty() || (body[0] != std::byte{'S'} && body[0] != std::byte{'P'})) return false;
            Bytes rest = body.subspan(1);
            return take_string(rest) && rest.empty();
        }
        case frontend::kExecute: {
            Bytes rest = body;
            return take_string(rest) && rest.size() == 4;
        }
        case frontend::kSync:
        case frontend::kFlush: return body.empty();
        default: return true;
    }
}

struct ClientMachine::Draft {
    Plan plan;
    std::optional<routing::Route> route;
    // Statements parsed earlier in this segment: they are not in the client's table yet.
    struct Parsed {
        std::string_view name;
        StatementRef statement;  // empty: none yet
    };
    Parsed newest;
    std::vector<Parsed> older;  // the newest last; a segment with one Parse needs no memory
    // The portal bound to a statement of pgweir's own in this segment.
    std::optional<std::string_view> local_portal;
    bool extended = false;  // an extended message came before
    bool closes = false;    // a Close came
    bool others = false;    // something else did that a Close may matter to
    // One Parse, Bind and Execute each; nothing but these, without a statement's name, and the portal's Describe.
    unsigned parses = 0, binds = 0, executes = 0;
    bool usual = true;
    bool read_only = false;  // the database is: whatever it is, a replica gets it

    const CachedStatement* judged = nullptr;  // the prepared one that has a part in `route` last
    std::size_t reads = 0;  // statements for a replica
    std::string_view text;  // of the last of them
    StatementRef read;      // the same, if it was prepared

    void note_parse(std::string_view name, StatementRef statement) {
        if (newest.statement) older.push_back(std::move(newest));
        newest = {name, std::move(statement)};
    }
    [[nodiscard]] const StatementRef* find_parsed(std::string_view name) const noexcept {
        if (newest.statement && newest.name == name) return &newest.statement;
        for (auto known = older.rbegin(); known != older.rend(); ++known) {
            if (known->name == name) return &known->statement;
        }
        return nullptr;
    }
    void note_read(std::string_view written, const StatementRef& statement) {
        if (reads > 0 && statement && read == statement) return;
        ++reads;
        text = written;
        read = statement;
    }
    [[nodiscard]] bool promotable() const noexcept {
        return usual && parses == 1 && binds == 1 && executes == 1 && plan.covered <= Replay::kMaxBytes;
    }
    void add(routing::Route more) { route = route ? routing::worse(*route, more) : more; }
    void primary(sql::Reason reason) { add({routing::Target::primary, reason}); }
    // The segment ends here: what is known decides. A Close may take away what a local answer would rest on.
    bool end() {
        if (closes && others) primary(sql::Reason::no_statement);
        plan.kind = route ? Plan::Kind::server : Plan::Kind::local;
        if (route) plan.route = read_only ? routing::Route{routing::Target::replica, sql::Reason::read_only_database} : *route;
        return false;
    }
    bool fail(Violation violation) {
        plan.kind = Plan::Kind::violation;
        plan.violation = violation;
        return false;
    }
    bool listen() {
        plan.kind = Plan::Kind::listen;
        return false;
    }
    bool incomplete() {
        plan.kind = Plan::Kind::incomplete;
        return false;
    }
};

Plan ClientMachine::plan(Bytes in) {
    promotable_ = false;
    checked_ = 0;
    if (remaining_ > 0) {  // the rest of something that is dropped
        Plan local;
        local.kind = Plan::Kind::local;
        local.covered = std::min<std::size_t>(remaining_, in.size());
        return local;
    }
    Draft draft;
    draft.read_only = setup_.read_only;
    std::size_t at = 0;
    while (true) {
        const Bytes rest = in.subspan(at);
        const auto frame = protocol::peek_frame(rest, setup_.max_message);
        if (!frame) {
            if (frame.error() == protocol::FrameError::bad_length) return draft.fail(kBadLength), draft.plan;
            if (frame.error() == protocol::FrameError::too_large) return draft.fail(kTooLong), draft.plan;
            return draft.incomplete(), draft.plan;
        }
        const std::size_t here = std::min(rest.size(), frame->size());
        draft.plan.covered = at + here;
        if (!plan_message(draft, *frame, rest.subspan(protocol::kHeaderSize, here - protocol::kHeaderSize), here)) break;
        if (here < frame->size() || at + here > kMaxSegment) {
            // Too long to be held back: decided on what is known, and that is not the whole segment.
            draft.primary(sql::Reason::flushed_segment);
            return draft.end(), draft.plan;
        }
        at += here;
        if (at == in.size()) return draft.incomplete(), draft.plan;
    }
    if (draft.plan.kind != Plan::Kind::server) return draft.plan;
    learn(draft);
    draft.plan.route = second_route(draft.plan.route);
    if (setup_.split == config::Split::shadow && !setup_.read_only) {
        draft.plan.judged = std::exchange(draft.plan.route, {.target = routing::Target::primary, .reason = sql::Reason::shadow});
    }
    return draft.plan;
}

ClientMachine::Skipped ClientMachine::skip_segment(Bytes in) {
    planned_valid_ = false;
    again_ = Refusal::none;
    checked_ = 0;
    std::size_t at = 0;
    while (true) {
        const auto frame = protocol::peek_frame(in.subspan(at), setup_.max_message);
        if (!frame) break;
        const std::size_t here = std::min(in.size() - at, frame->size());
        const bool ends = frame->tag == frontend::kQuery || frame->tag == frontend::kSync || frame->tag == frontend::kFunctionCall;
        if (here < frame->size() && (!ends || at > 0)) break;
        at += here;
        if (!ends) continue;
        remaining_ = static_cast<std::uint32_t>(frame->size() - here);
        remaining_dropped_ = true;
        return {at, true};
    }
    drop_to_sync_ = true;
    return {at, false};
}

const StatementRef& ClientMachine::planned_statement(const Draft& draft, std::string_view name) const {
    const StatementRef* parsed = draft.find_parsed(name);
    return parsed != nullptr ? *parsed : find_statement(name);
}

// The text of the statement that a replica has refused, if it was the only one.
void ClientMachine::learn(const Draft& draft) {
    if (again_ != Refusal::read_only || draft.reads != 1) return;
    if (draft.read) draft.read->refused_in = statements_.epoch();
    statements_.learned.learn(setup_.scope, draft.text, lex_.standard_conforming_strings);
}

bool ClientMachine::plan_query(Draft& draft, Bytes body) {
    planned_ = statements_.plain_reads.judge(query_text(body), lex_, *setup_.names);
    // Kept over a wait, but not with slices of bytes that may be gone by then.
    if (draft.extended) draft.primary(sql::Reason::flushed_segment);  // its Sync comes later, with anything before it
    planned_valid_ = !draft.extended && planned_.name.empty() && planned_.value.empty();
    const std::string_view text = query_text(body);
    if (!draft.extended && awaits_channel(planned_, text)) {
        planned_valid_ = false;
        return draft.listen();
    }
    planned_local_ = is_local(planned_, text) && !draft.extended;
    if (planned_local_) return draft.end();
    draft.add(route_of(draft, planned_, text, {}));
    return draft.end();
}

// Where a statement goes by itself. `statement`: the same, if it was prepared.
routing::Route ClientMachine::route_alone(const sql::Statement& judged, std::string_view text, const StatementRef& statement) const {
    const routing::Route route = routing::choose_route(judged, facts());
    // What a replica has refused before is for the primary; a hint or a transaction of its own goes where it says.
    if (route.reason != sql::Reason::read || again_ == Refusal::read_only) return route;
    const bool refused = statement ? statements_.refused(*statement)
                                   : statements_.learned.knows(setup_.scope, text, lex_.standard_conforming_strings);
    return refused ? routing::Route{.target = routing::Target::primary, .reason = sql::Reason::learned} : route;
}

// The same of one in the segment at the front.
routing::Route ClientMachine::route_of(Draft& draft, const sql::Statement& judged, std::string_view text,
                                       const StatementRef& statement) {
    const routing::Route route = route_alone(judged, text, statement);
    const bool read = route.target == routing::Target::replica || route.reason == sql::Reason::learned;
    if (read) draft.note_read(text, statement);
    return route;
}

// One message of the segment; false when the plan is made.
bool ClientMachine::plan_message(Draft& draft, protocol::Frame frame, Bytes body, std::size_t here) {
    const bool complete = here == frame.size();
    if (drop_to_sync_ && frame.tag != frontend::kSync && frame.tag != frontend::kTerminate) return draft.end();
    if (complete) {
        if (!well_formed(frame.tag, body)) return draft.fail(kBadMessage);
        checked_ = draft.plan.covered;
    }
    const auto judge = [&](const StatementRef& statement) {
        if (!statement) {
            draft.primary(sql::Reason::no_statement);
        } else if (draft.judged == &*statement) {
            return;  // by its Parse
        } else if (!is_local(*statement)) {
            draft.add(route_of(draft, statement->judged, statement->text(), statement));
            draft.judged = &*statement;
        }
    };
    switch (frame.tag) {
        case frontend::kTerminate:
            draft.plan.kind = Plan::Kind::terminate;
            return draft.extended ? draft.end() : false;
        case frontend::kQuery:
            if (planned_valid_ && !draft.extended && complete) {  // judged before it had to wait
                if (planned_local_) return draft.end();
                draft.add(route_of(draft, planned_, query_text(body), {}));
                return draft.end();
            }
            if (frame.size() > setup_.max_statement) return draft.end();  // refused by forward()
            if (complete) return plan_query(draft, body);
            if (frame.size() <= kMaxWholeQuery) return draft.incomplete();
            draft.primary(sql::Reason::too_long);
            return draft.end();
        case frontend::kParse: {
            if (frame.size() > setup_.max_statement) return draft.end();  // refused by forward()
            if (!complete) return draft.incomplete();
            Bytes rest = body;
            const auto name = take_string(rest);
            if (!name) return draft.fail(kBadMessage);
            ++draft.parses;
            draft.usual &= name->empty();
            StatementRef statement = intern(as_text(rest), plan_settings_);
            draft.others = true;
            // Known to be good: if nothing else needs a server, none is waited for (drivers prepare one by one, and may
            // hold transactions on other connections meanwhile).
            if (!statements_.accepted(*statement) || name->empty()) judge(statement);
            draft.note_parse(*name, std::move(statement));
            draft.extended = true;
            return true;
        }
        case frontend::kBind: {
            if (!complete && frame.size() <= kMaxSegment) return draft.incomplete();
            Bytes rest = body;
            const auto portal = take_string(rest);
            const auto name = portal ? take_string(rest) : std::nullopt;
            if (!name) return complete || here > kMaxHead ? draft.fail(kBadMessage) : draft.incomplete();
            ++draft.binds;
            draft.usual &= name->empty();
            const StatementRef& statement = planned_statement(draft, *name);
            draft.others = true;
            if (statement && awaits_channel(statement->judged, statement->text())) return draft.listen();
            if (statement && is_local(*statement)) {
                draft.local_portal = *portal;
            } else if (draft.local_portal == *portal) {
                draft.local_portal.reset();
            }
            judge(statement);
            draft.extended = true;
            return true;
        }
        case frontend::kDescribe:
        case frontend::kExecute:
        case frontend::kClose: {
            if (!complete) return frame.size() > kMaxHead ? draft.fail(kBadMessage) : draft.incomplete();
            if (body.empty()) return draft.fail(kBadMessage);
            draft.extended = true;
            if (frame.tag == frontend::kExecute) ++draft.executes;
            if (frame.tag == frontend::kClose) {
                draft.usual = false;
                draft.closes = true;
                return true;
            }
            draft.others = true;
            Bytes rest = frame.tag == frontend::kDescribe ? body.subspan(1) : body;
            const std::string_view name = take_string(rest).value_or(std::string_view{});
            if (frame.tag == frontend::kDescribe && body[0] == std::byte{'S'}) {
                draft.usual = false;
                judge(planned_statement(draft, name));
            } else if (!draft.route && draft.local_portal != name) {
                draft.primary(sql::Reason::no_statement);
            }
            return true;
        }
        case frontend::kSync:
            promotable_ = complete && draft.promotable();
            return complete ? draft.end() : draft.incomplete();
        case frontend::kFlush:
            if (!complete) return draft.incomplete();
            // What comes behind it goes to the same server, and may be anything.
            if (draft.route) draft.primary(sql::Reason::flushed_segment);
            return draft.end();
        case frontend::kFunctionCall: draft.primary(sql::Reason::fast_path); return draft.end();
        case frontend::kCopyData:
        case frontend::kCopyDone:
        case frontend::kCopyFail: return draft.end();  // outside COPY these are ignored, as the server does
        default: return draft.fail({sqlstate::kProtocolViolation, "invalid frontend message type"});
    }
}

}  // namespace pgweir::session
