#include "proxy/session/explain.hpp"

#include <array>

#include "protocol/message.hpp"

namespace pgweir::session {

namespace {

std::string because(sql::Reason reason) { return std::string(" (reason: ").append(sql::name(reason)).append(")"); }

}  // namespace

void append_explain(std::string& out, const Explain& explain, const routing::Route& ran, std::string_view server) {
    std::string line("pgweir: ");
    line.append(name(ran.target)).append(" \"").append(server).append("\"").append(because(ran.reason));
    if (explain.differs) line.append("; the statement itself: ").append(name(explain.target)).append(because(explain.reason));
    if (explain.form == Explain::Form::notice) return protocol::append_notice(out, "NOTICE", "00000", line);
    protocol::append_data_row(out, std::array<std::string_view, 1>{line});
}

}  // namespace pgweir::session
