#include "proxy/session/parameters.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "proxy/session/encodings.hpp"

namespace pgweir::session {

namespace {

// A set's hash is the sum of its entries', so that one changed entry changes it without a look at the others.
std::size_t hash_of(std::string_view name, std::string_view value) noexcept {
    const std::hash<std::string_view> hash;
    std::size_t mixed = hash(name) * 0x9e3779b97f4a7c15ULL ^ hash(value);
    mixed ^= mixed >> 29;
    return mixed * 0xbf58476d1ce4e5b9ULL;
}

bool acceptable(std::string_view name, std::string_view value) noexcept {
    return is_setting_name(name) && value.find('\0') == std::string_view::npos;
}

auto place_of(std::span<const Parameter> entries, std::string_view name) noexcept {
    return std::lower_bound(entries.begin(), entries.end(), name,
                            [](const Parameter& entry, std::string_view wanted) { return entry.name < wanted; });
}

}  // namespace

const std::string* ParameterSet::find(std::string_view name) const noexcept {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Parameter& entry) { return same_name(entry.name, name); });
    return found == entries_.end() ? nullptr : &found->value;
}

struct ParameterSet::Found {
    std::optional<Facts> facts;
    bool all_for_plans = false;             // the set itself: a reference to it would keep it for ever
    std::optional<ParameterRef> for_plans;  // none: not known, or all_for_plans
};

ParameterSet::ParameterSet() noexcept = default;
ParameterSet::~ParameterSet() = default;

ParameterSet::Found& ParameterSet::found() const {
    if (!found_) found_ = std::make_unique<Found>();
    return *found_;
}

const ParameterSet::Facts& ParameterSet::facts() const {
    static constexpr Facts kOfNone;
    if (entries_.empty()) return kOfNone;  // the empty set is everybody's
    std::optional<Facts>& facts = found().facts;
    if (facts) return *facts;
    const auto is = [this](std::string_view setting, std::string_view value) {
        const std::string* given = find(setting);
        return given != nullptr && *given == value;
    };
    const std::string* encoding = find("client_encoding");
    return facts.emplace(Facts{.standard_conforming_strings = !is("standard_conforming_strings", "off"),
                               .ascii_trail_bytes = encoding != nullptr && has_ascii_trail_bytes(*encoding),
                               .default_read_only = is("default_transaction_read_only", "on"),
                               .default_serializable = is("default_transaction_isolation", "serializable")});
}

ParameterRef::ParameterRef(ParameterSet* set) noexcept : set_(set) {
    if (set_ != nullptr) ++set_->references_;
}

ParameterRef::ParameterRef(const ParameterRef& other) noexcept : ParameterRef(other.set_) {}

ParameterRef& ParameterRef::operator=(ParameterRef other) noexcept {
    std::swap(set_, other.set_);
    return *this;
}

ParameterRef::~ParameterRef() {
    if (set_ == nullptr || --set_->references_ > 0) return;
    if (set_->table_ != nullptr) set_->table_->remove(set_);
    delete set_;
}

const ParameterSet* ParameterRef::get() const noexcept {
    static const ParameterSet kEmpty;
    return set_ != nullptr ? set_ : &kEmpty;
}

void ParameterRef::prove() const noexcept {
    if (set_ != nullptr) set_->proven_ = true;
}

ParameterTable::~ParameterTable() {
    for (ParameterSet* set : sets_) set->table_ = nullptr;  // goes with its last reference
}

bool ParameterTable::Equal::operator()(const Content& content, const ParameterSet* set) const noexcept {
    return std::ranges::equal(content.entries, set->entries_);
}

bool ParameterTable::Equal::operator()(const Changed& changed, const ParameterSet* set) const noexcept {
    const auto place = place_of(changed.base, changed.name);
    const bool has_it = place != changed.base.end() && place->name == changed.name;
    const auto before = static_cast<std::size_t>(place - changed.base.begin());
    const std::size_t added = changed.value != nullptr ? 1 : 0;
    const auto rest = changed.base.subspan(before + (has_it ? 1 : 0));
    const std::span<const Parameter> entries = set->entries_;
    if (entries.size() != before + added + rest.size()) return false;
    if (added == 1 && (entries[before].name != changed.name || entries[before].value != *changed.value)) return false;
    return std::ranges::equal(changed.base.first(before), entries.first(before)) &&
           std::ranges::equal(rest, entries.subspan(before + added));
}

ParameterRef ParameterTable::insert(std::vector<Parameter> entries, std::size_t hash) {
    auto set = std::make_unique<ParameterSet>();
    set->entries_ = std::move(entries);
    set->hash_ = hash;
    set->table_ = this;
    sets_.insert(set.get());
    return ParameterRef(set.release());
}

ParameterRef ParameterTable::intern(std::vector<Parameter> entries) {
    std::erase_if(entries, [](const Parameter& entry) { return !acceptable(entry.name, entry.value); });
    for (Parameter& entry : entries) entry.name = canonical_name(entry.name);
    std::ranges::stable_sort(entries, {}, &Parameter::name);
    // Of equal names the last stays: seen from the back, the first.
    const auto kept = std::unique(entries.rbegin(), entries.rend(),
                                  [](const Parameter& a, const Parameter& b) { return a.name == b.name; });
    entries.erase(entries.begin(), kept.base());
    if (entries.empty()) return {};
    std::size_t hash = 0;
    for (const Parameter& entry : entries) hash += hash_of(entry.name, entry.value);
    const auto found = sets_.find(Content{entries, hash});
    if (found != sets_.end()) return ParameterRef(*found);
    return insert(std::move(entries), hash);
}

ParameterRef ParameterTable::with(const ParameterRef& set, std::string_view name, std::string_view value) {
    return acceptable(name, value) ? change(set, name, &value) : set;
}

ParameterRef ParameterTable::without(const ParameterRef& set, std::string_view name) {
    return change(set, name, nullptr);
}

ParameterRef ParameterTable::for_plans(const ParameterRef& set) {
    if (set->entries_.empty()) return {};
    ParameterSet::Found& found = set->found();
    if (found.all_for_plans) return set;
    if (found.for_plans) return *found.for_plans;
    ParameterRef result = set;
    for (const Parameter& setting : set->entries()) {
        if (is_harmless_to_plans(setting.name)) result = without(result, setting.name);
    }
    if (result == set) found.all_for_plans = true;
    else found.for_plans = result;
    return result;
}

ParameterRef ParameterTable::change(const ParameterRef& set, std::string_view name, const std::string_view* value) {
    std::string storage;
    name = canonical_name(name, storage);
    const std::vector<Parameter>& base = set->entries_;
    const auto place = base.begin() + (place_of(base, name) - std::span(base).begin());
    const bool has_it = place != base.end() && place->name == name;
    if (value == nullptr ? !has_it : has_it && place->value == *value) return set;
    if (value == nullptr && base.size() == 1) return {};

    std::size_t hash = set->hash_;
    if (has_it) hash -= hash_of(name, place->value);
    if (value != nullptr) hash += hash_of(name, *value);
    const auto found = sets_.find(Changed{base, name, value, hash});
    if (found != sets_.end()) return ParameterRef(*found);

    std::vector<Parameter> entries;
    entries.reserve(base.size() + 1);
    entries.assign(base.begin(), place);
    if (value != nullptr) entries.push_back({std::string(name), std::string(*value)});
    entries.insert(entries.end(), place + (has_it ? 1 : 0), base.end());
    return insert(std::move(entries), hash);
}

}  // namespace pgweir::session
