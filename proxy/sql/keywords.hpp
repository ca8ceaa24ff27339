// The unquoted words of PostgreSQL that this room has to know, with what each may be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgweir::sql {

// A word with a role of its own, or the class of one without.
enum class Keyword : std::uint8_t {
    none,              // an identifier, or a keyword that is used like one
    reserved,          // reserved, never a function's name
    column_name,       // may name a column but not a function; before a parenthesis it is a type or a special form
    type_or_function,  // may name a function
    prefix,            // an unreserved word that may stand right before an expression, as ESCAPE or PASSING
    abort,
    all,
    alter,
    analyse,
    analyze,
    as,
    at,
    authorization,
    begin,
    binary,
    bit,
    by,
    call,
    char_,
    character,
    characteristics,
    checkpoint,
    close,
    cluster,
    comment,
    commit,
    conflict,
    constraints,
    copy,
    create,
    cross,
    cube,
    deallocate,
    declare,
    default_,
    deferrable,
    delete_,
    discard,
    distinct,
    do_,
    drop,
    end,
    execute,
    exists,
    explain,
    fetch,
    first,
    for_,
    foreign,
    from,
    full,
    global,
    grant,
    group,
    grouping,
    hold,
    ilike,
    import,
    inner,
    insert,
    interval,
    into,
    is_called,
    isolation,
    join,
    key,
    last_value,
    lateral,
    left,
    level,
    listen,
    load,
    local,
    lock,
    log_cnt,
    materialized,
    merge,
    move,
    names,
    national,
    natural,
    nchar,
    next,
    no,
    not_,
    notify,
    on,
    only,
    operator_,
    order,
    ordinality,
    outer,
    partition,
    prepare,
    prepared,
    primary,
    program,
    read,
    reassign,
    recursive,
    references,
    refresh,
    reindex,
    release,
    reset,
    revoke,
    right,
    role,
    rollback,
    rollup,
    savepoint,
    schema,
    second,
    security,
    select,
    serializable,
    session,
    set,
    sets,
    share,
    show,
    start,
    stdin_,
    stdout_,
    table,
    temp,
    temporary,
    time,
    to,
    transaction,
    treat,
    truncate,
    unlisten,
    update,
    vacuum,
    values,
    varying,
    verbose,
    with,
    work,
    write,
    xml,
    zone,
};

inline constexpr std::uint8_t kKeywordCount = static_cast<std::uint8_t>(Keyword::zone) + 1;

struct KeywordInfo {
    Keyword id = Keyword::none;
    bool callable = true;  // unquoted and before a parenthesis, it may be a function's name
};

// The first letters of a word without regard to ASCII case, packed into a number, the first one lowest. `at`: below kWordStart.
inline constexpr std::size_t kWordStart = 8;
[[nodiscard]] constexpr std::uint64_t add_to_start(std::uint64_t start, char c, std::size_t at) noexcept {
    return start | std::uint64_t{static_cast<std::uint8_t>(c) | 0x20U} << (8U * at);
}

// A keyword without its text.
struct KeywordEntry {
    std::uint64_t start = 0;  // no word's
    KeywordInfo info;
};

// In alphabetical order, between two that are none.
extern const std::array<KeywordEntry, 320> kKeywordEntries;

// A perfect hash: only keywords with the same start share a place.
inline constexpr unsigned kKeywordBits = 12;
[[nodiscard]] constexpr std::size_t keyword_place(std::uint64_t start) noexcept {
    return static_cast<std::size_t>((start * 0x97C8972206FEC9E7U) >> (64U - kKeywordBits));
}

// Which entry is the first in its place.
extern const std::array<std::uint16_t, std::size_t{1} << kKeywordBits> kKeywordPlaces;

// Of the keywords that have the start of this one, `first` and those behind it, the one that is `word`.
[[nodiscard]] KeywordInfo find_long_keyword(const KeywordEntry* first, std::string_view word) noexcept;

// `word`: unquoted, in any case; `start`: of its first kWordStart bytes, or fewer. Keywords are ASCII.
[[nodiscard]] inline KeywordInfo find_keyword(std::uint64_t start, std::string_view word) noexcept {
    const KeywordEntry& entry = kKeywordEntries[kKeywordPlaces[keyword_place(start)]];
    if (entry.start != start) return {};
    return word.size() < kWordStart ? entry.info : find_long_keyword(&entry, word);
}

}  // namespace pgweir::sql
