// What auth_query answers, and until when a password is valid (semantics.md I).
#include "proxy/monitor/auth_answer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace pgweir::monitor {
namespace {

using std::chrono::system_clock;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
using Row = std::vector<const char*>;  // a null is SQL's

const system_clock::time_point kNow = system_clock::from_time_t(1'700'000'000);  // 2023-11-14 22:13:20 UTC

AuthAnswer answer(const std::vector<Row>& rows, std::size_t columns = 2, std::string_view user = "app") {
    Result result(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), &PQclear);
    std::array<char, 2> name = {'c', '\0'};
    PGresAttDesc column{};
    column.name = name.data();
    std::vector<PGresAttDesc> all(columns, column);
    PQsetResultAttrs(result.get(), static_cast<int>(columns), all.data());
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
            std::string text = rows[r][c] == nullptr ? "" : rows[r][c];
            const int length = rows[r][c] == nullptr ? -1 : static_cast<int>(text.size());
            PQsetvalue(result.get(), static_cast<int>(r), static_cast<int>(c), text.data(), length);
        }
    }
    return read_auth_answer(result.get(), user, kNow);
}

void expect_nobody(const AuthAnswer& got) {
    EXPECT_EQ(got.password, "");
    EXPECT_EQ(got.error, "");
}

void expect_error(const AuthAnswer& got) {
    EXPECT_EQ(got.password, "");
    EXPECT_NE(got.error, "");
}

TEST(AuthAnswer, NameAndPassword) {
    EXPECT_EQ(answer({{"app", "md5..."}}).password, "md5...");
    EXPECT_EQ(answer({{"app", "x", nullptr}}, 3).password, "x");
    EXPECT_EQ(answer({{"app", "x", "infinity"}}, 3).password, "x");
    EXPECT_EQ(answer({{"app", "x", "2023-11-14 22:13:21+00"}}, 3).password, "x");
}

TEST(AuthAnswer, Nobody) {
    expect_nobody(answer({}));
    expect_nobody(answer({}, 3));
    expect_nobody(answer({{"app", nullptr}}));
    expect_nobody(answer({{"app", nullptr, "infinity"}}, 3));
    expect_nobody(answer({{"app", "x", "2023-11-14 22:13:20+00"}}, 3));
    expect_nobody(answer({{"app", "x", "-infinity"}}, 3));
}

// An unknown user must not come in as whoever the query found.
TEST(AuthAnswer, AnotherName) {
    for (const char* name : {"other", "App", "app ", "ap", "", static_cast<const char*>(nullptr)}) {
        const AuthAnswer got = answer({{name, "x"}});
        expect_nobody(got);
        EXPECT_NE(got.warning, "");
    }
}

TEST(AuthAnswer, WhatIsNoAnswer) {
    expect_error(answer({{"app", "x"}, {"app", "x"}}));
    expect_error(answer({{"app"}}, 1));
    expect_error(answer({{"app", "x", nullptr, nullptr}}, 4));
    expect_error(answer({{"app", "x", "tomorrow"}}, 3));
    expect_error(answer({{"app", "x", ""}}, 3));
    expect_error(answer({{"app", "x", "2099-01-01 00:00:00"}}, 3));  // of which time zone?
}

TEST(AuthAnswer, Times) {
    const std::pair<const char*, bool> good[] = {
        {"2023-11-14 22:13:20+00", true},
        {"2023-11-14 22:13:21+00", false},
        {"2023-11-14 22:13:20.999999+00", true},
        {"2023-11-14 23:13:20+01", true},
        {"2023-11-14 23:13:21+01", false},
        {"2023-11-14 18:43:20-03:30", true},
        {"2023-11-14 18:43:21-03:30", false},
        {"2023-11-14 22:32:52+00:19:32", true},
        {"1970-01-01 00:00:00+00", true},
        {"0001-01-01 00:00:00+00", true},
        {"4713-01-01 00:00:00+00 BC", true},
        {"2024-02-29 00:00:00+00", false},
        {"294276-12-31 23:59:59.999999+00", false},
        {"10000-01-01 00:00:00+00", false},
        {"infinity", false},
        {"-infinity", true},
    };
    for (const auto& [text, over] : good) EXPECT_EQ(is_over(text, kNow), over) << text;
    for (const char* text :
         {"", "now", "2023-11-14", "2023-11-14 22:13:20", "2023-11-14T22:13:20+00", "14.11.2023 22:13:20+00",
          "2023-11-14 22:13:20+0", "2023-11-14 22:13:20+00 ", "2023-11-14 22:13:20 CET",
          "2023-11-14 22:13:20+00:00:00:00", "2023-11-14 22:13:20.+00", "99999999999-01-01 00:00:00+00", "Infinity"}) {
        EXPECT_EQ(is_over(text, kNow), std::nullopt) << text;
    }
    // Whole days, over leap years.
    for (const auto& [text, at] : {std::pair{"2000-02-29 00:00:00+00", 951'782'400},
                                   {"2000-03-01 00:00:00+00", 951'868'800},
                                   {"2000-12-31 00:00:00+00", 978'220'800},
                                   {"1999-01-01 00:00:00+00", 915'148'800}}) {
        EXPECT_EQ(is_over(text, system_clock::from_time_t(at)), true) << text;
        EXPECT_EQ(is_over(text, system_clock::from_time_t(at - 1)), false) << text;
    }
}

}  // namespace
}  // namespace pgweir::monitor
