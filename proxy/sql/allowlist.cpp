#include "proxy/sql/allowlist.hpp"

#include <algorithm>
#include <functional>

#include "proxy/sql/functions.hpp"

namespace pgweir::sql {

namespace {

[[nodiscard]] bool holds(const std::vector<std::string>& sorted, std::string_view name) noexcept {
    return !sorted.empty() && std::binary_search(sorted.begin(), sorted.end(), name, std::less<>{});
}

}  // namespace

Allowlist::Allowlist(std::vector<std::string> added, std::vector<std::string> removed)
    : added_(std::move(added)), removed_(std::move(removed)) {
    std::sort(added_.begin(), added_.end());
    std::sort(removed_.begin(), removed_.end());
}

bool Allowlist::contains(std::string_view lower_case_name) const noexcept {
    if (holds(removed_, lower_case_name)) return false;
    return find_function(lower_case_name).allowed || holds(added_, lower_case_name);
}

bool Allowlist::contains_added(std::string_view lower_case_name) const noexcept {
    return holds(added_, lower_case_name) && !holds(removed_, lower_case_name);
}

bool Allowlist::removes(std::string_view lower_case_name) const noexcept { return holds(removed_, lower_case_name); }

}  // namespace pgweir::sql
