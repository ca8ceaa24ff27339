// A server's log as a source of statements: log_statement, log_min_duration_statement and the like, in English.
#include <charconv>

#include "proxy/app/statement_source.hpp"
#include "proxy/sql/text.hpp"

namespace pgweir::app {

namespace {

constexpr std::string_view kLog = "LOG:  ";

[[nodiscard]] bool take_prefix(std::string_view& text, std::string_view prefix) noexcept {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// "duration: 1.234 ms  " before the statement.
[[nodiscard]] std::optional<double> take_duration(std::string_view& message) noexcept {
    if (!take_prefix(message, "duration: ")) return std::nullopt;
    double ms = 0;
    const auto [end, error] = std::from_chars(message.data(), message.data() + message.size(), ms);
    message.remove_prefix(static_cast<std::size_t>(end - message.data()));
    return error == std::errc{} && take_prefix(message, " ms  ") ? std::optional(ms) : std::nullopt;
}

// The message of a line that begins an entry of this severity; it stands behind whatever log_line_prefix makes.
[[nodiscard]] std::optional<std::string_view> message_of(std::string_view line) noexcept {
    const std::size_t at = line.find(kLog);
    if (at == std::string_view::npos || (at > 0 && line[at - 1] != ' ' && line[at - 1] != ':')) return std::nullopt;
    return line.substr(at + kLog.size());
}

}  // namespace

std::optional<Sample> read_log_message(std::string_view message) {
    Sample sample{.text = {}, .total_ms = take_duration(message)};
    if (take_prefix(message, "execute ") && !message.starts_with("fetch from ")) {
        const std::size_t name_ends = message.find(": ");
        if (name_ends == std::string_view::npos) return std::nullopt;
        sample.text = message.substr(name_ends + 2);
    } else if (take_prefix(message, "statement: ")) {
        sample.text = message;
    } else {
        return std::nullopt;
    }
    sample.text = sql::trim(sample.text);
    if (sample.text.ends_with(';')) sample.text.remove_suffix(1);
    return sample;
}

void read_log(Input& in, const TakeSample& take) {
    std::string line;
    std::string message;  // of the entry that may go on
    const auto entry_ends = [&] {
        if (const auto sample = read_log_message(message)) take(*sample);
        message.clear();
    };
    while (in.line(line)) {
        if (line.ends_with('\r')) line.pop_back();
        if (line.starts_with('\t')) {  // the server writes every further line of a message so
            if (!message.empty()) message.append("\n").append(line, 1);
            continue;
        }
        entry_ends();
        if (const auto begun = message_of(line)) message = *begun;
    }
    entry_ends();
}

}  // namespace pgweir::app
