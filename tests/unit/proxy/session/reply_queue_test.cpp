// The queue of answers that a server owes: its entries are used again and again, and nothing of one may be seen in the next.
#include "proxy/session/reply_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace pgweir::session {
namespace {

Expected with_everything(Request request) {
    return {.request = request,
            .purpose = Purpose::statement,
            .fake = true,
            .may_copy = false,
            .hide_ready = true,
            .told_parameters = true,
            .explain = {.form = Explain::Form::row},
            .statement = 7,
            .answer = std::make_unique<std::string>("answer"),
            .undo = std::make_unique<Undo>(),
            .changes = std::make_unique<sql::SessionChanges>()};
}

void expect_plain(const Expected& entry) {
    EXPECT_FALSE(entry.fake);
    EXPECT_FALSE(entry.may_copy);
    EXPECT_FALSE(entry.hide_ready);
    EXPECT_FALSE(entry.told_parameters);
    EXPECT_EQ(entry.explain.form, Explain::Form::none);
    EXPECT_EQ(entry.statement, 0U);
    EXPECT_EQ(entry.answer, nullptr);
    EXPECT_EQ(entry.undo, nullptr);
    EXPECT_EQ(entry.changes, nullptr);
}

TEST(ReplyQueue, AnEntryHasNothingOfTheOneBefore) {
    ReplyQueue queue;
    for (const Request request : {Request::parse, Request::query}) {
        queue.push(with_everything(request));
        queue.push(Request::execute);
        queue.last_may_copy();
        queue.pop();
        queue.pop();
        EXPECT_TRUE(queue.empty());
        EXPECT_FALSE(queue.may_copy());
        for (int i = 0; i < 2; ++i) {
            Expected& fresh = queue.push(Request::bind);
            EXPECT_EQ(fresh.request, Request::bind);
            EXPECT_EQ(fresh.purpose, Purpose::client);
            expect_plain(fresh);
        }
        queue.pop();
        queue.pop();
    }
}

TEST(ReplyQueue, CountsReadyForQueryAndTheClientsOwn) {
    ReplyQueue queue;
    queue.push(Request::bind);
    queue.push(Request::sync);
    queue.push(Request::query, Purpose::settings);
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_EQ(queue.ready(), 2U);
    EXPECT_EQ(queue.client_ready(), 1U);
    queue.pop();
    EXPECT_EQ(queue.ready(), 2U);
    queue.pop();
    EXPECT_EQ(queue.ready(), 1U);
    EXPECT_EQ(queue.client_ready(), 0U);
    EXPECT_EQ(queue.front().purpose, Purpose::settings);
    queue.pop();
    EXPECT_EQ(queue.ready(), 0U);
    EXPECT_TRUE(queue.empty());
}

TEST(ReplyQueue, ACopyIgnoresTheSyncsBehindItsExecuteAndNoOthers) {
    ReplyQueue queue;
    queue.push(Request::bind);
    queue.push(Request::execute);
    queue.push(Request::sync);
    queue.push(Request::sync);
    queue.push(Request::query);
    queue.pop();
    EXPECT_TRUE(queue.ignore_syncs());
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_EQ(queue.ready(), 1U);
    EXPECT_EQ(queue.client_ready(), 1U);
    queue.pop();
    EXPECT_EQ(queue.front().request, Request::query);
    EXPECT_FALSE(queue.ignore_syncs());
    queue.pop();
    EXPECT_TRUE(queue.empty());
    expect_plain(queue.push(Request::sync));
}

TEST(ReplyQueue, ALongPipelineKeepsItsOrder) {
    ReplyQueue queue;
    for (int round = 0; round < 2; ++round) {
        for (std::uint64_t i = 1; i <= 1000; ++i) queue.push(Request::bind).statement = i;
        queue.push(Request::sync);
        for (std::uint64_t i = 1; i <= 1000; ++i) {
            ASSERT_EQ(queue.front().statement, i);
            queue.pop();
        }
        EXPECT_EQ(queue.front().request, Request::sync);
        queue.pop();
        EXPECT_TRUE(queue.empty());
    }
}

TEST(ReplyQueue, AFakeSaysItsOwnAnswerOrThatItsRequestIsComplete) {
    using namespace std::string_view_literals;
    EXPECT_EQ(Expected{.request = Request::parse}.fake_answer(), "1\0\0\0\4"sv);
    EXPECT_EQ(Expected{.request = Request::bind}.fake_answer(), "2\0\0\0\4"sv);
    EXPECT_EQ(Expected{.request = Request::close}.fake_answer(), "3\0\0\0\4"sv);
    EXPECT_EQ(with_everything(Request::execute).fake_answer(), "answer");
    Expected empty{.request = Request::execute};
    empty.answer = std::make_unique<std::string>();
    EXPECT_EQ(empty.fake_answer(), "");
}

}  // namespace
}  // namespace pgweir::session
