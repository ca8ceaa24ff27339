// The same statement written in other ways: case, white space, comments, quoted names, strings of every kind. A lexer of
// its own, so that nothing of the scanner under test decides what it is tested with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::test {

using Random = std::mt19937_64;

[[nodiscard]] inline std::size_t below(Random& random, std::size_t limit) { return random() % limit; }
[[nodiscard]] inline bool chance(Random& random, unsigned percent) { return random() % 100 < percent; }

// How a piece of a statement may be written. In the texts given here keywords are in capitals and names are not.
enum class PieceKind { keyword, name, string, fixed, number, op, sign };

struct Piece {
    PieceKind kind = PieceKind::sign;
    std::string text;
};

namespace spelling {

inline bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
inline bool digit(char c) { return c >= '0' && c <= '9'; }
inline bool word(char c) { return letter(c) || digit(c) || c == '$'; }
inline bool operates(char c) { return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos; }
inline bool upper(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// Behind the quote that closes what begins at `at`.
inline std::size_t quoted_end(std::string_view text, std::size_t at, bool backslashes) {
    const char quote = text[at++];
    while (at < text.size()) {
        if (backslashes && text[at] == '\\') {
            ++at;
        } else if (text[at] == quote) {
            if (at + 1 >= text.size() || text[at + 1] != quote) return at + 1;
            ++at;
        }
        ++at;
    }
    return text.size();
}

inline std::size_t run_end(std::string_view text, std::size_t at, bool (*belongs)(char)) {
    while (at < text.size() && belongs(text[at])) ++at;
    return at;
}

inline std::size_t number_end(std::string_view text, std::size_t at) {
    while (at < text.size() && (word(text[at]) || text[at] == '.' || (text[at] == '-' && (text[at - 1] | 0x20) == 'e'))) ++at;
    return at;
}

inline Piece dollar_piece(std::string_view text, std::size_t at) {
    const std::size_t end = run_end(text, at + 1, digit);
    if (end > at + 1) return {PieceKind::number, std::string(text.substr(at, end - at))};
    const std::size_t tag = text.find('$', at + 1) + 1 - at;
    const std::size_t close = text.find(text.substr(at, tag), at + tag);
    return {PieceKind::fixed, std::string(text.substr(at, close + tag - at))};
}

inline Piece word_piece(std::string_view text, std::size_t at) {
    std::size_t end = run_end(text, at, word);
    std::string_view piece = text.substr(at, end - at);
    if (piece == "U" && end < text.size() && text[end] == '&') ++end;
    if (end < text.size() && (text[end] == '\'' || (text[end] == '"' && text[end - 1] == '&'))) {
        end = quoted_end(text, end, piece == "E");
        return {PieceKind::fixed, std::string(text.substr(at, end - at))};
    }
    piece = text.substr(at, end - at);
    return {upper(piece) ? PieceKind::keyword : PieceKind::name, std::string(piece)};
}

inline Piece piece_at(std::string_view text, std::size_t at) {
    const char c = text[at];
    const auto cut = [&](PieceKind kind, std::size_t end) { return Piece{kind, std::string(text.substr(at, end - at))}; };
    if (letter(c)) return word_piece(text, at);
    if (digit(c) || (c == '.' && at + 1 < text.size() && digit(text[at + 1]))) return cut(PieceKind::number, number_end(text, at));
    if (c == '\'') {
        Piece string = cut(PieceKind::string, quoted_end(text, at, false));
        const std::string_view inside = std::string_view(string.text).substr(1, string.text.size() - 2);
        if (inside.find_first_of("'\\") != std::string_view::npos) string.kind = PieceKind::fixed;
        return string;
    }
    if (c == '"') return cut(PieceKind::fixed, quoted_end(text, at, false));
    if (c == '$') return dollar_piece(text, at);
    if (operates(c)) return cut(PieceKind::op, run_end(text, at, operates));
    return cut(PieceKind::sign, at + (text.substr(at, 2) == "::" || text.substr(at, 2) == ":=" ? 2 : 1));
}

}  // namespace spelling

// `text`: without comments; words in capitals are keywords.
[[nodiscard]] inline std::vector<Piece> pieces_of(std::string_view text) {
    std::vector<Piece> pieces;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ' ') {
            ++at;
            continue;
        }
        pieces.push_back(spelling::piece_at(text, at));
        at += pieces.back().text.size();
    }
    return pieces;
}

struct SpellerOptions {
    bool unicode_names = true;      // names are written as U&"…", too
    bool comments_anywhere = true;  // also in continued strings and behind NOT, NULLS and WITH, where libpg_query sees tokens
};

class Speller {
  public:
    explicit Speller(Random& random, SpellerOptions options = {}) : random_(random), options_(options) {}

    [[nodiscard]] std::string spell(const std::vector<Piece>& pieces) {
        wild_ = static_cast<unsigned>(below(random_, 3)) * 30;  // as usual, somewhat odd, very odd
        std::string out;
        if (chance(random_, wild_)) out += pick({" ", ";", "\n", "/* a */", "-- a\n", "/* a /* ' */ */ --\"\r"});
        std::string last;
        for (const Piece& piece : pieces) {
            const std::string next = spell(piece);
            if (!last.empty()) out += gap(last, next);
            out += next;
            last = next;
        }
        if (chance(random_, wild_)) out += pick({";", " ;", "\n;\n", ";;", " -- ;", "; /* ; */", "\n"});
        return out;
    }

  private:
    [[nodiscard]] std::string pick(std::initializer_list<const char*> choices) {
        return choices.begin()[below(random_, choices.size())];
    }

    [[nodiscard]] std::string spell(const Piece& piece) {
        switch (piece.kind) {
            case PieceKind::keyword:
                return cased(piece.text);
            case PieceKind::name:
                return name(piece.text);
            case PieceKind::string:
                return string(std::string_view(piece.text).substr(1, piece.text.size() - 2));
            case PieceKind::fixed:
            case PieceKind::number:
            case PieceKind::op:
            case PieceKind::sign:
                break;
        }
        return piece.text;
    }

    [[nodiscard]] std::string cased(std::string text) {
        const bool lower = chance(random_, 30);
        const bool mixed = chance(random_, wild_ / 2);
        for (char& c : text) {
            const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (is_letter && (mixed ? chance(random_, 50) : lower)) c = static_cast<char>(c ^ 0x20);
        }
        return text;
    }

    [[nodiscard]] std::string name(const std::string& text) {
        if (!chance(random_, wild_ / 2)) return text;
        if (options_.unicode_names && chance(random_, 10)) return unicode(text, '"');
        return chance(random_, 60) ? '"' + text + '"' : cased(text);
    }

    // U&'…' or U&"…" with one character written by its number.
    [[nodiscard]] std::string unicode(std::string_view text, char quote) {
        std::string out = pick({"U&", "u&"}) + quote;
        const std::size_t escaped = below(random_, text.size() + 1);
        for (std::size_t i = 0; i < text.size(); ++i) {
            char number[8];
            std::snprintf(number, sizeof number, "\\%04x", static_cast<unsigned char>(text[i]));
            if (i == escaped && (text[i] & 0x80) == 0) out += number;
            else out += text[i];
        }
        return out + quote;
    }

    [[nodiscard]] std::string string(std::string_view text) {
        const std::string plain(text);
        const std::size_t half = text.size() / 2;
        if (!chance(random_, wild_)) return "'" + plain + "'";
        switch (below(random_, 9)) {
            case 0: return pick({"E'", "e'"}) + plain + "\\'\\\\'";
            case 1: return "$$" + plain + "'$$";
            case 2: return "$tag$" + plain + " $$ \\ $Tag$ $tag$";
            case 3: return unicode(text, '\'');
            case 4: return "'" + plain.substr(0, half) + "'" + newline() + "'" + plain.substr(half) + "'";
            case 5: return "E'" + plain.substr(0, half) + "'" + newline() + "'" + plain.substr(half) + "\\''";
            case 6: return "'" + plain + "\\'";
            case 7: return "'" + plain + "''--'";
            default: return "'" + plain + "/* \" $$ '";
        }
    }

    // What continues a string.
    [[nodiscard]] std::string newline() {
        return options_.comments_anywhere ? pick({"\n", " -- '\n", "\r--\n ", "--\r\t"}) : pick({"\n", " \r\n\t", "\r", "\n\n"});
    }

    [[nodiscard]] bool looks_ahead(std::string word) const {
        for (char& c : word) c = spelling::letter(c) ? static_cast<char>(c | 0x20) : c;
        return !options_.comments_anywhere && (word == "not" || word == "nulls" || word == "with");
    }

    // What stands between two tokens.
    [[nodiscard]] std::string gap(const std::string& last, const std::string& next) {
        if (chance(random_, wild_)) {
            if (looks_ahead(last)) return pick({"\n", "\t", " \r\n", "\f ", "   "});
            const std::string odd = pick({"\n", "\t", "\r\n", "\f ", "/**/", "/* a */", "/* a /* b */ ' */", "/*\"*/", " -- '\n",
                                          "--\r", " /* ; */ ", "-- /*\n", "/*--*/", "  "});
            const bool apart = spelling::operates(last.back()) && (odd[0] == '-' || last.back() == '/' || chance(random_, 50));
            return apart ? " " + odd : odd;
        }
        return chance(random_, 50) && !merges(last, next) ? "" : " ";
    }

    [[nodiscard]] static bool merges(const std::string& last, const std::string& next) {
        using namespace spelling;
        const char a = last.back();
        const char b = next.front();
        if (word(a) && (word(b) || b == '\'' || b == '"' || b == '&')) return true;
        if (operates(a) && operates(b)) return true;
        if ((a == '\'' || a == '"') && (b == a || b == '\'' || b == 'U' || b == 'u')) return true;
        if ((digit(a) && b == '.') || (a == '.' && (digit(b) || last.size() > 1))) return true;
        return (a == ':' || a == '=') && (b == ':' || b == '=' || b == '>');
    }

    Random& random_;
    SpellerOptions options_;
    unsigned wild_ = 0;  // percent
};

}  // namespace pgweir::test
