#include "proxy/net/send_batch.hpp"

#include <liburing.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace pgweir::net {

namespace {

constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

}  // namespace

void SendBatch::Close::operator()(io_uring* ring) const noexcept {
    ::io_uring_queue_exit(ring);
    delete ring;
}

SendBatch::SendBatch() noexcept = default;
SendBatch::~SendBatch() = default;

int SendBatch::open() {
    auto ring = std::make_unique<io_uring>();
    if (const int error = -::io_uring_queue_init(kMost, ring.get(), IORING_SETUP_SUBMIT_ALL); error != 0) return error;
    ring_.reset(ring.release());
    room_ = std::make_unique<std::array<char, kRoom>>();
    return 0;
}

Bytes SendBatch::bytes_of(const Entry& entry) const noexcept { return as_bytes({room_->data() + entry.begin, entry.size}); }

bool SendBatch::add(int fd, Bytes bytes, Sender& sender) noexcept {
    if (ring_ == nullptr || bytes.size() > kMostBytes) return false;
    if (count_ == kMost || used_ + bytes.size() > kRoom) {
        flush();
        if (ring_ == nullptr) return false;
    }
    std::memcpy(room_->data() + used_, bytes.data(), bytes.size());
    entries_[count_++] = {&sender, fd, static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(bytes.size())};
    used_ += bytes.size();
    return true;
}

void SendBatch::flush() noexcept {
    if (count_ == 0) return;
    if (count_ == 1) {
        send_alone(entries_[0]);
    } else {
        send_together();
    }
    count_ = used_ = 0;
}

void SendBatch::send_alone(const Entry& entry) noexcept {
    const Bytes bytes = bytes_of(entry);
    const ssize_t sent = ::send(entry.fd, bytes.data(), bytes.size(), kFlags);
    entry.sender->on_sent(bytes, sent, errno);
}

void SendBatch::send_together() noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
        io_uring_sqe* const entry = ::io_uring_get_sqe(ring_.get());  // the ring has as many as there are sends
        ::io_uring_prep_send(entry, entries_[i].fd, room_->data() + entries_[i].begin, entries_[i].size, kFlags);
        ::io_uring_sqe_set_data64(entry, i);
    }
    const std::size_t submitted = submit();
    const bool told = collect(submitted);
    for (std::size_t i = 0; i < submitted; ++i) {
        const int result = results_[i];
        entries_[i].sender->on_sent(bytes_of(entries_[i]), result < 0 ? -1 : result, -result);
    }
    if (told && submitted == count_) return;
    spdlog::warn("event=io_uring_failed sends={} submitted={}", count_, submitted);
    ring_.reset();  // from now on without; and nothing that comes late is taken for the next batch's
    for (std::size_t i = submitted; i < count_; ++i) send_alone(entries_[i]);
}

// How many the kernel has taken: the first ones, and all of them if there is no error.
std::size_t SendBatch::submit() noexcept {
    constexpr int kTries = 16;  // EINTR, or no memory at the moment
    for (int i = 0; i < kTries && ::io_uring_sq_ready(ring_.get()) > 0; ++i) {
        const int status = ::io_uring_submit(ring_.get());
        if (status < 0 && status != -EINTR && status != -EAGAIN) break;
    }
    return count_ - ::io_uring_sq_ready(ring_.get());
}

// They are there when the kernel has taken the sends; should one not be, it is waited for. False: that failed. Of whose outcome nothing
// is known, the connection is lost.
bool SendBatch::collect(std::size_t submitted) noexcept {
    results_.fill(-EIO);
    for (std::size_t done = 0; done < submitted; ++done) {
        io_uring_cqe* completion = nullptr;
        int status = 0;
        do status = ::io_uring_wait_cqe(ring_.get(), &completion);
        while (status == -EINTR);
        if (status != 0) return false;
        results_[completion->user_data] = completion->res;
        ::io_uring_cqe_seen(ring_.get(), completion);
    }
    return true;
}

}  // namespace pgweir::net
