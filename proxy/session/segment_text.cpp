#include "proxy/session/segment_text.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/utf8.hpp"
#include "proxy/sql/identifier.hpp"
#include "proxy/sql/masked.hpp"

namespace pgweir::session {

namespace {

void append(std::string& out, std::string_view text, sql::LexSettings lex) {
    if (text.empty() || out.size() >= SegmentText::kShown) return;
    if (!out.empty()) out += "; ";
    // The server converts before it looks for quotes: here they may be elsewhere.
    if (lex.ascii_trail_bytes && sql::beyond_ascii(text)) {
        out += "...";
    } else {
        out += sql::masked(protocol::utf8_front(text, SegmentText::kKept), lex.standard_conforming_strings);
    }
}

}  // namespace

void SegmentText::add(std::string_view text, sql::LexSettings lex) {
    ++count_;
    query_.assign(protocol::utf8_front(text, kKept));
    lex_ = lex;
}

void SegmentText::add(const StatementRef& statement) {
    if (!statement || (!statements_.empty() && statements_.back() == statement)) return;
    ++count_;
    if (statements_.size() < kStatements) statements_.push_back(statement);
}

void SegmentText::clear() noexcept {
    statements_.clear();
    query_.clear();
    rows_ = 0;
    count_ = 0;
    sqlstate_ = {};
}

std::string SegmentText::shown() const {
    std::string out;
    for (const StatementRef& statement : statements_) append(out, statement->text(), statement->lex);
    append(out, query_, lex_);
    out.resize(protocol::utf8_front(out, kShown).size());
    return out;
}

// A server may say anything: what is none stays out of the log.
void SegmentText::set_sqlstate(std::string_view code) noexcept {
    const auto is_of_code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
    if (code.size() == sqlstate_.size() && std::ranges::all_of(code, is_of_code)) code.copy(sqlstate_.data(), code.size());
}

// The number behind the last space: "SELECT 5", "INSERT 0 5", but "CREATE TABLE".
std::uint64_t SegmentText::rows_of(std::string_view tag) noexcept {
    const std::string_view last = tag.substr(tag.rfind(' ') + 1);
    std::uint64_t rows = 0;
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), rows);
    return error == std::errc{} && end == last.data() + last.size() ? rows : 0;
}

}  // namespace pgweir::session
