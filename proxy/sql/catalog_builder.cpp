#include "proxy/sql/catalog_builder.hpp"

#include <algorithm>

#include "proxy/sql/classify.hpp"
#include "proxy/sql/functions.hpp"
#include "proxy/sql/identifier.hpp"
#include "proxy/sql/judge.hpp"

namespace pgweir::sql {

namespace {

using Names = std::vector<std::pair<std::string, NameTable::Value>>;

[[nodiscard]] bool known_unsafe(std::string_view name) noexcept {
    const FunctionInfo info = find_function(name);
    return info.known && !info.allowed;
}

[[nodiscard]] Effect effect_of(std::string_view name) noexcept {
    const FunctionInfo info = find_function(name);
    return info.known && !info.allowed ? info.effect : Effect::taint;
}

[[nodiscard]] NameTable::Value pack(UnsafeName what) noexcept {
    return (std::uint64_t{what.kinds} << 32U) | static_cast<std::uint32_t>(what.effects);
}

}  // namespace

Catalog CatalogBuilder::build(const CatalogRows& rows, const Allowlist& functions) {
    CatalogBuilder builder(rows, functions);
    builder.add_functions();
    builder.add_operators();
    builder.add_casts();
    builder.add_relations();
    builder.add_views();
    return std::move(builder.catalog_);
}

// The configuration's word first, then what is known of the name, wherever it stands: functions of extensions that run SQL
// given as text call themselves stable, too.
bool CatalogBuilder::is_safe(const CatalogRows::Function& function) const {
    if (functions_.removes(function.name)) return false;
    if (functions_.contains_added(function.name)) return true;
    return !function.is_volatile && !known_unsafe(function.name) &&
           std::none_of(function.parts.begin(), function.parts.end(), known_unsafe);
}

bool CatalogBuilder::is_safe(const CatalogRows::Callee& callee) const {
    if (functions_.removes(callee.name)) return false;
    if (functions_.contains_added(callee.name)) return true;
    if (callee.schema == "pg_catalog" && find_function(callee.name).allowed) return true;  // random() and the like
    return !callee.is_volatile && !known_unsafe(callee.name);
}

void CatalogBuilder::add_functions() {
    std::map<std::string_view, bool> everywhere;
    Names qualified;
    for (const CatalogRows::Function& function : rows_.functions) {
        const bool safe = is_safe(function);
        const bool shadows = function.in_pg_catalog && !functions_.contains(function.name);
        const auto [known, first] = everywhere.try_emplace(function.name, true);
        known->second = known->second && safe && !shadows;
        qualified.emplace_back(function.schema + '\0' + function.name, safe ? 1 : 0);
        if (!safe && function.takes_row) mark(function.name, {kUnsafeRowFunction, effect_of(function.name)});
    }
    Names names;
    for (const auto& [name, safe] : everywhere) {
        names.emplace_back(name, safe ? 1 : 0);
        catalog_.counts_.safe_functions += safe ? 1 : 0;
    }
    catalog_.counts_.functions = names.size();
    catalog_.functions_ = NameTable(std::move(names));
    catalog_.qualified_functions_ = NameTable(std::move(qualified));
}

void CatalogBuilder::add_operators() {
    Names names;
    for (const CatalogRows::Operator& one : rows_.operators) {
        if (!is_safe(one.function)) names.emplace_back(one.name, 1);
    }
    catalog_.operators_ = NameTable(std::move(names));
    catalog_.counts_.operators = catalog_.operators_.size();
}

void CatalogBuilder::add_casts() {
    for (const CatalogRows::Cast& cast : rows_.casts) {
        if (is_safe(cast.function)) continue;
        if (cast.system_type) {
            catalog_.unsafe_cast_to_system_type_ = true;
        } else {
            mark(cast.type, {kUnsafeType, effect_of(cast.function.name)});
        }
        ++catalog_.counts_.casts;
    }
}

void CatalogBuilder::add_relations() {
    for (const CatalogRows::Relation& relation : rows_.relations) mark(relation.name, {kUnsafeRelation, Effect::none});
    catalog_.counts_.relations = static_cast<std::size_t>(std::count_if(unsafe_.begin(), unsafe_.end(), [](const auto& one) {
        return (one.second.kinds & kUnsafeRelation) != 0;
    }));
}

// A view is what its definition is, judged by the very code that judges what clients send. Views of views are found by
// judging again, with what was found so far, until nothing is.
void CatalogBuilder::add_views() {
    std::vector<const CatalogRows::View*> left;
    for (const CatalogRows::View& view : rows_.views) left.push_back(&view);
    std::size_t before = 0;
    do {
        publish_unsafe();
        before = left.size();
        std::erase_if(left, [this](const CatalogRows::View* view) { return judge_view(*view); });
    } while (left.size() != before);
    catalog_.counts_.views = rows_.views.size() - left.size();
}

// True: it is unsafe, and marked.
bool CatalogBuilder::judge_view(const CatalogRows::View& view) {
    if (!view.definition) {
        mark(view.name, {kUnsafeView | kUnsafeVouched, Effect::taint});
        return true;
    }
    const Statement judged = classify(*view.definition, {}, {functions_, &catalog_});
    if (judged.reads_only) return false;
    const bool lifted = classify("/* pgweir: replica */ " + *view.definition, {}, {functions_, &catalog_}).reads_only;
    const std::uint8_t vouched = lifted ? kUnsafeVouched : 0;
    mark(view.name, {static_cast<std::uint8_t>(kUnsafeView | vouched), judged.effects});
    return true;
}

// Of two that share a name the worse counts: only what an annotation lifts in both is lifted.
void CatalogBuilder::mark(std::string_view name, UnsafeName what) {
    UnsafeName& known = unsafe_[std::string(name)];
    const bool was_view = (known.kinds & kUnsafeView) != 0;
    const bool vouched = (what.kinds & kUnsafeVouched) != 0 && (!was_view || (known.kinds & kUnsafeVouched) != 0);
    const bool keeps = (what.kinds & kUnsafeView) == 0 && (known.kinds & kUnsafeVouched) != 0;
    known.kinds |= what.kinds;
    if (!vouched && !keeps) known.kinds &= static_cast<std::uint8_t>(~kUnsafeVouched);
    known.effects |= what.effects;
}

void CatalogBuilder::publish_unsafe() {
    Names names;
    for (const auto& [name, what] : unsafe_) {
        names.emplace_back(name, pack(what));
        catalog_.unsafe_beyond_ascii_ |= beyond_ascii(name);
        catalog_.unsafe_with_quote_ |= name.find('"') != std::string::npos;
    }
    catalog_.unsafe_ = NameTable(std::move(names));
}

}  // namespace pgweir::sql
