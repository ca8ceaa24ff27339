// A PostgreSQL backend as far as the order of its messages goes: answers the requests of a session, skips to Sync after
// an error, knows its prepared statements. Texts decide: "…fail" fails when it runs, "…bad" when it is parsed, "begin", "commit", "rollback", "discard all".
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "protocol/frame.hpp"
#include "tests/support/wire.hpp"

namespace pgweir::test {

class ModelServer {
  public:
    // Bytes from the other side; the result is what it answers. A message that is not whole waits for its rest.
    std::string on_bytes(std::string_view bytes) {
        in_ += bytes;
        std::string out;
        while (const auto frame = protocol::peek_frame(as_bytes(in_), 1U << 30)) {
            if (in_.size() < frame->size()) break;
            const std::string body = in_.substr(5, frame->body);
            const char tag = in_[0];
            in_.erase(0, frame->size());
            answer(tag, body, out);
        }
        return out;
    }

    // A Bind or Describe named a statement that the proxy calls its own and that is not here.
    bool missed = false;

  private:
    static std::string_view first(std::string_view& body) {
        const std::string_view text = body.substr(0, body.find('\0'));
        body.remove_prefix(std::min(body.size(), text.size() + 1));
        return text;
    }

    static bool ends(std::string_view sql) { return sql == "commit" || sql == "rollback"; }

    void fail(std::string_view code, std::string& out, bool extended) {
        out += error(code);
        if (status_ == 'T') status_ = 'E';
        skipping_ = extended;
    }

    void run(std::string_view sql, std::string& out, bool extended) {
        if (status_ == 'E' && !ends(sql)) return fail("25P02", out, extended);
        if (sql.ends_with("fail") || sql.find("RAISE EXCEPTION") != sql.npos) return fail("22012", out, extended);
        if (sql == "begin") status_ = 'T';
        if (sql == "commit" || sql == "rollback") status_ = 'I';
        discarded_ |= sql == "discard all";
        if (sql == "discard all") names_.clear(), unnamed_ = false, portal_.clear();
        out += complete(sql == "discard all" ? "DISCARD ALL" : "OK");
    }

    void answer(char tag, std::string_view body, std::string& out) {
        if (tag == 'S') {
            skipping_ = discarded_ = false;
            portal_.clear();
            out += ready(status_);
            return;
        }
        if (skipping_) return;
        switch (tag) {
            case 'Q':
                unnamed_ = false;
                run(first(body), out, false);
                out += ready(status_);
                return;
            case 'P': {
                const std::string name(first(body));
                const std::string_view sql = first(body);
                if (name.empty()) unnamed_ = false;  // the one of before goes first, also when this one fails (tried)
                if (sql.ends_with("bad")) return fail("42601", out, true);
                if (status_ == 'E' && !ends(sql)) return fail("25P02", out, true);
                if (!name.empty() && names_.contains(name)) return fail("42P05", out, true);
                if (name.empty()) unnamed_ = true, unnamed_sql_ = sql;
                else names_.insert(name), texts_[name] = sql;
                out += parsed();
                return;
            }
            case 'B': {
                first(body);
                const std::string name(first(body));
                if (!known(name)) return fail("26000", out, true);
                const std::string& sql = name.empty() ? unnamed_sql_ : texts_[name];
                if (status_ == 'E' && !ends(sql)) return fail("25P02", out, true);
                portal_ = sql;
                out += bound();
                return;
            }
            case 'D': {
                const bool statement = body[0] == 'S';
                body.remove_prefix(1);
                const std::string name(first(body));
                if (statement && !known(name)) return fail("26000", out, true);
                if (!statement && portal_.empty()) return fail("34000", out, true);
                const std::string& sql = !statement ? portal_ : name.empty() ? unnamed_sql_ : texts_[name];
                if (status_ == 'E' && sql.starts_with("select")) return fail("25P02", out, true);
                if (statement) out += message('t', std::string(2, '\0'));
                out += no_data();
                return;
            }
            case 'E':
                if (portal_.empty()) return fail("34000", out, true);
                return run(std::string(portal_), out, true);
            case 'C':
                if (body[0] == 'S') {
                    const std::string name(body.substr(1, body.size() - 2));
                    if (name.empty()) unnamed_ = false;
                    names_.erase(name);
                }
                out += closed();
                return;
            default: return;  // Flush
        }
    }

    bool known(const std::string& name) {
        const bool here = name.empty() ? unnamed_ : names_.contains(name);
        missed |= !here && !discarded_ && name.starts_with("pgweir_");
        return here;
    }

    std::string in_, portal_, unnamed_sql_;
    std::set<std::string> names_;
    std::map<std::string, std::string> texts_;
    char status_ = 'I';
    bool skipping_ = false, unnamed_ = false;
    bool discarded_ = false;  // in this segment: what was sent ahead could not know
};

}  // namespace pgweir::test
