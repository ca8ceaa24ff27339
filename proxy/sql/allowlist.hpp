// Which functions a statement may call and still be a read: a built-in list and what the configuration adds or removes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgweir::sql {

// Immutable once made, so it may be read from every worker.
class Allowlist {
  public:
    // The built-in list alone: semantics.md A, "Functions".
    Allowlist() = default;
    // Names in lower case, without a schema. A name in both is removed.
    Allowlist(std::vector<std::string> added, std::vector<std::string> removed);

    // Whether every function of this name leaves no trace and means the same on a replica. `lower_case_name`: folded as
    // the server folds it, without quotes or schema. Takes no memory.
    [[nodiscard]] bool contains(std::string_view lower_case_name) const noexcept;

    // The same for a name qualified by a schema other than pg_catalog: the built-in list says nothing about that one.
    [[nodiscard]] bool contains_added(std::string_view lower_case_name) const noexcept;

    // The configuration says that it must run on the primary.
    [[nodiscard]] bool removes(std::string_view lower_case_name) const noexcept;

    friend bool operator==(const Allowlist&, const Allowlist&) = default;

  private:
    std::vector<std::string> added_;    // sorted
    std::vector<std::string> removed_;  // sorted
};

}  // namespace pgweir::sql
