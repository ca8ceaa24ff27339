// Changes of the session that its transaction has made: they count when it commits (semantics.md D).
#pragma once

#include <algorithm>
#include <utility>

#include "proxy/sql/session_change.hpp"

namespace pgweir::session {

class Staged {
  public:
    // A statement has succeeded.
    void add(const sql::SessionChanges& changes) {
        for (const sql::SessionChange& change : changes) add(change);
    }

    // COMMIT succeeded, or the end of an implicit transaction.
    void commit() {
        for (sql::SessionChange& change : open_) {
            if (change.kind != Kind::savepoint) committed_.push_back(std::move(change));
        }
        open_.clear();
    }
    void roll_back() noexcept { open_.clear(); }

    [[nodiscard]] bool open() const noexcept { return !open_.empty(); }
    // What was committed since it was last asked, in order.
    [[nodiscard]] sql::SessionChanges take() noexcept { return std::exchange(committed_, {}); }

  private:
    using Kind = sql::SessionChange::Kind;

    void add(const sql::SessionChange& change) {
        switch (change.kind) {
            case Kind::set_local: return;
            case Kind::release: return release(change.name);
            case Kind::rollback_to: return roll_back_to(change.name);
            case Kind::set:
            case Kind::reset:
            case Kind::reset_all:
            case Kind::savepoint:
            case Kind::listen:
            case Kind::unlisten:
            case Kind::unlisten_all: break;
        }
        open_.push_back(change);
    }

    // The newest savepoint of that name, or one past the end.
    [[nodiscard]] auto find(const std::string& name) {
        const auto found = std::find_if(open_.rbegin(), open_.rend(), [&](const sql::SessionChange& change) {
            return change.kind == Kind::savepoint && change.name == name;
        });
        return found == open_.rend() ? open_.end() : found.base() - 1;
    }

    void release(const std::string& name) {
        const auto from = find(name);
        const auto marks = std::remove_if(from, open_.end(), [](const auto& change) { return change.kind == Kind::savepoint; });
        open_.erase(marks, open_.end());
    }

    // A savepoint that is not here is older than all that is.
    void roll_back_to(const std::string& name) {
        const auto mark = find(name);
        open_.erase(mark == open_.end() ? open_.begin() : mark + 1, open_.end());
    }

    sql::SessionChanges open_, committed_;
};

}  // namespace pgweir::session
