#include "proxy/cluster/lag_gate.hpp"

namespace pgweir::cluster {

LagVerdict judge_lag(const Lag& lag, std::chrono::microseconds covered, const LagLimits& limits) noexcept {
    const bool time_matters = limits.time.count() > 0;
    const bool bytes_matter = limits.bytes > 0;
    if (bytes_matter && lag.bytes && *lag.bytes > limits.bytes) return LagVerdict::over;
    if (time_matters && lag.time && *lag.time > limits.time) return LagVerdict::over;
    if (time_matters && !lag.time) {
        return lag.bytes && covered > limits.time ? LagVerdict::over : LagVerdict::undetermined;
    }
    if (bytes_matter && !lag.bytes) return LagVerdict::undetermined;
    const bool half_time = !time_matters || *lag.time < limits.time / 2;
    const bool half_bytes = !bytes_matter || *lag.bytes < (limits.bytes + 1) / 2;
    return half_time && half_bytes ? LagVerdict::under_half : LagVerdict::within;
}

void LagGate::update(LagVerdict verdict, bool frozen) noexcept {
    switch (verdict) {
        case LagVerdict::undetermined: streak_ = 0; return;
        case LagVerdict::over:
            streak_ = 0;
            if (!(frozen && state_ == State::open)) state_ = State::lagging;
            return;
        case LagVerdict::within:
            streak_ = 0;
            if (state_ == State::unproven) state_ = State::open;
            return;
        case LagVerdict::under_half:
            if (state_ == State::lagging && ++streak_ < kReturnAfter) return;
            streak_ = 0;
            state_ = State::open;
            return;
    }
}

void LagGate::lose() noexcept {
    streak_ = 0;
    if (state_ == State::open) state_ = State::unproven;
}

}  // namespace pgweir::cluster
