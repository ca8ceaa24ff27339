// What names mean in the database of some of a worker's clients, as far as the worker knows now. Worker-local.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/sql/judge.hpp"

namespace pgweir::session {

class DatabaseNames {
  public:
    // The list outlives this, or judge_by() another.
    explicit DatabaseNames(const sql::Allowlist& functions) noexcept : functions_(&functions) {}
    DatabaseNames(const DatabaseNames&) = delete;
    DatabaseNames& operator=(const DatabaseNames&) = delete;

    [[nodiscard]] sql::Judge judge() const noexcept { return {*functions_, catalog_.get()}; }
    // Grows when the judge may say something else: what was judged before is judged again.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

    void learn(std::shared_ptr<const sql::Catalog> catalog) noexcept {
        catalog_ = std::move(catalog);
        ++version_;
    }

    // Another list counts from now on. What the catalog says stays until one comes that was judged by it.
    void judge_by(const sql::Allowlist& functions) noexcept {
        if (std::exchange(functions_, &functions) != &functions) ++version_;
    }

    // DDL was committed: the catalog is to be read again.
    void note_ddl() noexcept { ddl_passed_ = true; }
    [[nodiscard]] bool take_ddl() noexcept { return std::exchange(ddl_passed_, false); }

  private:
    const sql::Allowlist* functions_;
    std::shared_ptr<const sql::Catalog> catalog_;  // null until it has been read
    std::uint64_t version_ = 1;
    bool ddl_passed_ = false;
};

}  // namespace pgweir::session
