// The answers that a server connection still owes, in order (semantics.md C).
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/message.hpp"
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
    std::uint64_t statement = 0;  // that a Bind or Describe names, by its id; 0: none of ours
    std::unique_ptr<std::string> answer{};  // of a fake; null: completion(), no more
    std::unique_ptr<Undo> undo{};
    std::unique_ptr<sql::SessionChanges> changes{};  // of the session, if this succeeds

    // Ends in a ReadyForQuery of its own.
    [[nodiscard]] bool ends_ready() const noexcept { return request >= Request::sync; }
    [[nodiscard]] bool forwards() const noexcept { return purpose == Purpose::client; }
    // What a fake says.
    [[nodiscard]] std::string_view fake_answer() const noexcept { return answer ? *answer : completion(request); }
    // The whole answer to a Parse, Bind or Close.
    [[nodiscard]] static std::string_view completion(Request request) noexcept {
        assert(request <= Request::close);
        return request == Request::parse  ? protocol::kParseComplete
               : request == Request::bind ? protocol::kBindComplete
                                          : protocol::kCloseComplete;
    }
};

// A queue that keeps the memory of a usual segment. Its entries are used again and again: a push writes into one that is there.
class ReplyQueue {
  public:
    [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
    [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
    [[nodiscard]] Expected& front() noexcept { return entries_[head_]; }
    [[nodiscard]] Expected& at(std::size_t i) noexcept { return entries_[head_ + i]; }  // 0: the front
    [[nodiscard]] const Expected& front() const noexcept { return entries_[head_]; }

    // The new last one, to be completed by the caller.
    Expected& push(Request request, Purpose purpose = Purpose::client) {
        if (tail_ == entries_.size()) entries_.emplace_back();
        Expected& fresh = entries_[tail_++];
        fresh.request = request;
        fresh.purpose = purpose;
        count(fresh, 1);
        return fresh;
    }
    void push(Expected expected) {
        if (tail_ == entries_.size()) entries_.emplace_back();
        count(expected, 1);
        entries_[tail_++] = std::move(expected);
    }

    void pop() noexcept {
        Expected& gone = entries_[head_];
        count(gone, -1);
        copies_ -= gone.may_copy ? 1 : 0;
        gone.fake = gone.may_copy = gone.hide_ready = gone.told_parameters = false;
        gone.explain = {};
        gone.statement = 0;
        gone.answer.reset();
        gone.undo.reset();
        gone.changes.reset();
        if (++head_ != tail_) return;
        head_ = tail_ = 0;
        if (entries_.size() > kUsual) entries_ = std::vector<Expected>();
    }

    // The request pushed last may be COPY FROM STDIN, until it is answered or copy_begins() says that it is.
    void last_may_copy() noexcept {
        entries_[tail_ - 1].may_copy = true;
        ++copies_;
    }
    // The request pushed last is an EXPLAIN, or executes one.
    void last_explains(const Explain& explain) noexcept { entries_[tail_ - 1].explain = explain; }
    void copy_begins() noexcept {
        if (std::exchange(front().may_copy, false)) --copies_;
    }
    // A COPY that nobody expected: the server ignores the Syncs that were sent right behind its Execute. True if there was one.
    bool ignore_syncs() noexcept {
        const auto at_place = [this](std::size_t place) { return entries_.begin() + static_cast<std::ptrdiff_t>(place); };
        const std::size_t first = head_ + 1;
        std::size_t last = first;
        while (last != tail_ && entries_[last].request == Request::sync) ++last;
        const std::size_t ignored = last - first;
        ready_ -= ignored;
        client_ready_ -= ignored;
        tail_ -= ignored;
        entries_.erase(at_place(first), at_place(last));
        return ignored > 0;
    }
    [[nodiscard]] bool may_copy() const noexcept { return copies_ > 0; }

    // ReadyForQuery messages still to come, all and the client's own.
    [[nodiscard]] std::size_t ready() const noexcept { return ready_; }
    [[nodiscard]] std::size_t client_ready() const noexcept { return client_ready_; }

  private:
    static constexpr std::size_t kUsual = 256;  // entries

    void count(const Expected& expected, int by) noexcept {
        if (!expected.ends_ready()) return;
        ready_ += static_cast<std::size_t>(by);
        if (expected.purpose == Purpose::client) client_ready_ += static_cast<std::size_t>(by);
    }

    std::vector<Expected> entries_;  // beyond those that are owed: unused ones
    std::size_t head_ = 0;           // the first one owed
    std::size_t tail_ = 0;           // behind the last one
    std::size_t ready_ = 0;
    std::size_t client_ready_ = 0;
    std::size_t copies_ = 0;
};

}  // namespace pgweir::session
