#include "proxy/sql/classify.hpp"

#include <cstring>

#include "proxy/sql/identifier.hpp"
#include "proxy/sql/scan.hpp"

namespace pgweir::sql {

namespace {

// A text that is not read: it may do anything.
[[nodiscard]] Statement unread(Reason reason) noexcept {
    Statement statement;
    statement.reason = reason;
    statement.effects = Effect::taint;
    return statement;
}

}  // namespace

Statement classify(std::string_view text, LexSettings settings, Judge judge) noexcept {
    if (text.size() > kLongestJudged) return unread(Reason::too_long);
    if (text.empty()) text = "";  // a view without an address is no range for memchr
    if (std::memchr(text.data(), '\0', text.size()) != nullptr) return unread(Reason::nul_byte);
    if (settings.ascii_trail_bytes && beyond_ascii(text)) {
        // The server converts before it lexes, so quotes may be elsewhere. COPY from the client must not be missed.
        Statement statement = unread(Reason::unsafe_encoding);
        statement.effects |= Scan(text, settings.standard_conforming_strings, judge).run().effects;
        return statement;
    }
    Statement statement = Scan(text, settings.standard_conforming_strings, judge).run();
    if (!settings.standard_conforming_strings && statement.reads_only) {
        statement.reads_only = false;
        statement.reason = Reason::nonstandard_strings;
    }
    return statement;
}

}  // namespace pgweir::sql
