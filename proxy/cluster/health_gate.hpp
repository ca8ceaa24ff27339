// How many probes in a row give a server up, and how many bring it back ([monitor] unhealthy and healthy).
#pragma once

#include <cstdint>

namespace pgweir::cluster {

struct HealthLimits {
    std::uint32_t healthy = 1;    // answers in a row
    std::uint32_t unhealthy = 1;  // probes in a row without one in time
};

class HealthGate {
  public:
    explicit HealthGate(HealthLimits limits = {}) noexcept : limits_(limits) {}

    void set_limits(HealthLimits limits) noexcept { limits_ = limits; }

    // A probe was answered. What was never given up needs no more than this.
    void answered() noexcept {
        missed_ = 0;
        if (lost_ && ++answers_ >= limits_.healthy) lost_ = false;
    }
    // A probe was not answered in time. True: that was one too many.
    [[nodiscard]] bool missed() noexcept {
        answers_ = 0;
        if (++missed_ < limits_.unhealthy && !lost_) return false;
        lost();
        return true;
    }
    // It was refused, or its connections are lost: no more proof is needed.
    void lost() noexcept {
        lost_ = true;
        answers_ = missed_ = 0;
    }

    [[nodiscard]] bool up() const noexcept { return !lost_; }
    // It owes an answer, and is still trusted.
    [[nodiscard]] bool late() const noexcept { return missed_ > 0; }
    // In a row since it was lost, up to the limit; 0 if it never was.
    [[nodiscard]] std::uint32_t answers() const noexcept { return answers_; }
    [[nodiscard]] const HealthLimits& limits() const noexcept { return limits_; }

  private:
    HealthLimits limits_;
    std::uint32_t answers_ = 0;  // in a row since it was lost
    std::uint32_t missed_ = 0;   // in a row
    bool lost_ = false;
};

}  // namespace pgweir::cluster
