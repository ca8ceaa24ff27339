// What auth_query answers: a row of name, password and, if there is a third column, until when the password is valid.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir::monitor {

struct AuthAnswer {
    std::string password;  // in PostgreSQL's forms; empty: nobody of that name may log in
    std::string error;     // why it is not known; empty: it is
    std::string warning;   // what is odd about the answer, for the log
};

// Of a result with rows. No row, a null password, a password that has expired and a row of another name than the asked
// one are nobody; more rows, another number of columns and a time that cannot be read are errors.
[[nodiscard]] AuthAnswer read_auth_answer(const PGresult* result, std::string_view user,
                                          std::chrono::system_clock::time_point now);

// Is this time, as text in DateStyle ISO ("2026-01-31 12:00:00.5+00", "infinity"), over? Nothing if it cannot be read.
[[nodiscard]] std::optional<bool> is_over(std::string_view time, std::chrono::system_clock::time_point now);

}  // namespace pgweir::monitor
