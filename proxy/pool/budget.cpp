#include "proxy/pool/budget.hpp"

#include <algorithm>

namespace pgweir::pool {

namespace {

std::int64_t to_ticks(TimePoint time) noexcept {
    const auto ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    return std::max<std::int64_t>(ticks, 1);  // 0 means nobody
}

}  // namespace

struct Budget::Found {
    WorkerId worker;
    std::int64_t since;
};

bool Budget::try_take() noexcept {
    std::uint32_t taken = taken_.load();
    while (taken < limit_.load()) {
        if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
    }
    return false;
}

bool Budget::publish_hunger(WorkerId worker, std::optional<TimePoint> oldest) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << index_of(worker);
    if (oldest && (ever_hungry_.load() & bit) == 0) ever_hungry_.fetch_or(bit);
    return hunger_[index_of(worker)].exchange(oldest ? to_ticks(*oldest) : 0) == 0;
}

std::optional<Budget::Found> Budget::find_hungriest(WorkerId self, std::optional<TimePoint> own_oldest) const noexcept {
    std::optional<Found> best;
    WorkerSet candidates{ever_hungry_.load()};
    while (const auto worker = candidates.take()) {
        const std::int64_t since = hunger_[index_of(*worker)].load();
        if (since == 0 || *worker == self) continue;
        if (!best || since < best->since) best = Found{*worker, since};
    }
    constexpr std::int64_t kMargin = std::chrono::nanoseconds(kFairnessMargin).count();
    if (best && own_oldest && best->since >= to_ticks(*own_oldest) - kMargin) return std::nullopt;
    return best;
}

std::optional<WorkerId> Budget::hungriest(WorkerId self, std::optional<TimePoint> own_oldest) const noexcept {
    const auto found = find_hungriest(self, own_oldest);
    return found ? std::optional(found->worker) : std::nullopt;
}

std::optional<WorkerId> Budget::claim_hungriest(WorkerId self, std::optional<TimePoint> own_oldest) noexcept {
    // Giving up after a lost race could leave a connection idle beside a hungry worker. Each turn means that another
    // worker got on.
    while (auto found = find_hungriest(self, own_oldest)) {
        if (hunger_[index_of(found->worker)].compare_exchange_strong(found->since, 0)) return found->worker;
    }
    return std::nullopt;
}

bool Budget::claim(WorkerId worker) noexcept { return hunger_[index_of(worker)].exchange(0) != 0; }

WorkerSet Budget::hungry(WorkerId self) const noexcept {
    WorkerSet set;
    WorkerSet candidates{ever_hungry_.load()};
    while (const auto worker = candidates.take()) {
        if (*worker != self && hunger_[index_of(*worker)].load() != 0) set.add(*worker);
    }
    return set;
}

}  // namespace pgweir::pool
