#include "proxy/sql/keywords.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "proxy/sql/text.hpp"

namespace pgweir::sql {

namespace {

struct Entry {
    std::string_view text;
    Keyword id = Keyword::none;
    bool callable = true;
};

// PostgreSQL 15's reserved, column-name and type-or-function words (pg_get_keywords()), 16's SYSTEM_USER, and those
// unreserved words that have a role here. Unreserved words left out are treated as the identifiers that they may be.
constexpr Entry kEntries[] = {
    {"abort", Keyword::abort, true},
    {"all", Keyword::all, false},
    {"also", Keyword::prefix, true},
    {"alter", Keyword::alter, true},
    {"analyse", Keyword::analyse, false},
    {"analyze", Keyword::analyze, false},
    {"and", Keyword::reserved, false},
    {"any", Keyword::reserved, false},
    {"array", Keyword::reserved, false},
    {"as", Keyword::as, false},
    {"asc", Keyword::reserved, false},
    {"asymmetric", Keyword::reserved, false},
    {"at", Keyword::at, true},
    {"authorization", Keyword::authorization, true},
    {"begin", Keyword::begin, true},
    {"between", Keyword::column_name, false},
    {"bigint", Keyword::column_name, false},
    {"binary", Keyword::binary, true},
    {"bit", Keyword::bit, false},
    {"boolean", Keyword::column_name, false},
    {"both", Keyword::reserved, false},
    {"by", Keyword::by, true},
    {"call", Keyword::call, true},
    {"case", Keyword::reserved, false},
    {"cast", Keyword::reserved, false},
    {"char", Keyword::char_, false},
    {"character", Keyword::character, false},
    {"characteristics", Keyword::characteristics, true},
    {"check", Keyword::reserved, false},
    {"checkpoint", Keyword::checkpoint, true},
    {"close", Keyword::close, true},
    {"cluster", Keyword::cluster, true},
    {"coalesce", Keyword::column_name, false},
    {"collate", Keyword::reserved, false},
    {"collation", Keyword::type_or_function, true},
    {"column", Keyword::reserved, false},
    {"comment", Keyword::comment, true},
    {"commit", Keyword::commit, true},
    {"concurrently", Keyword::type_or_function, true},
    {"conflict", Keyword::conflict, true},
    {"constraint", Keyword::reserved, false},
    {"constraints", Keyword::constraints, true},
    {"content", Keyword::prefix, true},
    {"copy", Keyword::copy, true},
    {"create", Keyword::create, false},
    {"cross", Keyword::cross, true},
    {"cube", Keyword::cube, true},
    {"current_catalog", Keyword::reserved, false},
    {"current_date", Keyword::reserved, false},
    {"current_role", Keyword::reserved, false},
    {"current_schema", Keyword::type_or_function, true},
    {"current_time", Keyword::reserved, false},
    {"current_timestamp", Keyword::reserved, false},
    {"current_user", Keyword::reserved, false},
    {"deallocate", Keyword::deallocate, true},
    {"dec", Keyword::column_name, false},
    {"decimal", Keyword::column_name, false},
    {"declare", Keyword::declare, true},
    {"default", Keyword::default_, false},
    {"deferrable", Keyword::deferrable, false},
    {"delete", Keyword::delete_, true},
    {"desc", Keyword::reserved, false},
    {"discard", Keyword::discard, true},
    {"distinct", Keyword::distinct, false},
    {"do", Keyword::do_, false},
    {"document", Keyword::prefix, true},
    {"drop", Keyword::drop, true},
    {"else", Keyword::reserved, false},
    {"end", Keyword::end, false},
    {"escape", Keyword::prefix, true},
    {"except", Keyword::reserved, false},
    {"execute", Keyword::execute, true},
    {"exists", Keyword::exists, false},
    {"explain", Keyword::explain, true},
    {"extract", Keyword::column_name, false},
    {"false", Keyword::reserved, false},
    {"fetch", Keyword::fetch, false},
    {"first", Keyword::first, true},
    {"float", Keyword::column_name, false},
    {"for", Keyword::for_, false},
    {"foreign", Keyword::foreign, false},
    {"freeze", Keyword::type_or_function, true},
    {"from", Keyword::from, false},
    {"full", Keyword::full, true},
    {"global", Keyword::global, true},
    {"grant", Keyword::grant, false},
    {"greatest", Keyword::column_name, false},
    {"group", Keyword::group, false},
    {"grouping", Keyword::grouping, false},
    {"groups", Keyword::prefix, true},
    {"having", Keyword::reserved, false},
    {"hold", Keyword::hold, true},
    {"ilike", Keyword::ilike, true},
    {"import", Keyword::import, true},
    {"in", Keyword::reserved, false},
    {"initially", Keyword::reserved, false},
    {"inner", Keyword::inner, true},
    {"inout", Keyword::column_name, false},
    {"insert", Keyword::insert, true},
    {"instead", Keyword::prefix, true},
    {"int", Keyword::column_name, false},
    {"integer", Keyword::column_name, false},
    {"intersect", Keyword::reserved, false},
    {"interval", Keyword::interval, false},
    {"into", Keyword::into, false},
    {"is", Keyword::type_or_function, true},
    {"is_called", Keyword::is_called, true},
    {"isnull", Keyword::type_or_function, true},
    {"isolation", Keyword::isolation, true},
    {"join", Keyword::join, true},
    {"key", Keyword::key, true},
    {"last_value", Keyword::last_value, true},
    {"lateral", Keyword::lateral, false},
    {"leading", Keyword::reserved, false},
    {"least", Keyword::column_name, false},
    {"left", Keyword::left, true},
    {"level", Keyword::level, true},
    {"like", Keyword::type_or_function, true},
    {"limit", Keyword::reserved, false},
    {"listen", Keyword::listen, true},
    {"load", Keyword::load, true},
    {"local", Keyword::local, true},
    {"localtime", Keyword::reserved, false},
    {"localtimestamp", Keyword::reserved, false},
    {"lock", Keyword::lock, true},
    {"log_cnt", Keyword::log_cnt, true},
    {"materialized", Keyword::materialized, true},
    {"merge", Keyword::merge, true},
    {"move", Keyword::move, true},
    {"names", Keyword::names, true},
    {"national", Keyword::national, false},
    {"natural", Keyword::natural, true},
    {"nchar", Keyword::nchar, false},
    {"next", Keyword::next, true},
    {"no", Keyword::no, true},
    {"none", Keyword::column_name, false},
    {"normalize", Keyword::column_name, false},
    {"not", Keyword::not_, false},
    {"notify", Keyword::notify, true},
    {"notnull", Keyword::type_or_function, true},
    {"null", Keyword::reserved, false},
    {"nullif", Keyword::column_name, false},
    {"numeric", Keyword::column_name, false},
    {"of", Keyword::prefix, true},
    {"offset", Keyword::reserved, false},
    {"on", Keyword::on, false},
    {"only", Keyword::only, false},
    {"operator", Keyword::operator_, true},
    {"or", Keyword::reserved, false},
    {"order", Keyword::order, false},
    {"ordinality", Keyword::ordinality, true},
    {"out", Keyword::column_name, false},
    {"outer", Keyword::outer, true},
    {"overlaps", Keyword::type_or_function, true},
    {"overlay", Keyword::column_name, false},
    {"partition", Keyword::partition, true},
    {"passing", Keyword::prefix, true},
    {"path", Keyword::prefix, true},
    {"placing", Keyword::reserved, false},
    {"position", Keyword::column_name, false},
    {"precision", Keyword::column_name, false},
    {"prepare", Keyword::prepare, true},
    {"prepared", Keyword::prepared, true},
    {"primary", Keyword::primary, false},
    {"program", Keyword::program, true},
    {"range", Keyword::prefix, true},
    {"read", Keyword::read, true},
    {"real", Keyword::column_name, false},
    {"reassign", Keyword::reassign, true},
    {"recursive", Keyword::recursive, true},
    {"ref", Keyword::prefix, true},
    {"references", Keyword::references, false},
    {"refresh", Keyword::refresh, true},
    {"reindex", Keyword::reindex, true},
    {"release", Keyword::release, true},
    {"reset", Keyword::reset, true},
    {"returning", Keyword::reserved, false},
    {"returns", Keyword::prefix, true},
    {"revoke", Keyword::revoke, true},
    {"right", Keyword::right, true},
    {"role", Keyword::role, true},
    {"rollback", Keyword::rollback, true},
    {"rollup", Keyword::rollup, true},
    {"row", Keyword::column_name, false},
    {"rows", Keyword::prefix, true},
    {"savepoint", Keyword::savepoint, true},
    {"schema", Keyword::schema, true},
    {"second", Keyword::second, true},
    {"security", Keyword::security, true},
    {"select", Keyword::select, false},
    {"serializable", Keyword::serializable, true},
    {"session", Keyword::session, true},
    {"session_user", Keyword::reserved, false},
    {"set", Keyword::set, true},
    {"setof", Keyword::column_name, false},
    {"sets", Keyword::sets, true},
    {"share", Keyword::share, true},
    {"show", Keyword::show, true},
    {"similar", Keyword::type_or_function, true},
    {"smallint", Keyword::column_name, false},
    {"some", Keyword::reserved, false},
    {"start", Keyword::start, true},
    {"stdin", Keyword::stdin_, true},
    {"stdout", Keyword::stdout_, true},
    {"substring", Keyword::column_name, false},
    {"symmetric", Keyword::reserved, false},
    {"system_user", Keyword::reserved, false},
    {"table", Keyword::table, false},
    {"tablesample", Keyword::type_or_function, true},
    {"temp", Keyword::temp, true},
    {"temporary", Keyword::temporary, true},
    {"then", Keyword::reserved, false},
    {"time", Keyword::time, false},
    {"timestamp", Keyword::column_name, false},
    {"to", Keyword::to, false},
    {"trailing", Keyword::reserved, false},
    {"transaction", Keyword::transaction, true},
    {"treat", Keyword::treat, false},
    {"trim", Keyword::column_name, false},
    {"true", Keyword::reserved, false},
    {"truncate", Keyword::truncate, true},
    {"union", Keyword::reserved, false},
    {"unique", Keyword::reserved, false},
    {"unlisten", Keyword::unlisten, true},
    {"update", Keyword::update, true},
    {"user", Keyword::reserved, false},
    {"using", Keyword::reserved, false},
    {"vacuum", Keyword::vacuum, true},
    {"value", Keyword::prefix, true},
    {"values", Keyword::values, false},
    {"varchar", Keyword::column_name, false},
    {"variadic", Keyword::reserved, false},
    {"varying", Keyword::varying, true},
    {"verbose", Keyword::verbose, true},
    {"version", Keyword::prefix, true},
    {"when", Keyword::reserved, false},
    {"where", Keyword::reserved, false},
    {"window", Keyword::reserved, false},
    {"with", Keyword::with, false},
    {"work", Keyword::work, true},
    {"write", Keyword::write, true},
    {"xml", Keyword::xml, true},
    {"xmlattributes", Keyword::column_name, false},
    {"xmlconcat", Keyword::column_name, false},
    {"xmlelement", Keyword::column_name, false},
    {"xmlexists", Keyword::column_name, false},
    {"xmlforest", Keyword::column_name, false},
    {"xmlnamespaces", Keyword::column_name, false},
    {"xmlparse", Keyword::column_name, false},
    {"xmlpi", Keyword::column_name, false},
    {"xmlroot", Keyword::column_name, false},
    {"xmlserialize", Keyword::column_name, false},
    {"xmltable", Keyword::column_name, false},
    {"zone", Keyword::zone, true},
};

[[nodiscard]] constexpr std::uint64_t start_of(std::string_view word) noexcept {
    std::uint64_t start = 0;
    for (std::size_t i = 0; i < word.size() && i < kWordStart; ++i) start = add_to_start(start, word[i], i);
    return start;
}

[[nodiscard]] consteval auto make_entries() {
    std::remove_const_t<decltype(kKeywordEntries)> entries{};
    static_assert(std::size(kEntries) + 2 <= std::tuple_size_v<decltype(entries)>);
    for (std::size_t i = 0; i < std::size(kEntries); ++i) {
        entries[i + 1] = {start_of(kEntries[i].text), {kEntries[i].id, kEntries[i].callable}};
    }
    return entries;
}

// Not constant, and so an error, where two starts share a place: then the hash needs another odd factor. Every few thousandth
// is one.
[[nodiscard]] consteval auto make_places() {
    std::remove_const_t<decltype(kKeywordPlaces)> places{};
    for (std::size_t i = 0; i < std::size(kEntries); ++i) {
        const std::uint64_t start = start_of(kEntries[i].text);
        if (i > 0 && start == start_of(kEntries[i - 1].text)) continue;
        std::uint16_t& place = places[keyword_place(start)];
        if (place != 0) throw "two starts in one place";
        place = static_cast<std::uint16_t>(i + 1);
    }
    return places;
}

[[nodiscard]] consteval bool are_in_order() {
    for (std::size_t i = 0; i < std::size(kEntries); ++i) {
        if (kEntries[i].text.size() < 2 || (i > 0 && kEntries[i - 1].text >= kEntries[i].text)) return false;
    }
    return true;
}
static_assert(are_in_order());

}  // namespace

constinit decltype(kKeywordEntries) kKeywordEntries = make_entries();
constinit decltype(kKeywordPlaces) kKeywordPlaces = make_places();

KeywordInfo find_long_keyword(const KeywordEntry* first, std::string_view word) noexcept {
    for (const KeywordEntry* entry = first; entry->start == first->start; ++entry) {
        const std::string_view text = kEntries[entry - &kKeywordEntries[1]].text;
        if (equals_folded(word.substr(kWordStart), text.substr(kWordStart))) return entry->info;
    }
    return {};
}

}  // namespace pgweir::sql
