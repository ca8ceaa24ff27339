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

// Numbers apart, what is between them is read the same way wherever it stands.
[[nodiscard]] bool is_simple(std::string_view text) noexcept {
    const bool simple = std::ranges::none_of(text, [](char c) {
        return static_cast<std::uint8_t>(c) >= 0x80 || c == '\0' || c == '\'' || c == '"' || c == '$' || c == '\\';
    });
    return simple && text.find("--") == std::string_view::npos && text.find("/*") == std::string_view::npos;
}

}  // namespace

sql::Statement PlainReads::judge(std::string_view text, sql::LexSettings lex, const DatabaseNames& names) {
    if (!lex.standard_conforming_strings) return sql::classify(text, lex, names.judge());
    const std::uint64_t hashed = hash(text);
    if (!sets_.empty()) {
        for (const Pattern& pattern : sets_[hashed % kSets].patterns) {
            const bool current = pattern.names == &names && pattern.version == names.version();
            if (current && pattern.matches(text)) return plain_read();
        }
    }
    const sql::Statement judged = sql::classify(text, lex, names.judge());
    if (text.size() > kMostBytes || !is_nothing_else(judged)) return judged;
    if (sets_.empty()) sets_.resize(kSets);
    Set& set = sets_[hashed % kSets];
    if (std::exchange(set.missed, hashed) != hashed) return judged;
    if (set.patterns[set.next].keep(text, names)) set.next = (set.next + 1) % kWays;
    return judged;
}

std::size_t PlainReads::size() const noexcept {
    std::size_t count = 0;
    for (const Set& set : sets_) count += static_cast<std::size_t>(std::ranges::count_if(set.patterns, &Pattern::version));
    return count;
}

// Of what stands before the first digit, or of the first 64 bytes.
std::uint64_t PlainReads::hash(std::string_view text) noexcept {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    std::uint64_t result = 0, word = 0;
    std::size_t at = 0;
    for (; at + kWord <= text.size() && at < 8 * kWord; at += kWord) {
        std::memcpy(&word, text.data() + at, kWord);
        const std::uint64_t digits = digits_in(word);
        if (digits != 0) return mix(result, word & (((digits & (~digits + 1)) >> 7) - 1));  // what is below the lowest
        result = mix(result, word);
    }
    if (at == 8 * kWord) return result;
    word = 0;
    for (unsigned bits = 0; at < text.size() && !sql::is(text[at], sql::kDigit); ++at, bits += 8) {
        word |= std::uint64_t{static_cast<std::uint8_t>(text[at])} << bits;
    }
    return mix(result, word);
}

bool PlainReads::Pattern::keep(std::string_view read, const DatabaseNames& by) {
    version = 0;
    if (!is_simple(read)) return false;
    text.clear();
    pieces = 0;
    std::size_t piece = 0;  // where it began in `text`
    for (std::size_t at = 0; at < read.size();) {
        const std::size_t begin = at;
        while (at < read.size() && sql::is(read[at], sql::kDigit)) ++at;
        const auto joins = [](char c) { return c == '.' || sql::is(c, sql::kIdentCont); };
        const bool alone = at > begin && (begin == 0 || !joins(read[begin - 1])) && (at == read.size() || !joins(read[at]));
        if (!alone) {
            at = std::max(at, begin + 1);
            text.append(read.substr(begin, at - begin));
            continue;
        }
        if (pieces == kMostNumbers) return false;
        sizes[pieces++] = static_cast<std::uint16_t>(text.size() - piece);
        piece = text.size();
    }
    sizes[pieces++] = static_cast<std::uint16_t>(text.size() - piece);
    names = &by;
    version = by.version();
    return true;
}

bool PlainReads::Pattern::matches(std::string_view read) const noexcept {
    const char* kept = text.data();
    std::size_t at = 0;
    for (std::size_t i = 0; i < pieces; ++i) {
        const std::size_t size = sizes[i];
        if (read.size() - at < size || std::memcmp(read.data() + at, kept, size) != 0) return false;
        at += size;
        kept += size;
        if (i + 1 == pieces) break;
        const std::size_t number = at;
        while (at < read.size() && sql::is(read[at], sql::kDigit)) ++at;
        if (at == number) return false;
    }
    return at == read.size();
}

}  // namespace pgweir::session
