#include "proxy/monitor/auth_answer.hpp"

#include <charconv>

namespace pgweir::monitor {

namespace {

std::string_view field(const PGresult* result, int column) {
    return {PQgetvalue(result, 0, column), static_cast<std::size_t>(PQgetlength(result, 0, column))};
}

// Takes digits off the front, `least` to `most` of them, and then `end`, if it is given.
std::optional<int> take_number(std::string_view& text, std::size_t least, std::size_t most, char end = '\0') {
    int value = 0;
    const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
    if (digits.size() < least || digits.size() > most) return std::nullopt;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    text.remove_prefix(digits.size());
    if (end == '\0') return value;
    if (!text.starts_with(end)) return std::nullopt;
    text.remove_prefix(1);
    return value;
}

// "+01", "-03:30", "+00:19:32", and nothing behind it.
std::optional<std::chrono::seconds> take_offset(std::string_view text) {
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const bool west = text.front() == '-';
    std::chrono::seconds offset{0};
    for (const std::chrono::seconds unit :
         {std::chrono::seconds{3600}, std::chrono::seconds{60}, std::chrono::seconds{1}}) {
        text.remove_prefix(1);  // a sign or a colon
        const auto part = take_number(text, 2, 2);
        if (!part) return std::nullopt;
        offset += *part * unit;
        if (text.empty()) return west ? -offset : offset;
        if (text.front() != ':') return std::nullopt;
    }
    return std::nullopt;
}

// Seconds since 1970; a fraction is dropped, so that a time is never over too late.
std::optional<std::int64_t> parse_time(std::string_view text) {
    const auto year = take_number(text, 4, 6, '-');
    const auto month = year ? take_number(text, 2, 2, '-') : std::nullopt;
    const auto day = month ? take_number(text, 2, 2, ' ') : std::nullopt;
    const auto hour = day ? take_number(text, 2, 2, ':') : std::nullopt;
    const auto minute = hour ? take_number(text, 2, 2, ':') : std::nullopt;
    const auto second = minute ? take_number(text, 2, 2) : std::nullopt;
    if (!second) return std::nullopt;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!take_number(text, 1, 6)) return std::nullopt;
    }
    const auto offset = take_offset(text);
    if (!offset) return std::nullopt;
    // The proleptic Gregorian calendar in 64 bits: PostgreSQL's years go up to 294276.
    const std::int64_t y = *month <= 2 ? *year - 1 : *year;
    const std::int64_t era = y / 400, of_era = y % 400;
    const std::int64_t of_year = (153 * (*month + (*month > 2 ? -3 : 9)) + 2) / 5 + *day - 1;
    const std::int64_t days = era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
    return days * 86'400 + *hour * 3'600 + *minute * 60 + *second - offset->count();
}

}  // namespace

std::optional<bool> is_over(std::string_view time, std::chrono::system_clock::time_point now) {
    if (time == "infinity") return false;
    if (time == "-infinity" || time.ends_with(" BC")) return true;
    const auto until = parse_time(time);
    if (!until) return std::nullopt;
    return *until <= std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

AuthAnswer read_auth_answer(const PGresult* result, std::string_view user, std::chrono::system_clock::time_point now) {
    const int columns = PQnfields(result);
    if (columns != 2 && columns != 3)
        return {{}, "auth_query must return name and password, and perhaps until when it is valid", {}};
    if (PQntuples(result) == 0) return {};
    if (PQntuples(result) > 1) return {{}, "auth_query returned more than one row", {}};
    // Whoever this is, it is not who wants to come in (semantics.md I).
    if (PQgetisnull(result, 0, 0) != 0 || field(result, 0) != user)
        return {{}, {}, "auth_query returned a row of another user"};
    if (PQgetisnull(result, 0, 1) != 0) return {};
    if (columns == 3 && PQgetisnull(result, 0, 2) == 0) {
        const auto over = is_over(field(result, 2), now);
        if (!over) return {{}, "the third column of auth_query is no timestamp with time zone", {}};
        if (*over) return {};
    }
    return {std::string(field(result, 1)), {}, {}};
}

}  // namespace pgweir::monitor
