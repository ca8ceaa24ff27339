// A read that pgweir runs by itself, on a connection of its own, to see what it answers there. Sans-io.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/session/answer_digest.hpp"
#include "proxy/session/parameters.hpp"

namespace pgweir::session {

// Writes the client's settings, where the connection's differ, and `request` (ClientMachine::standalone) inside a transaction
// that can only read, ends in 10 s and is rolled back. The answer to look at has so many others ahead, and one
// behind it.
[[nodiscard]] std::size_t append_second_run(std::string& out, const ParameterSet& desired, const ParameterSet& actual,
                                            std::string_view request);
inline constexpr std::string_view kSecondRunBegin = "BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'";

// All is answered, and the connection is as it was before.
[[nodiscard]] inline bool second_run_is_over(const AnswerDigest& digest, std::size_t ahead) noexcept {
    return digest.answers() == ahead + 2 && !digest.broken() && digest.status() == 'I';
}

// The statement of such a request, without parameters; a slice of it.
[[nodiscard]] std::string_view statement_of(std::string_view request) noexcept;

}  // namespace pgweir::session
