#include "proxy/cluster/lag_gate.hpp"

namespace pgweir::cluster {

LagVerdict judge_lag(const Lag& lag, std::chrono::microseconds covered, const LagLimits& limits) noexcept {
    if (!lag.bytes) return LagVerdict::undetermined;
    if (limits.bytes != 0 && *lag.bytes > limits.bytes) return LagVerdict::over;
    bool under_half = limits.bytes == 0 || *lag.bytes == 0 || *lag.bytes < limits.bytes - *lag.bytes;
    // A replica that has all that is known of the primary is not late, the sampler is: without this, a primary that
    // hangs would send all its replicas away before its probe times out.
    if (limits.time.count() != 0 && *lag.bytes != 0) {
        if (!lag.time) return covered > limits.time ? LagVerdict::over : LagVerdict::undetermined;
        if (*lag.time > limits.time) return LagVerdict::over;
        under_half = under_half && *lag.time * 2 < limits.time;
    }
    return under_half ? LagVerdict::under_half : LagVerdict::within;
}

void LagGate::update(LagVerdict verdict, bool frozen) noexcept {
    if (frozen) {
        // One that was lost may come back on what was last known of the primary.
        const bool may = verdict == LagVerdict::under_half || verdict == LagVerdict::within;
        if (state_ == State::unproven && may) state_ = State::open;
        return;
    }
    switch (verdict) {
        case LagVerdict::undetermined:
            streak_ = 0;
            return;
        case LagVerdict::over:
            state_ = State::lagging;
            streak_ = 0;
            return;
        case LagVerdict::within:
            if (state_ == State::unproven) state_ = State::open;
            streak_ = 0;
            return;
        case LagVerdict::under_half:
            if (state_ == State::unproven) state_ = State::open;
            if (state_ == State::lagging && ++streak_ >= kReturnAfter) state_ = State::open;
            return;
    }
}

void LagGate::lose() noexcept {
    if (state_ == State::open) state_ = State::unproven;
    streak_ = 0;
}

}  // namespace pgweir::cluster
