// semantics.md F.5 and F.6.
#include "proxy/cluster/lag_gate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pgweir::cluster {
namespace {

using namespace std::chrono_literals;

Lag lag(std::optional<std::chrono::microseconds> time, std::optional<std::uint64_t> bytes) {
    return {.time = time, .bytes = bytes};
}

TEST(LagGate, Judges) {
    const LagLimits both{.time = 1s, .bytes = 1'000};
    const struct {
        const char* what;
        Lag lag;
        std::chrono::microseconds covered;
        LagLimits limits;
        LagVerdict verdict;
    } cases[] = {
        {"no sample", lag({}, {}), 0s, both, LagVerdict::undetermined},
        {"no sample, no limit", lag({}, {}), 0s, {}, LagVerdict::undetermined},
        {"nothing", lag(0ms, 0), 9s, both, LagVerdict::under_half},
        {"under half", lag(499ms, 499), 9s, both, LagVerdict::under_half},
        {"half in time", lag(500ms, 1), 9s, both, LagVerdict::within},
        {"half in bytes", lag(10ms, 500), 9s, both, LagVerdict::within},
        {"the limits", lag(1s, 1'000), 9s, both, LagVerdict::within},
        {"over in time", lag(1s + 1us, 1), 9s, both, LagVerdict::over},
        {"over in bytes", lag(0ms, 1'001), 9s, both, LagVerdict::over},
        {"none replayed, long enough", lag({}, 5), 9s, both, LagVerdict::over},
        {"none replayed, too early", lag({}, 5), 1s, both, LagVerdict::undetermined},
        {"none replayed, bytes decide", lag({}, 1'001), 0s, both, LagVerdict::over},
        {"all replayed, an old sample", lag(2s, 0), 9s, both, LagVerdict::under_half},
        {"no limit in time", lag(1h, 10), 9s, {.time = 0s, .bytes = 1'000}, LagVerdict::under_half},
        {"no limit in bytes", lag(10ms, 1ULL << 50), 9s, {.time = 1s, .bytes = 0}, LagVerdict::under_half},
        {"no limit", lag({}, ~0ULL), 9s, {}, LagVerdict::under_half},
        {"no overflow", lag(0ms, ~0ULL - 1), 9s, {.time = 0s, .bytes = ~0ULL}, LagVerdict::within},
    };
    for (const auto& c : cases) EXPECT_EQ(judge_lag(c.lag, c.covered, c.limits), c.verdict) << c.what;
}

// One letter a measurement: h under half, w within, o over, u undetermined, L lost; capitals H W O U while frozen.
LagGate::State after(std::string_view steps) {
    LagGate gate;
    for (const char step : steps) {
        switch (step) {
            case 'h':
                gate.update(LagVerdict::under_half, false);
                break;
            case 'w':
                gate.update(LagVerdict::within, false);
                break;
            case 'o':
                gate.update(LagVerdict::over, false);
                break;
            case 'u':
                gate.update(LagVerdict::undetermined, false);
                break;
            case 'H':
                gate.update(LagVerdict::under_half, true);
                break;
            case 'W':
                gate.update(LagVerdict::within, true);
                break;
            case 'O':
                gate.update(LagVerdict::over, true);
                break;
            case 'U':
                gate.update(LagVerdict::undetermined, true);
                break;
            case 'L':
                gate.lose();
                break;
            default:
                ADD_FAILURE() << step;
        }
    }
    return gate.state();
}

TEST(LagGate, FollowsTheTable) {
    using enum LagGate::State;
    const struct {
        const char* steps;
        LagGate::State state;
    } cases[] = {
        {"", unproven},       {"u", unproven},     {"h", open},        {"w", open},          {"o", lagging},
        {"ho", lagging},      {"hw", open},        {"hu", open},       {"hoh", lagging},     {"hohh", lagging},
        {"hohhh", open},      {"hohhwh", lagging}, {"hohhwhhh", open}, {"hohhohh", lagging}, {"hohhuhh", lagging},
        {"howwwww", lagging}, {"hL", unproven},    {"hLh", open},      {"hoL", lagging},     {"hoLhhh", open},
        {"hohhLh", lagging},  {"hO", open},        {"hOOO", open},     {"hoHHHH", lagging},  {"U", unproven},
        {"O", unproven},      {"hLH", open},       {"hLW", open},      {"hOOoO", lagging},
    };
    for (const auto& c : cases) EXPECT_EQ(after(c.steps), c.state) << c.steps;
}

}  // namespace
}  // namespace pgweir::cluster
