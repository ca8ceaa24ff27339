// The connection that auth_query is asked on, against servers that refuse, are silent, answer, or go away.
#include "proxy/monitor/auth_connection.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <vector>

#include "protocol/message.hpp"
#include "tests/support/wire.hpp"

namespace pgweir::monitor {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;

const tcp::endpoint kAnyPort(boost::asio::ip::address_v4::loopback(), 0);

// One connection of a server that lets everybody in and answers every question with one row.
struct Session : std::enable_shared_from_this<Session> {
    explicit Session(tcp::socket accepted) : socket(std::move(accepted)) {}
    void read() {
        socket.async_read_some(boost::asio::buffer(buffer),
                               [self = shared_from_this()](const auto& error, std::size_t got) {
                                   self->closed = static_cast<bool>(error);
                                   if (error) return;
                                   self->received.emplace_back(self->buffer.data(), got);
                                   if (self->talks)
                                       boost::asio::write(self->socket, boost::asio::buffer(self->answer()));
                                   self->read();
                               });
    }
    [[nodiscard]] std::string answer() const {
        std::string out;
        if (received.size() == 1) {
            protocol::append_authentication(out, protocol::kAuthOk);
            return out + test::status("server_version", "15.0") + test::ready();
        }
        const std::array<std::string_view, 2> columns = {"name", "password"}, row = {"app", "stored"};
        out = test::parsed() + test::bound();
        protocol::append_row_description(out, columns);
        protocol::append_data_row(out, row);
        return out + test::complete("SELECT 1") + test::ready();
    }

    tcp::socket socket;
    std::array<char, 8192> buffer{};
    std::vector<std::string> received;
    bool talks = true, closed = false;
};

class AuthConnectionTest : public ::testing::Test {
  protected:
    void serve(bool talks = true) {
        acceptor_.async_accept([this, talks](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            sessions_.push_back(std::make_shared<Session>(std::move(socket)));
            sessions_.back()->talks = talks;
            sessions_.back()->read();
            serve(talks);
        });
    }
    void make(const AuthLimits& limits) { connection_ = std::make_shared<AuthConnection>(io_, "SELECT $1", limits); }
    void ask(const std::string& user = "app", const std::string& source = "10.0.0.1") {
        connection_->ask(to(acceptor_), source, user, [this](AuthAnswer answer) { answers_.push_back(std::move(answer)); });
    }
    [[nodiscard]] static ConnectionOptions to(const tcp::acceptor& acceptor) {
        return {{"hostaddr", "127.0.0.1"}, {"port", std::to_string(acceptor.local_endpoint().port())},
                {"user", "asker"},         {"dbname", "db"},
                {"sslmode", "disable"},    {"gssencmode", "disable"}};
    }
    template <class Condition>
    void run_until(Condition condition) {
        io_.restart();
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition() && std::chrono::steady_clock::now() < end) io_.run_one_for(milliseconds(50));
        EXPECT_TRUE(condition());
    }
    void run_until_answers(std::size_t count) {
        run_until([&] { return answers_.size() >= count; });
    }

    boost::asio::io_context io_;
    tcp::acceptor acceptor_{io_, kAnyPort};
    std::vector<std::shared_ptr<Session>> sessions_;
    std::vector<AuthAnswer> answers_;
    std::shared_ptr<AuthConnection> connection_;
};

TEST_F(AuthConnectionTest, OneConnectionForManyQuestionsAndTheNameIsAParameter) {
    serve();
    make({});
    for (int i = 0; i < 3; ++i) ask();
    ask("other");
    run_until_answers(4);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(answers_[static_cast<std::size_t>(i)].password, "stored");
    EXPECT_EQ(answers_[3].password, "") << "a row of another name";
    EXPECT_NE(answers_[3].warning, "");
    ASSERT_EQ(sessions_.size(), 1U);
    const std::string& question = sessions_[0]->received.back();
    EXPECT_NE(question.find(std::string("SELECT $1\0", 10)), std::string::npos) << "Parse has the text as it is";
    EXPECT_NE(question.find("other"), std::string::npos) << "Bind has the name";
}

TEST_F(AuthConnectionTest, ClosesWhenIdleAndComesAgain) {
    serve();
    make({.idle = milliseconds(50)});
    ask();
    run_until_answers(1);
    EXPECT_FALSE(connection_->unused());
    run_until([&] { return sessions_[0]->closed; });
    EXPECT_TRUE(connection_->unused());
    ask();
    run_until_answers(2);
    EXPECT_EQ(answers_[1].password, "stored");
    EXPECT_EQ(sessions_.size(), 2U);
}

TEST_F(AuthConnectionTest, AsksOnceMoreWhenTheServerHasClosed) {
    serve();
    make({});
    ask();
    run_until_answers(1);
    sessions_[0]->socket.close();
    ask();
    run_until_answers(2);
    EXPECT_EQ(answers_[1].error, "");
    EXPECT_EQ(answers_[1].password, "stored");
}

TEST_F(AuthConnectionTest, GoesWhereThePrimaryIsNow) {
    serve();
    make({});
    ask();
    run_until_answers(1);
    tcp::acceptor other(io_, kAnyPort);
    std::shared_ptr<Session> there;
    other.async_accept([&](const boost::system::error_code&, tcp::socket socket) {
        there = std::make_shared<Session>(std::move(socket));
        there->read();
    });
    connection_->ask(to(other), "10.0.0.1", "app", [this](AuthAnswer answer) { answers_.push_back(std::move(answer)); });
    run_until_answers(2);
    EXPECT_EQ(answers_[1].password, "stored");
    EXPECT_TRUE(there);
    run_until([&] { return sessions_[0]->closed; });
}

TEST_F(AuthConnectionTest, ASilentServerIsAnError) {
    serve(false);
    make({.timeout = milliseconds(100)});
    ask();
    ask();
    run_until_answers(2);
    for (const AuthAnswer& answer : answers_) {
        EXPECT_EQ(answer.error, "auth_query was not answered within 100 ms");
        EXPECT_EQ(answer.password, "");
    }
    EXPECT_TRUE(connection_->unused());
}

TEST_F(AuthConnectionTest, ARefusedConnectionIsAnErrorForAll) {
    make({});
    const ConnectionOptions gone = to(acceptor_);
    acceptor_.close();
    for (int i = 0; i < 2; ++i)
        connection_->ask(gone, "10.0.0.1", "app", [this](AuthAnswer answer) { answers_.push_back(std::move(answer)); });
    run_until_answers(2);
    for (const AuthAnswer& answer : answers_) EXPECT_NE(answer.error, "");
}

TEST_F(AuthConnectionTest, BoundsTheQuestions) {
    serve(false);
    make({.waiting = 2});
    for (int i = 0; i < 4; ++i) ask();
    ASSERT_EQ(answers_.size(), 1U);
    EXPECT_EQ(answers_[0].error, "too many logins wait for auth_query");
    connection_->stop();
    ASSERT_EQ(answers_.size(), 4U);
    EXPECT_EQ(answers_[3].error, "pgweir is shutting down");
}

TEST_F(AuthConnectionTest, OneAddressCannotFillTheQueue) {
    serve();
    make({.waiting = 4});
    for (int i = 0; i < 5; ++i) ask("flood", "10.0.0.1");
    for (int i = 0; i < 2; ++i) ask("app", "10.0.0.2");
    ASSERT_EQ(answers_.size(), 2U) << "two of the flood are refused, nobody else";
    for (const AuthAnswer& answer : answers_) EXPECT_EQ(answer.error, "too many logins wait for auth_query");
    run_until_answers(7);
    // Asked: the first of the flood, then in turn.
    const char* const expected[] = {"flood", "flood", "app", "flood", "app"};
    ASSERT_EQ(sessions_.size(), 1U);
    ASSERT_EQ(sessions_[0]->received.size(), 6U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NE(sessions_[0]->received[i + 1].find(expected[i]), std::string::npos) << i;
    }
}

}  // namespace
}  // namespace pgweir::monitor
