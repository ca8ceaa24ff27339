#include "proxy/session/plain_reads.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/sql/text.hpp"

namespace pgweir::session {

namespace {

constexpr std::uint64_t each(std::uint8_t byte) noexcept { return 0x0101010101010101U * byte; }

// The high bit of every byte that is a digit.
constexpr std::uint64_t digits_in(std::uint64_t bytes) noexcept {
    const std::uint64_t low = bytes & each(0x7F);
    const std::uint64_t at_least_0 = low + each(0x80 - '0');
    const std::uint64_t above_9 = low + each(0x80 - '9' - 1);
    return at_least_0 & ~above_9 & ~bytes & each(0x80);
}

constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t word) noexcept {
    const std::uint64_t mixed = (hash ^ word) * 0x9E3779B97F4A7C15U;
    return mixed ^ (mixed >> 32);
}

// No more than this can be known of one that is kept: what a plain read does not do.
[[nodiscard]] bool is_nothing_else(const sql::Statement& judged) noexcept {
    return judged.is_plain_read() && !judged.empty && judged.hint.kind == sql::Hint::Kind::none && judged.name.empty() &&
           judged.value.empty();
}

[[nodiscard]] sql::Statement plain_read() noexcept {
    sql::Statement statement;
    statement.reads_only = true;
    statement.reason = sql::Reason::read;
    return statement;
}

// A run of digits that is a token by itself: where it begins and ends. Both are the text's size if there is none behind `from`.
struct Number {
    std::size_t begin, end;
};

[[nodiscard]] Number next_number(std::string_view text, std::size_t from) noexcept {
    const auto joins = [](char c) { return c == '.' || sql::is(c, sql::kIdentCont); };
    for (std::size_t begin = from; begin < text.size(); ++begin) {
        if (!sql::is(text[begin], sql::kDigit)) continue;
        std::size_t end = begin;
        while (end < text.size() && sql::is(text[end], sql::kDigit)) ++end;
        if ((begin == 0 || !joins(text[begin - 1])) && (end == text.size() || !joins(text[end]))) return {begin, end};
        begin = end - 1;
    }
    return {text.size(), text.size()};
}

// Numbers apart, what is between them is read the same way wherever it stands.
[[nodiscard]] bool is_simple(std::string_view text) noexcept {
    const bool simple = std::ranges::none_of(text, [](char c) {
        return static_cast<std::uint8_t>(c) >= 0x80 || c == '\0' || c == '\'' || c == '"' || c == '$' || c == '\\';
    });
    return simple && text.find("--") == std::string_view::npos && text.find("/*") == std::string_view::npos;
}

[[nodiscard]] bool has_at_most(std::size_t count, std::string_view text) noexcept {
    Number at = next_number(text, 0);
    for (; at.begin < text.size() && count > 0; --count) at = next_number(text, at.end);
    return at.begin == text.size();
}

}  // namespace

sql::Statement PlainReads::judge(std::string_view text, sql::LexSettings lex, const DatabaseNames& names) {
    if (!lex.standard_conforming_strings || text.size() > kLongest) return sql::classify(text, lex, names.judge());
    if (sets_.empty()) sets_.resize(kSets);
    Set& set = sets_[set_of(text, names)];
    for (Pattern& pattern : set.patterns) {
        if (!pattern.current(names) || !pattern.matches(text)) continue;
        pattern.used = true;
        return plain_read();
    }
    const sql::Statement judged = sql::classify(text, lex, names.judge());
    const bool quotes = text.find('\'') != std::string_view::npos;  // what most often keeps a text from being kept
    if (quotes || text.size() > kMostBytes || !is_nothing_else(judged) || set.passes_over(names)) return judged;
    if (!is_simple(text) || !has_at_most(kMostNumbers, text)) return judged;
    if (Pattern* place = set.place(names)) place->keep(text, names);
    return judged;
}

bool PlainReads::knows(std::string_view text, const DatabaseNames& names) const noexcept {
    if (sets_.empty()) return false;
    const auto& patterns = sets_[set_of(text, names)].patterns;
    return std::ranges::any_of(patterns, [&](const Pattern& pattern) { return pattern.current(names) && pattern.matches(text); });
}

std::size_t PlainReads::size() const noexcept {
    std::size_t count = 0;
    for (const Set& set : sets_) count += static_cast<std::size_t>(std::ranges::count_if(set.patterns, &Pattern::version));
    return count;
}

// Of what stands before the first number.
std::uint64_t PlainReads::hash(std::string_view text) noexcept {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    std::uint64_t result = 0;
    std::size_t at = 0;
    for (; at + kWord <= text.size(); at += kWord) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, kWord);
        if (digits_in(word) != 0) break;
        result = mix(result, word);
    }
    const std::size_t end = next_number(text, at).begin;
    while (at < end) {
        std::uint64_t word = 0;
        for (unsigned bits = 0; at < end && bits < 64; ++at, bits += 8) word |= std::uint64_t{static_cast<std::uint8_t>(text[at])} << bits;
        result = mix(result, word);
    }
    return result;
}

std::size_t PlainReads::set_of(std::string_view text, const DatabaseNames& names) noexcept {
    return mix(hash(text), reinterpret_cast<std::uintptr_t>(&names)) % kSets;
}

PlainReads::Pattern* PlainReads::Set::free_place(const DatabaseNames& by) noexcept {
    const auto found = std::ranges::find_if(patterns, [&](const Pattern& pattern) { return pattern.free(by); });
    return found != patterns.end() ? &*found : nullptr;
}

bool PlainReads::Set::passes_over(const DatabaseNames& by) noexcept {
    if (patterns[newest].used) skip = skipped = 0;
    if (skip == 0 || free_place(by) != nullptr) return false;
    --skip;
    return true;
}

// One that was not used since the last look gives its place up, and then the next ones have to wait.
PlainReads::Pattern* PlainReads::Set::place(const DatabaseNames& by) noexcept {
    if (Pattern* found = free_place(by)) {
        newest = static_cast<std::size_t>(found - patterns.data());
        return found;
    }
    for (std::size_t i = 0; i < kWays; ++i) {
        const std::size_t next = (newest + 1 + i) % kWays;
        if (std::exchange(patterns[next].used, false)) continue;
        newest = next;
        skip = skipped = std::min(2 * skipped + 1, kMostSkipped);
        return &patterns[next];
    }
    return nullptr;
}

void PlainReads::Pattern::keep(std::string_view read, const DatabaseNames& by) {
    text.clear();
    pieces = 0;
    for (std::size_t at = 0;;) {
        const Number number = next_number(read, at);
        text.append(read.substr(at, number.begin - at));
        sizes[pieces++] = static_cast<std::uint16_t>(number.begin - at);
        if (number.begin == read.size()) break;
        at = number.end;
    }
    names = &by;
    version = by.version();
    used = false;
}

bool PlainReads::Pattern::matches(std::string_view read) const noexcept {
    std::string_view kept = text;
    std::size_t at = 0;
    for (std::size_t i = 0; i < pieces; ++i) {
        const std::size_t size = sizes[i];
        if (!read.substr(at).starts_with(kept.substr(0, size))) return false;
        at += size;
        kept.remove_prefix(size);
        if (i + 1 == pieces) break;
        const std::size_t number = at;
        while (at < read.size() && sql::is(read[at], sql::kDigit)) ++at;
        if (at == number) return false;
    }
    return at == read.size();
}

}  // namespace pgweir::session
