// A read that may be run once more elsewhere when its replica fails it: what the client sent, and what of the answer has been
// kept back (semantics.md B, "Transparent re-run").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/bytes.hpp"
#include "protocol/error_fields.hpp"
#include "proxy/session/gather.hpp"
#include "proxy/session/reply_queue.hpp"

namespace pgweir::session {

// Why a replica did not answer a read.
enum class Refusal : std::uint8_t {
    none,
    read_only,  // it writes, or is nothing for a standby: the primary, from now on
    conflict,   // cancelled by recovery: another replica, or the primary
    schema,     // something is not there, perhaps not yet: the primary
    lost,       // the connection went away: another replica, or the primary
};

// Of an error that a replica sent for a read outside a transaction. Told apart by SQLSTATE and, where one SQLSTATE means many
// things, by the server's routine, never by the text.
[[nodiscard]] Refusal refusal_of(const protocol::ErrorFields& error) noexcept;

class Attempt {
  public:
    // A segment begins whose failure may be mended; `limit`: bytes of it that are kept.
    void begin(std::size_t limit) {
        drop();
        limit_ = limit;
        has_primary_ = true;
        state_ = State::open;
    }
    // There is no primary to go to: what a replica refuses is refused.
    void without_primary() noexcept { has_primary_ = false; }
    [[nodiscard]] bool has_primary() const noexcept { return has_primary_; }
    // Nothing of the answer has been let through, and the segment can still be given back.
    [[nodiscard]] bool open() const noexcept { return state_ == State::open; }
    // The segment is going to be given back: what still comes for it is nobody's.
    [[nodiscard]] bool refused() const noexcept { return state_ == State::refused; }
    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }

    // The client's bytes that were sent.
    void keep(Bytes request) {
        if (!open()) return;
        if (request_.size() + request.size() > limit_) return pass_point();
        request_.append(as_text(request));
    }
    // A request that was answered: to be undone as those that were not.
    void answered(std::unique_ptr<Undo> undo) {
        if (open() && undo) undone_.push_back(std::move(undo));
    }
    // The point of no repeat.
    void pass_point() noexcept {
        if (open()) state_ = State::passed;
    }
    void refuse(Refusal why) noexcept {
        refusal_ = why;
        state_ = State::refused;
        held_.clear();
    }
    // At the end of a call that wrote to `out`: keeps it back while the point is not passed, and lets out what was kept back.
    void settle(Gather& out) {
        if (state_ == State::none) return;
        if (refused()) return out.clear();
        if (open()) {
            held_.append(as_text(out.bytes()));
            return out.clear();
        }
        if (!held_.empty()) {
            std::string all = std::exchange(held_, {});
            all.append(as_text(out.bytes()));
            out.clear();
            out.own() = std::move(all);
        }
        drop();
    }
    [[nodiscard]] std::vector<std::unique_ptr<Undo>>& undone() noexcept { return undone_; }
    [[nodiscard]] std::string take_request() noexcept { return std::exchange(request_, {}); }
    // Keeps the memory of a usual one for the next.
    void drop() noexcept {
        constexpr std::size_t kUsual = 4096;
        state_ = State::none;
        refusal_ = Refusal::none;
        request_.clear();
        held_.clear();
        if (request_.capacity() > kUsual) request_.shrink_to_fit();
        if (held_.capacity() > kUsual) held_.shrink_to_fit();
        undone_.clear();
    }

  private:
    enum class State : std::uint8_t { none, open, passed, refused };

    std::string request_, held_;
    std::vector<std::unique_ptr<Undo>> undone_;  // the oldest first
    std::size_t limit_ = 0;
    bool has_primary_ = true;
    State state_ = State::none;
    Refusal refusal_ = Refusal::none;
};

}  // namespace pgweir::session
