// The answers that a server connection still owes, in order (semantics.md C).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/session/explain.hpp"
#include "proxy/session/statement_cache.hpp"
#include "proxy/sql/session_change.hpp"

namespace pgweir::session {

// The kind of request an answer belongs to. Those up to `flush_point` are skipped by a server after an error.
enum class Request : std::uint8_t { parse, bind, close, describe, execute, sync, query, function_call };

// Whose request it was: the client's, or ours and for what.
enum class Purpose : std::uint8_t {
    client,     // answers are forwarded
    statement,  // an injected Parse or an evicting Close: swallowed, an error goes to the client
    settings,   // replayed settings before a segment
    probe,      // looks for session state
    reset,      // ROLLBACK or DISCARD ALL behind a client that left
};

// What the client's table of statements goes back to when a request fails or is skipped.
struct Undo {
    bool client_change = false;
    std::string client_name;
    StatementRef previous;
    StatementRef parsed;        // by this Parse, if it succeeds
    std::uint64_t epoch = 0;    // of the statement cache, when it was sent
    std::uint64_t server_statement = 0;  // no longer prepared on the server; 0: none
    std::uint64_t server_restore = 0;    // prepared after all (an evicting Close that was skipped); 0: none
};

struct Expected {
    Request request = Request::sync;
    Purpose purpose = Purpose::client;
    bool fake = false;          // never sent to the server: answered by `answer` when its turn comes
    bool may_copy = false;      // an Execute that may be COPY FROM STDIN: nothing follows before its answer
    bool hide_ready = false;    // its ReadyForQuery is not forwarded, its error is
    bool told_parameters = false;  // its ParameterDescription has come
    Explain explain{};
    std::string answer{};       // of a fake
    std::uint64_t statement = 0;  // that a Bind or Describe names, by its id; 0: none of ours
    std::unique_ptr<Undo> undo{};
    std::unique_ptr<sql::SessionChanges> changes{};  // of the session, if this succeeds

    // Ends in a ReadyForQuery of its own.
    [[nodiscard]] bool ends_ready() const noexcept { return request >= Request::sync; }
    [[nodiscard]] bool forwards() const noexcept { return purpose == Purpose::client; }
};

// A queue that owns no memory while it is empty for long: it keeps the capacity of a usual segment.
class ReplyQueue {
  public:
    [[nodiscard]] bool empty() const noexcept { return head_ == entries_.size(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - head_; }
    [[nodiscard]] Expected& front() noexcept { return entries_[head_]; }
    [[nodiscard]] Expected& at(std::size_t i) noexcept { return entries_[head_ + i]; }  // 0: the front
    [[nodiscard]] const Expected& front() const noexcept { return entries_[head_]; }

    void push(Expected expected) {
        if (expected.ends_ready()) {
            ++ready_;
            if (expected.purpose == Purpose::client) ++client_ready_;
        }
        entries_.push_back(std::move(expected));
    }

    void pop() noexcept {
        const Expected& gone = entries_[head_];
        if (gone.ends_ready()) {
            --ready_;
            if (gone.purpose == Purpose::client) --client_ready_;
        }
        copies_ -= gone.may_copy ? 1 : 0;
        entries_[head_].undo.reset();
        entries_[head_].changes.reset();
        if (++head_ == entries_.size()) {
            entries_.clear();
            head_ = 0;
        }
    }

    // The request pushed last may be COPY FROM STDIN, until it is answered or copy_begins() says that it is.
    void last_may_copy() noexcept {
        entries_.back().may_copy = true;
        ++copies_;
    }
    // The request pushed last is an EXPLAIN, or executes one.
    void last_explains(const Explain& explain) noexcept { entries_.back().explain = explain; }
    void copy_begins() noexcept {
        if (std::exchange(front().may_copy, false)) --copies_;
    }
    // A COPY that nobody expected: the server ignores the Syncs that were sent right behind its Execute. True if there was one.
    bool ignore_syncs() noexcept {
        const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(head_) + 1;
        auto last = first;
        while (last != entries_.end() && last->request == Request::sync) ++last;
        const auto count = static_cast<std::size_t>(last - first);
        ready_ -= count;
        client_ready_ -= count;
        entries_.erase(first, last);
        return count > 0;
    }
    [[nodiscard]] bool may_copy() const noexcept { return copies_ > 0; }

    // ReadyForQuery messages still to come, all and the client's own.
    [[nodiscard]] std::size_t ready() const noexcept { return ready_; }
    [[nodiscard]] std::size_t client_ready() const noexcept { return client_ready_; }

  private:
    std::vector<Expected> entries_;
    std::size_t head_ = 0;
    std::size_t ready_ = 0;
    std::size_t client_ready_ = 0;
    std::size_t copies_ = 0;
};

}  // namespace pgweir::session
