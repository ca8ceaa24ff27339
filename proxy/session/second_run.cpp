#include "proxy/session/second_run.hpp"

#include "protocol/message.hpp"

namespace pgweir::session {

std::size_t append_second_run(std::string& out, const ParameterSet& desired, const ParameterSet& actual, std::string_view request) {
    const std::string settings = difference_sql(desired, actual);
    if (!settings.empty()) protocol::append_query(out, settings);
    protocol::append_query(out, kSecondRunBegin);
    out += request;
    protocol::append_query(out, "ROLLBACK");
    return settings.empty() ? 1 : 2;
}

std::string_view statement_of(std::string_view request) noexcept {
    if (request.size() < protocol::kHeaderSize) return {};
    const bool parse = static_cast<protocol::Tag>(request[0]) == protocol::frontend::kParse;
    request.remove_prefix(protocol::kHeaderSize + (parse ? 1 : 0));  // a Parse of the unnamed statement
    return request.substr(0, request.find('\0'));
}

}  // namespace pgweir::session
