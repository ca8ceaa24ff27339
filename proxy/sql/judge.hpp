// What a name means in one database: the allowlist, and the primary's catalog once it has been read.
#pragma once

#include <string_view>

#include "proxy/sql/allowlist.hpp"
#include "proxy/sql/catalog.hpp"

namespace pgweir::sql {

// Two references: what they lead to has to outlive it. The configuration's word counts more than the catalog's, and that
// more than the built-in list's. Names as the server folds them; nothing takes memory.
class Judge {
  public:
    // An allowlist alone is a judge: implicit. Null: no catalog has been read.
    Judge(const Allowlist& functions, const Catalog* catalog = nullptr) noexcept : functions_(functions), catalog_(catalog) {}

    // Whether every function that a call of this name may reach is harmless.
    [[nodiscard]] bool allows(std::string_view name) const noexcept;
    [[nodiscard]] bool allows(std::string_view schema, std::string_view name) const noexcept;
    // Of a name whose schema is not understood.
    [[nodiscard]] bool allows_anywhere(std::string_view name) const noexcept { return functions_.contains_added(name); }

    // Null while words and operators are just what they look like.
    [[nodiscard]] const Catalog* word_watch() const noexcept {
        return catalog_ != nullptr && catalog_->watches_words() ? catalog_ : nullptr;
    }
    [[nodiscard]] const Catalog* operator_watch() const noexcept {
        return catalog_ != nullptr && catalog_->watches_operators() ? catalog_ : nullptr;
    }

  private:
    const Allowlist& functions_;
    const Catalog* catalog_;
};

}  // namespace pgweir::sql
