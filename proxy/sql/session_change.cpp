#include "proxy/sql/session_change.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/sql/lexer.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

using Kind = SessionChange::Kind;

constexpr std::size_t kLongestName = 63;  // NAMEDATALEN - 1: a longer one would be cut

std::string folded(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
    return out;
}

bool is_of_transaction(std::string_view name) {
    return name == "transaction_isolation" || name == "transaction_read_only" || name == "transaction_deferrable";
}

// As PostgreSQL's quote_identifier(), but for keywords: reading it back gives the same name.
std::string quoted_identifier(const std::string& name) {
    const bool plain = !name.empty() && (lower(name[0]) == name[0]) && is(name[0], kIdentStart) &&
                       std::ranges::all_of(name, [](char c) { return is(c, kIdentCont) && c != '$' && lower(c) == c &&
                                                                     static_cast<unsigned char>(c) < 0x80; });
    if (plain) return name;
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += c;
        out += c;
    }
    return out + '"';
}

// Reads one text; any failure makes all of it unknown.
class Reader {
  public:
    Reader(std::string_view text, bool standard_strings, const BoundText& bound)
        : lexer_(text, standard_strings), standard_strings_(standard_strings), bound_(bound) {
        advance();
    }

    std::optional<SessionChanges> read() {
        while (good_ && token_.kind != TokenKind::end) {
            if (take(TokenKind::semicolon)) continue;
            if (++statements_ > 1 && !only_settings_) return std::nullopt;
            statement();
            if (token_.kind != TokenKind::end && !take(TokenKind::semicolon)) good_ = false;
        }
        if (!good_ || statements_ == 0 || (statements_ > 1 && !only_settings_)) return std::nullopt;
        return std::move(changes_);
    }

  private:
    void advance() { token_ = lexer_.next(); }
    [[nodiscard]] bool take(TokenKind kind) {
        if (token_.kind != kind) return false;
        advance();
        return true;
    }
    [[nodiscard]] bool at_word(std::string_view word) const {
        return token_.kind == TokenKind::word && equals_folded(lexer_.text(token_), word);
    }
    [[nodiscard]] bool take_word(std::string_view word) {
        if (!at_word(word)) return false;
        advance();
        return true;
    }
    // The word as a keyword: before a dot it would be a name's first part.
    [[nodiscard]] bool at_keyword(std::string_view word) const {
        Lexer ahead = lexer_;
        return at_word(word) && ahead.next().kind != TokenKind::dot;
    }
    [[nodiscard]] bool take_keyword(std::string_view word) {
        if (!at_keyword(word)) return false;
        advance();
        return true;
    }
    [[nodiscard]] bool take_operator(std::string_view text) {
        if (token_.kind != TokenKind::op || lexer_.text(token_) != text) return false;
        advance();
        return true;
    }
    void fail() { good_ = false; }
    void add(Kind kind, std::string name = {}, std::string value = {}) {
        changes_.push_back({kind, std::move(name), std::move(value)});
    }

    void statement() {
        if (take_word("set")) return set();
        if (take_word("reset")) return reset();
        if (lets_go()) return;
        only_settings_ = false;
        if (take_word("select")) return select();
        if (take_word("savepoint")) return add(Kind::savepoint, identifier());
        if (take_word("release")) {
            (void)take_word("savepoint");
            return add(Kind::release, identifier());
        }
        if (take_word("rollback") || take_word("abort")) return rollback();
        if (take_word("listen")) return add(Kind::listen, identifier());
        if (take_word("unlisten")) {
            if (take_operator("*")) return add(Kind::unlisten_all);
            return add(Kind::unlisten, identifier());
        }
        if (take_word("discard") && take_word("all")) {
            add(Kind::reset_all);
            return add(Kind::unlisten_all);
        }
        fail();
    }

    // What a driver's pool says to a connection that comes back, beside RESET ALL.
    [[nodiscard]] bool lets_go() {
        const Lexer lexer = lexer_;
        const Token token = token_;
        if (take_word("unlisten") && take_operator("*")) return add(Kind::unlisten_all), true;
        lexer_ = lexer;
        token_ = token;
        if (take_word("close") && take_word("all")) return true;
        lexer_ = lexer;
        token_ = token;
        const bool unlocks = take_word("select") && take_word("pg_advisory_unlock_all") && take(TokenKind::open);
        if (unlocks && take(TokenKind::close)) return true;
        lexer_ = lexer;
        token_ = token;
        return false;
    }

    void rollback() {
        if (!take_word("work")) (void)take_word("transaction");
        if (!take_word("to")) return fail();
        (void)take_word("savepoint");
        add(Kind::rollback_to, identifier());
    }

    // An identifier as the server would know it; fails where that is not certain.
    std::string identifier() {
        const std::string_view text = lexer_.text(token_);
        std::string name;
        if (token_.kind == TokenKind::word) {
            // The server folds other letters by its locale.
            if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) fail();
            name = folded(text);
        } else if (token_.kind == TokenKind::quoted) {
            name = unquoted(text, '"');
        } else {
            fail();
        }
        if (name.empty() || name.size() > kLongestName) fail();
        advance();
        return name;
    }

    // Between quotes, doubled ones made single.
    [[nodiscard]] std::string unquoted(std::string_view text, char quote) {
        std::string out;
        if (text.size() < 2 || text.front() != quote || text.back() != quote) return fail(), out;
        for (std::size_t i = 1; i + 1 < text.size(); ++i) {
            out += text[i];
            if (text[i] != quote) continue;
            if (text[++i] != quote || i + 1 >= text.size()) return fail(), out;  // a continuation
        }
        return out;
    }

    std::string string() {
        const std::string_view text = lexer_.text(token_);
        if (token_.kind != TokenKind::string) return fail(), std::string();
        if (!standard_strings_ && text.find('\\') != std::string_view::npos) fail();
        std::string value = unquoted(text, '\'');
        advance();
        return value;
    }

    std::string setting_name() {
        std::string name = identifier();
        while (good_ && take(TokenKind::dot)) name += '.' + identifier();
        return folded(name);
    }

    void set() {
        bool local = false;
        if (take_keyword("local")) {
            local = true;
        } else if (take_keyword("session")) {
            if (at_keyword("characteristics") || at_keyword("authorization")) return fail();
        }
        if (at_keyword("transaction") || at_keyword("constraints")) return fail();
        if (take_keyword("schema")) return set_to(local, "search_path", quoted_identifier(string()));
        if (take_keyword("xml")) {
            if (!take_word("option")) return fail();
            return set_to(local, "xmloption", identifier());
        }
        if (take_keyword("time")) {
            if (!take_word("zone")) return fail();
            if (take_word("local") || take_word("default")) return add(local ? Kind::set_local : Kind::reset, "timezone");
            return set_to(local, "timezone", value("timezone"));
        }
        if (take_keyword("names")) return set_to(local, "client_encoding", string());
        const std::string name = setting_name();
        if (name == "role" || name == "session_authorization" || name == "seed" || name.starts_with("pgweir.")) return fail();
        if (is_of_transaction(name)) local = true;
        if (take_operator("=-")) return set_to(local, name, '-' + number());  // the server's lexer cuts it in two
        if (!take_operator("=") && !take_word("to")) return fail();
        if (take_word("default")) return add(local ? Kind::set_local : Kind::reset, name);
        set_to(local, name, values(name));
    }

    void set_to(bool local, std::string name, std::string value) {
        add(local ? Kind::set_local : Kind::set, std::move(name), std::move(value));
    }

    std::string values(const std::string& name) {
        std::string list = value(name);
        while (good_ && take(TokenKind::comma)) list += ", " + value(name);
        return list;
    }

    // One value as the server flattens it (flatten_set_variable_args).
    std::string value(const std::string& name) {
        if (token_.kind == TokenKind::number || token_.kind == TokenKind::op) return number();
        if (token_.kind == TokenKind::string) {
            std::string text = string();
            return is_name_list_setting(name) ? quoted_identifier(text) : text;
        }
        std::string word = identifier();
        return is_name_list_setting(name) ? quoted_identifier(word) : word;
    }

    std::string number() {
        const bool minus = take_operator("-");
        if (!minus) (void)take_operator("+");
        const std::string_view text = lexer_.text(token_);
        const auto plain = [](char c) { return is(c, kDigit) || c == '.'; };
        if (token_.kind != TokenKind::number || !std::ranges::all_of(text, plain)) return fail(), std::string();
        // The server says these otherwise: 010 is 10, -0 is 0.
        if ((text.size() > 1 && text[0] == '0' && text[1] != '.') || (minus && text.find_first_of("123456789") == std::string_view::npos)) {
            return fail(), std::string();
        }
        std::string out = (minus ? "-" : "") + std::string(text);
        advance();
        return out;
    }

    void reset() {
        if (take_keyword("all")) return add(Kind::reset_all);
        if (take_keyword("time")) {
            if (!take_word("zone")) return fail();
            return add(Kind::reset, "timezone");
        }
        if (at_keyword("session") || at_keyword("transaction")) return fail();
        std::string name = setting_name();
        if (name == "role") return fail();
        add(Kind::reset, std::move(name));
    }

    void select() {
        do {
            set_config();
            if (good_ && take_word("as")) (void)identifier();
        } while (good_ && take(TokenKind::comma));
    }

    // [pg_catalog.]set_config(name, value, is_local)
    void set_config() {
        if (take_word("pg_catalog") && !take(TokenKind::dot)) return fail();
        if (!take_word("set_config") || !take(TokenKind::open)) return fail();
        const std::optional<std::string> name = argument();
        if (!take(TokenKind::comma)) return fail();
        const std::optional<std::string> value = argument();
        if (!take(TokenKind::comma)) return fail();
        const bool local = boolean();
        if (!take(TokenKind::close) || !name) return fail();
        const std::string known = folded(*name);
        if (local || is_of_transaction(known)) return add(Kind::set_local, known);
        if (known == "role" || known == "session_authorization" || known == "seed" || known.empty()) return fail();
        if (!value) return add(Kind::reset, known);
        add(Kind::set, known, *value);
    }

    void cast() {
        if (!take(TokenKind::typecast)) return;
        if (!take_word("text") && !take_word("boolean") && !take_word("bool") && !take_word("varchar")) fail();
    }

    // A string, or a parameter; none for NULL.
    std::optional<std::string> argument(bool is_boolean = false) {
        std::optional<std::string> result;
        if (token_.kind == TokenKind::parameter) {
            result = parameter(is_boolean);
        } else if (!take_word("null")) {
            result = string();
        }
        cast();
        return result;
    }

    std::optional<std::string> parameter(bool is_boolean) {
        const std::string_view text = lexer_.text(token_).substr(1);
        unsigned number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        advance();
        const auto known = bound_ ? bound_(number, is_boolean) : std::nullopt;
        if (!known) return fail(), std::nullopt;
        return *known;
    }

    bool boolean() {
        if (take_word("true")) return true;
        if (take_word("false")) return false;
        const std::optional<std::string> text = argument(true);
        if (!text) return fail(), false;
        if (*text == "t" || *text == "true" || *text == std::string(1, '\1')) return true;
        if (*text != "f" && *text != "false" && *text != std::string(1, '\0')) fail();
        return false;
    }

    Lexer lexer_;
    Token token_;
    bool standard_strings_;
    const BoundText& bound_;
    SessionChanges changes_;
    std::size_t statements_ = 0;
    bool only_settings_ = true;
    bool good_ = true;
};

}  // namespace

bool is_name_list_setting(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 6> kLists = {"search_path",
                                                        "temp_tablespaces",
                                                        "local_preload_libraries",
                                                        "session_preload_libraries",
                                                        "shared_preload_libraries",
                                                        "unix_socket_directories"};
    return std::ranges::any_of(kLists, [name](std::string_view known) { return equals_folded(name, known); });
}

std::optional<SessionChanges> read_session_changes(std::string_view text, LexSettings settings, const BoundText& bound) {
    if (text.size() > std::size_t{64} << 10) return std::nullopt;
    if (settings.ascii_trail_bytes) return std::nullopt;
    return Reader(text, settings.standard_conforming_strings, bound).read();
}

}  // namespace pgweir::sql
