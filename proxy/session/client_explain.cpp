// The client machine's part in pgweir.explain: which EXPLAIN shows its route, and what it says.
#include "proxy/session/client_machine.hpp"
#include "proxy/sql/explain.hpp"

namespace pgweir::session {

// Of a statement while pgweir.explain is on.
Explain ClientMachine::explain_of(const sql::Statement& judged, std::string_view text, const ServerMachine& server) const {
    const auto found = judged.multiple ? std::nullopt : sql::read_explain(text, lex_.standard_conforming_strings);
    if (!found) return {};
    Explain explain{.form = found->is_text ? Explain::Form::row : Explain::Form::notice};
    // Elsewhere all goes where the session is, whatever it is; and an annotation before the EXPLAIN is the statement's, too.
    const bool alone = server.status() == TransactionStatus::idle && pin_ == Pin::none && !setup_.read_only;
    if (!alone || judged.hint.kind != sql::Hint::Kind::none) return explain;
    const sql::Statement inner = sql::classify(found->statement, lex_, setup_.names->judge());
    const routing::Route route = route_alone(inner, found->statement, {});
    const routing::Route own = route_alone(judged, text, {});
    explain.differs = route.target != own.target || route.reason != own.reason;
    explain.target = route.target;
    explain.reason = route.reason;
    return explain;
}

// Of a portal that executes `statement`; null: one that is not known. One portal at a time, as drivers have it.
void ClientMachine::bind_explain(std::string_view portal, const CachedStatement* statement, const ServerMachine& server) {
    if (explain_portal_ && explain_portal_->first == portal) explain_portal_.reset();
    if (!settings_.now().explain || statement == nullptr) return;
    const Explain explain = explain_of(statement->judged, statement->text(), server);
    if (explain.form == Explain::Form::none) return;
    explain_portal_ = std::make_unique<std::pair<std::string, Explain>>(portal, explain);
}

void ClientMachine::append_route(std::string& out, const Explain& explain, std::string_view server) const {
    append_explain(out, explain, route(), reads_utf8(server) ? server : "?");
}

}  // namespace pgweir::session
