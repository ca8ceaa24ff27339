// What the pool keeps of a client that waits for a server connection; net's client derives from it.
#pragma once

#include "proxy/pool/intrusive_list.hpp"
#include "proxy/pool/types.hpp"

namespace pgweir::pool {

class Pool;

class Waiter {
  public:
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // The pool in whose queue it stands, or null.
    [[nodiscard]] Pool* pool() const noexcept { return pool_; }
    [[nodiscard]] bool waiting() const noexcept { return pool_ != nullptr; }
    // When it was queued last; still readable after it was served.
    [[nodiscard]] TimePoint queued() const noexcept { return queued_; }

  protected:
    Waiter() noexcept = default;
    // Leaves the queue.
    ~Waiter();

  private:
    friend class Pool;
    struct Access {
        static ListHook<Waiter>& hook(Waiter& waiter) noexcept { return waiter.hook_; }
    };

    Pool* pool_ = nullptr;
    ListHook<Waiter> hook_;
    TimePoint queued_;
};

}  // namespace pgweir::pool
