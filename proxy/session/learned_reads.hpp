// What looked like a read and was refused by a replica: it goes to the primary from then on (semantics.md B). Worker-local.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pgweir::session {

// Whose statements they are: a database and a user on the servers, whatever number the owner gives them. What one may
// prepare another may not (semantics.md C: the role is part of the key).
enum class StatementScope : std::uint32_t {};

class LearnedReads {
  public:
    struct Entry {
        StatementScope scope{};
        std::string text;           // without literals
        std::uint64_t refusals = 0;
        std::uint64_t uses = 0;     // statements that it has sent to the primary
    };

    // `max_bytes` of texts: one more makes room by the one that was of use the longest ago.
    explicit LearnedReads(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
    // Whether a statement that differs from this one at most in literals was refused. Costs next to nothing while empty().
    [[nodiscard]] bool knows(StatementScope scope, std::string_view text, bool standard_strings);
    void learn(StatementScope scope, std::string_view text, bool standard_strings);
    void forget() noexcept;
    // As in the constructor: what is too much goes.
    void set_limit(std::size_t max_bytes) noexcept;
    [[nodiscard]] const std::list<Entry>& entries() const noexcept { return entries_; }  // the newest first
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  private:
    void make_room(std::size_t size) noexcept;

    using Place = std::list<Entry>::iterator;

    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::list<Entry> entries_;
    std::unordered_map<std::string, Place> places_;  // by scope and text
};

}  // namespace pgweir::session
