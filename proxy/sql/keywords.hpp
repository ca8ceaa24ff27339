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

// A hash table with linear probing, made at compile time.
struct KeywordSlot {
    std::uint64_t start = 0;  // 0, which no word has: free
    std::uint8_t size = 0;
    KeywordInfo info;
    bool last = true;  // no keyword that belongs here stands behind this slot
    std::uint16_t entry = 0;
};
inline constexpr unsigned kKeywordBits = 10;
using KeywordSlots = std::array<KeywordSlot, std::size_t{1} << kKeywordBits>;
extern const KeywordSlots kKeywordSlots;

// No two keywords of one length begin with the same eight letters, save for a few that the probing tells apart.
[[nodiscard]] constexpr std::size_t keyword_slot(std::uint64_t start, std::size_t size) noexcept {
    return static_cast<std::size_t>(((start + size) * 0x9E3779B97F4A7C15U) >> (64U - kKeywordBits));
}

// find_keyword() for what its first slot does not settle.
[[nodiscard]] KeywordInfo probe_keywords(std::uint64_t start, std::string_view word) noexcept;

// `word`: unquoted, in any case; `start`: of its first kWordStart bytes, or fewer. Keywords are ASCII.
[[nodiscard]] inline KeywordInfo find_keyword(std::uint64_t start, std::string_view word) noexcept {
    const KeywordSlot& slot = kKeywordSlots[keyword_slot(start, word.size())];
    if (slot.start != start) return slot.last ? KeywordInfo{} : probe_keywords(start, word);
    return slot.size == word.size() && word.size() <= kWordStart ? slot.info : probe_keywords(start, word);
}

}  // namespace pgweir::sql
