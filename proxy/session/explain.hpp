// What pgweir adds to the answer of a client's EXPLAIN: where it has run, and why (pgweir.explain).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/routing/route.hpp"

namespace pgweir::session {

struct Explain {
    enum class Form : std::uint8_t {
        none,    // nothing is added
        row,     // one more row of the plan
        notice,  // a NOTICE: the plan is a document that a row would spoil
    };
    Form form = Form::none;
    bool differs = false;  // the explained statement by itself would go elsewhere, or for another reason:
    routing::Target target = routing::Target::primary;
    sql::Reason reason = sql::Reason::not_a_read;
};

// The message, to be sent just before the CommandComplete. `server`: the configured name; it may not be ASCII.
void append_explain(std::string& out, const Explain& explain, const routing::Route& ran, std::string_view server);

}  // namespace pgweir::session
