// Host names and where they lead, looked up again and again. Everything runs on one io_context, the control thread's; the
// look-ups themselves are on a thread of the resolver's, so that nothing blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pgweir::discovery {

class NameWatch {
  public:
    using Names = std::map<std::string, std::chrono::milliseconds>;  // and how often each is looked up

    // `news` is called when a name leads elsewhere than before, or was found for the first time.
    NameWatch(boost::asio::io_context& io, std::function<void()> news);
    ~NameWatch();  // as stop()
    NameWatch(const NameWatch&) = delete;
    NameWatch& operator=(const NameWatch&) = delete;

    // These are watched from now on, and no others.
    void watch(const Names& names);
    // A connection to it failed: look it up now, unless that happened within a second. Nothing for a name that is not watched.
    void look_up_now(const std::string& name);
    // Sorted, as they were last found. Empty: it was never found. What cannot be found any more stays as it was.
    [[nodiscard]] std::vector<std::string> addresses(const std::string& name) const;

    struct Status {
        bool found = false;        // at the last look-up
        std::uint64_t failed = 0;  // look-ups
    };
    [[nodiscard]] Status status(const std::string& name) const;
    void stop();

  private:
    struct Entry;

    void look_up(const std::shared_ptr<Entry>& entry);
    void found(Entry& entry, const std::string& error, std::vector<std::string> addresses);
    void wait(const std::shared_ptr<Entry>& entry);

    boost::asio::io_context& io_;
    boost::asio::ip::tcp::resolver resolver_;
    std::function<void()> news_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace pgweir::discovery
