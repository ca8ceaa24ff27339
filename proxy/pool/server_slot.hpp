// What the pool keeps of a server connection; net's connection derives from it.
#pragma once

#include <cstdint>

#include "proxy/pool/intrusive_list.hpp"
#include "proxy/pool/types.hpp"

namespace pgweir::pool {

class Pool;

enum class SlotState : std::uint8_t {
    detached,  // in no pool: new, closed, or on its way to another worker
    login,     // connecting or logging in
    idle,
    active,     // leased to a client
    canceling,  // leased, and a cancel for it is under way: must not be released (semantics.md H)
    closing,    // the pool gave it up: to be closed by its owner
};

// What travels with a connection that is handed over.
struct SlotHistory {
    TimePoint created;
    TimePoint expires = TimePoint::max();  // end of server_lifetime, jittered
    bool retired = false;
};

class ServerSlot {
  public:
    ServerSlot(const ServerSlot&) = delete;
    ServerSlot& operator=(const ServerSlot&) = delete;

    [[nodiscard]] SlotState state() const noexcept { return state_; }
    // Null while detached.
    [[nodiscard]] Pool* pool() const noexcept { return pool_; }
    // When its login was started.
    [[nodiscard]] TimePoint created() const noexcept { return history_.created; }
    // When it was last released, leased or logged in.
    [[nodiscard]] TimePoint used() const noexcept { return used_; }
    [[nodiscard]] const SlotHistory& history() const noexcept { return history_; }
    [[nodiscard]] bool retired() const noexcept { return history_.retired; }
    // To be closed instead of used again (RECONNECT, an unclean session). An idle one goes at the pool's next sweep.
    void retire() noexcept { history_.retired = true; }

  protected:
    ServerSlot() noexcept = default;
    // Leaves the pool as Pool::closed() does, if that has not happened.
    ~ServerSlot();

  private:
    friend class Pool;
    struct Access {
        static ListHook<ServerSlot>& hook(ServerSlot& slot) noexcept { return slot.hook_; }
    };

    Pool* pool_ = nullptr;
    ListHook<ServerSlot> hook_;
    SlotHistory history_;
    TimePoint used_;
    std::uint32_t cancels_ = 0;
    SlotState state_ = SlotState::detached;
};

}  // namespace pgweir::pool
