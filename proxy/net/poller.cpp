#include "proxy/net/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace pgweir::net {

namespace {

// Whoever reads learns with its last bytes that they are the last.
constexpr std::uint32_t wanted(std::uint32_t events) noexcept {
    return (events & (EPOLLIN | EPOLLEXCLUSIVE)) == EPOLLIN ? events | EPOLLRDHUP : events;
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

Poller::Poller() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event_ >= 0 && add(event_, EPOLLIN, wakeup_)) return;
    const int error = errno;
    if (event_ >= 0) ::close(event_);
    ::close(epoll_);
    errno = error;
    fail("eventfd");
}

Poller::~Poller() {
    sends_.flush();
    std::exchange(tasks_, {}).clear();  // what they hold may still be watched
    ::close(event_);
    ::close(epoll_);
}

bool Poller::add(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    epoll_event event{};
    event.events = wanted(events);
    event.data.ptr = &watcher;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::change(int fd, std::uint32_t events, Watcher& watcher) noexcept {
    epoll_event event{};
    event.events = wanted(events);
    event.data.ptr = &watcher;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd, const Watcher& watcher) noexcept {
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    for (epoll_event& event : coming_) {
        if (event.data.ptr == &watcher) event.data.ptr = nullptr;
    }
}

void Poller::wait(std::chrono::milliseconds limit) noexcept {
    sends_.flush();  // of what was done since dispatch()
    const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), static_cast<int>(limit.count()));
    coming_ = std::span(events_).first(static_cast<std::size_t>(count > 0 ? count : 0));
    constexpr std::uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    std::partition(coming_.begin(), coming_.end(), [](const epoll_event& event) { return (event.events & kEnded) != 0; });
}

void Poller::dispatch() {
    while (!coming_.empty()) {
        const epoll_event event = coming_.front();
        coming_ = coming_.subspan(1);
        if (auto* watcher = static_cast<Watcher*>(event.data.ptr)) watcher->on_events(event.events);
    }
    sends_.flush();
}

void Poller::post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // it has been woken already
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void Poller::Wakeup::on_events(std::uint32_t) { poller_.run_tasks(); }

void Poller::run_tasks() {
    sends_.flush();  // nothing is known of how long they take
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_, &count, sizeof count);
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
}

}  // namespace pgweir::net
