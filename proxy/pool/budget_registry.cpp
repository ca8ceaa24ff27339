#include "proxy/pool/budget_registry.hpp"

namespace pgweir::pool {

// Rarely taken and held for a look into a small map: an atomic flag does, and keeps the room free of threading headers.
class BudgetRegistry::Lock {
  public:
    explicit Lock(std::atomic_flag& busy) noexcept : busy_(busy) {
        while (busy_.test_and_set(std::memory_order_acquire)) busy_.wait(true, std::memory_order_relaxed);
    }
    ~Lock() {
        busy_.clear(std::memory_order_release);
        busy_.notify_one();
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    std::atomic_flag& busy_;
};

std::shared_ptr<Budget> BudgetRegistry::get(const PoolKey& key, std::uint32_t limit) {
    const Lock lock(busy_);
    std::weak_ptr<Budget>& place = budgets_[key];
    if (auto budget = place.lock()) {
        budget->set_limit(limit);
        return budget;
    }
    auto budget = std::make_shared<Budget>(limit);
    place = budget;
    // Making one is the moment to forget those that nobody uses any more.
    std::erase_if(budgets_, [](const auto& entry) { return entry.second.expired(); });
    return budget;
}

std::size_t BudgetRegistry::size() const {
    const Lock lock(busy_);
    std::size_t alive = 0;
    for (const auto& [key, budget] : budgets_) alive += budget.expired() ? 0 : 1;
    return alive;
}

}  // namespace pgweir::pool
