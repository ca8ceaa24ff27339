// The cap on what the primary reads for want of replicas ([routing] max_primary_reads): one budget of a cluster for all
// workers, and this worker's clients that wait for a place in it.
#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "proxy/pool/budget.hpp"

namespace pgweir::net {

class Worker;

class PrimaryReads {
  public:
    PrimaryReads(Worker& worker, std::size_t cluster, pool::Budget& budget) noexcept
        : worker_(worker), budget_(budget), cluster_(cluster) {}
    PrimaryReads(const PrimaryReads&) = delete;
    PrimaryReads& operator=(const PrimaryReads&) = delete;

    // A place on the primary, held until it is destroyed. It outlives neither the worker nor its clients.
    class Place {
      public:
        Place() noexcept = default;
        explicit Place(PrimaryReads& owner) noexcept : owner_(&owner) {}
        Place(Place&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Place& operator=(Place&& other) noexcept {
            std::swap(owner_, other.owner_);
            return *this;
        }
        ~Place() { give_back(); }
        void give_back() noexcept {
            if (owner_ != nullptr) std::exchange(owner_, nullptr)->over();
        }
        [[nodiscard]] bool held() const noexcept { return owner_ != nullptr; }

      private:
        PrimaryReads* owner_ = nullptr;
    };

    // Whose read wants a place: a client.
    class Reader {
      public:
        // A place, or a replica, may be there: whoever still needs a place asks for it again.
        virtual void look_for_place() = 0;
        [[nodiscard]] virtual bool has_place() const noexcept = 0;
        // Since when the request waits.
        [[nodiscard]] virtual pool::TimePoint queued_since() const noexcept = 0;

      protected:
        ~Reader() = default;
    };

    // A place; or the reader stands in the queue, and its look_for_place() is called when it is worth it.
    [[nodiscard]] Place take(const std::shared_ptr<Reader>& reader);
    // It does not wait any more; nothing if it did not.
    void leave(const Reader& reader) noexcept;
    // Places may be there, or replicas: everybody who waits looks again.
    void wake_all();
    // A place may have become free elsewhere.
    void wake_one();
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

  private:
    [[nodiscard]] Place begin() noexcept;
    void over() noexcept;
    void publish() noexcept;

    Worker& worker_;
    pool::Budget& budget_;
    std::size_t cluster_;
    std::deque<std::shared_ptr<Reader>> waiting_;  // the oldest first
    bool waking_ = false;                          // the one at the front was taken out to look
};

}  // namespace pgweir::net
