// The SQL scanner on any bytes. The first byte chooses the settings.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/routing/route.hpp"
#include "proxy/session/plain_reads.hpp"
#include "proxy/sql/catalog_builder.hpp"
#include "proxy/sql/classify.hpp"

namespace {

// A database where much is not what it looks like.
pgweir::sql::Catalog strange_catalog(const pgweir::sql::Allowlist& functions) {
    pgweir::sql::CatalogRows rows;
    rows.functions = {{.schema = "public", .name = "f"},
                      {.schema = "s", .name = "g", .is_volatile = true, .takes_row = true},
                      {.schema = "s", .name = "lower", .is_volatile = true, .in_pg_catalog = true}};
    rows.operators = {{"+", {"s", "g", true}}, {"@@", {"s", "g", true}}};
    rows.casts = {{"t", false, {"s", "g", true}}, {"int4", true, {"s", "g", true}}};
    rows.relations = {{"r"}, {"q\"q"}, {"\xC3\xA4"}};
    rows.views = {{"v", " SELECT s.g(1) AS g;"}};
    return pgweir::sql::CatalogBuilder::build(rows, functions);
}

// Runs of digits are one digit longer.
std::string with_other_numbers(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        out += text[i];
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (digit && (i + 1 == text.size() || text[i + 1] < '0' || text[i + 1] > '9')) out += '7';
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgweir;
    static const sql::Allowlist functions;
    static const auto catalog = std::make_shared<const sql::Catalog>(strange_catalog(functions));
    if (size == 0) return 0;
    const sql::LexSettings settings{(data[0] & 1U) == 0, (data[0] & 2U) != 0};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const sql::Catalog* known = (data[0] & 4U) != 0 ? catalog.get() : nullptr;
    const sql::Statement statement = sql::classify(text, settings, {functions, known});
    const routing::Route route = routing::choose_route(statement, {});
    const bool begins = statement.transaction == sql::Transaction::begin_read_only;
    if (route.target == routing::Target::replica && !begins) {
        // What goes to a replica is one statement, known to read, read with the right rules.
        if (!statement.reads_only || statement.multiple || statement.empty) __builtin_trap();
        if (!settings.standard_conforming_strings || text.find('\0') != std::string_view::npos) __builtin_trap();
    }
    // What is remembered of a text changes neither its judgement nor that of one with other numbers.
    session::DatabaseNames names(functions);
    if (known != nullptr) names.learn(catalog);
    session::PlainReads reads;
    for (int i = 0; i < 2; ++i) {
        if (!(reads.judge(text, settings, names) == statement)) __builtin_trap();
    }
    const std::string other = with_other_numbers(text);
    if (!(reads.judge(other, settings, names) == sql::classify(other, settings, {functions, known}))) __builtin_trap();
    return sql::name(route.reason).empty() ? 1 : 0;
}
