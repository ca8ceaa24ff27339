#include "proxy/admin/ask_workers.hpp"

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

namespace pgweir::admin {

namespace {

// Whichever comes first, the answer or the timer, takes the callback.
struct Question {
    boost::asio::steady_timer timer;
    std::function<void(std::optional<net::Inspection>)> done;

    Question(boost::asio::io_context& io, std::chrono::milliseconds limit,
             std::function<void(std::optional<net::Inspection>)> callback)
        : timer(io, limit), done(std::move(callback)) {}

    void finish(std::optional<net::Inspection> answer) {
        if (!done) return;
        auto callback = std::exchange(done, nullptr);
        timer.cancel();
        callback(std::move(answer));
    }
};

std::shared_ptr<Question> ask(boost::asio::io_context& io, std::chrono::milliseconds limit,
                              std::function<void(std::optional<net::Inspection>)> done) {
    auto question = std::make_shared<Question>(io, limit, std::move(done));
    question->timer.async_wait([question](const boost::system::error_code& error) {
        if (!error) question->finish(std::nullopt);
    });
    return question;
}

}  // namespace

void inspect_within(boost::asio::io_context& io, const Sources& sources, std::chrono::milliseconds limit,
                    std::function<void(std::optional<net::Inspection>)> done) {
    if (!sources.inspect) return done(net::Inspection{});
    auto question = ask(io, limit, std::move(done));
    sources.inspect([question](net::Inspection rows) { question->finish(std::move(rows)); });
}

void ping_within(boost::asio::io_context& io, const Sources& sources, std::chrono::milliseconds limit,
                 std::function<void(bool)> done) {
    auto report = [done = std::move(done)](const std::optional<net::Inspection>& answer) { done(answer.has_value()); };
    if (!sources.ping) return inspect_within(io, sources, limit, std::move(report));
    auto question = ask(io, limit, std::move(report));
    sources.ping([question] { question->finish(net::Inspection{}); });
}

}  // namespace pgweir::admin
