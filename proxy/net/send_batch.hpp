// What a worker sends to many sockets in one wake, handed to the kernel in one system call (io_uring).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocol/bytes.hpp"

struct io_uring;

namespace pgweir::net {

// A send() wakes whoever waits for the bytes, who may take the processor at once. Sent together, the wake is not interrupted
// and the kernel's code runs once for all: a fifth of a relay's processor time (docs/performance.md). Nothing is asynchronous
// here: each send() is MSG_DONTWAIT, so its outcome is known when the one call returns.
class SendBatch {
  public:
    class Sender {
      public:
        // How the send() of `bytes` ended, which are valid until this returns: so many were taken, or -1 with errno's `error`.
        // Nothing may be sent or added from here.
        virtual void on_sent(Bytes bytes, std::ptrdiff_t sent, int error) noexcept = 0;

      protected:
        ~Sender() = default;
    };

    static constexpr std::size_t kMostBytes = 4096;  // of one send; copying more would cost more than it saves

    SendBatch() noexcept;
    ~SendBatch();
    SendBatch(const SendBatch&) = delete;
    SendBatch& operator=(const SendBatch&) = delete;

    // Gets a ring from the system. Returns errno's number if there is none to be had: EPERM where it is forbidden, ENOSYS or
    // EINVAL where the kernel is too old (before 5.18). add() takes nothing then.
    int open();
    [[nodiscard]] bool is_open() const noexcept { return ring_ != nullptr; }

    // Copies `bytes`, to be sent at the next flush(), which is made here when there is no more room. At most one send for a
    // descriptor between two flushes, since the first may be taken in part. False: the caller sends.
    [[nodiscard]] bool add(int fd, Bytes bytes, Sender& sender) noexcept;
    // Sends all, and tells all senders.
    void flush() noexcept;

  private:
    static constexpr std::size_t kMost = 32;  // more would keep those waiting that have been added first
    static constexpr std::size_t kRoom = 32 * 1024;
    struct Entry {
        Sender* sender;
        int fd;
        std::uint32_t begin, size;
    };
    struct Close {
        void operator()(io_uring* ring) const noexcept;
    };

    void send_together() noexcept;
    [[nodiscard]] std::size_t submit() noexcept;
    [[nodiscard]] bool collect(std::size_t submitted) noexcept;
    void send_alone(const Entry& entry) noexcept;
    [[nodiscard]] Bytes bytes_of(const Entry& entry) const noexcept;

    std::unique_ptr<io_uring, Close> ring_;
    std::unique_ptr<std::array<char, kRoom>> room_;
    std::size_t count_ = 0;
    std::size_t used_ = 0;
    std::array<Entry, kMost> entries_;
    std::array<int, kMost> results_;  // bytes, or -errno
};

}  // namespace pgweir::net
