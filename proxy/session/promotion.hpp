// Whether a statement without a name is worth being a prepared statement of the server's (promote_unnamed), learned from how
// long it takes as one and without (semantics.md C, "Statement virtualisation").
#pragma once

#include <chrono>
#include <cstdint>

namespace pgweir::session {

// Of one statement, over all who send it. From its second Parse on it is promoted, but for a sample that goes on to be run
// without: the mean of those is what the promoted ones must not be dearer than. One that is, since its generic plan is
// bad, say, is given back for a while that doubles every time.
class Promotion {
  public:
    static constexpr double kDearer = 1.25;         // of the mean without, before anything is given back
    static constexpr std::uint32_t kFirstRest = 4096;  // uses until it is tried again, the first time
    static constexpr std::uint32_t kLongestRest = 1U << 20;

    // One more Parse came: whether it is to be promoted.
    [[nodiscard]] bool next() noexcept;
    // Its segment took so long at the server. True: it is given back from now on.
    bool took(bool promoted, std::chrono::microseconds time) noexcept;

  private:
    // Of the times of late: the older ones count for less and less.
    class Mean {
      public:
        void add(double value) noexcept;
        [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
        [[nodiscard]] double value() const noexcept { return value_; }
        // The square of the value's own standard error.
        [[nodiscard]] double variance() const noexcept;

      private:
        float value_ = 0;
        float squares_ = 0;  // sum of the squared distances from the mean
        std::uint32_t count_ = 0;
    };

    [[nodiscard]] bool is_dearer() const noexcept;

    // Pairs: a time without, and the mean of those as a prepared one since the pair before: what slows the server down for a
    // while slows both of a pair.
    Mean plain_, promoted_;
    float since_ = 0;  // sum of the promoted times since the last pair
    std::uint32_t since_count_ = 0;
    std::uint32_t good_ = 0;  // pairs since it was last given back
    std::uint32_t uses_ = 0;
    std::uint32_t rest_ = 0;  // uses for which it is given back
    std::uint32_t next_rest_ = kFirstRest;
};

}  // namespace pgweir::session
