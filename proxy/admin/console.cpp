#include "proxy/admin/console.hpp"

#include <utility>

#include "proxy/admin/answer.hpp"
#include "proxy/admin/commands.hpp"
#include "proxy/admin/words.hpp"

namespace pgweir::admin {

namespace {

constexpr std::size_t kMaxQuoted = 100;  // of a command repeated in an error

Failure invalid(std::string_view sql) {
    std::string text = as_utf8(sql.substr(0, kMaxQuoted));
    if (sql.size() > kMaxQuoted) text += "...";
    return {"42601", "invalid command '" + text + "', use SHOW HELP;"};
}

std::vector<const net::WorkerStats*> stats_of(const Sources& sources) {
    return sources.stats ? sources.stats() : std::vector<const net::WorkerStats*>{};
}

}  // namespace

Console::Console(boost::asio::io_context& io, const Sources& sources)
    : io_(io), sources_(sources), period_(sources.started), timer_(io) {
    sample_later();
}

void Console::execute(std::string_view sql, const Session& who, std::function<void(std::string)> reply) {
    const auto send = [reply = std::move(reply)](const Answer& answer) { reply(encode(answer)); };
    const std::vector<std::string> words = split_words(sql);
    if (words.empty()) return send(Empty{});
    // Drivers set what they like on connecting; like PgBouncer, the console has no use for it and takes no offence.
    if (words.front() == "SET") return send(Done{"SET"});
    const Command* command = find_command(words);
    if (command == nullptr) return send(invalid(sql));
    if (command->right == Right::admin && !who.is_admin) {
        return send(Failure{"42501", "only an administrator may use " + std::string(command->name)});
    }
    std::optional<std::string> argument{std::in_place};
    if (command->takes_name) argument = name_behind_word(sql);
    if (!argument) return send(invalid(sql));
    command->handler({io_, sources_, period_, std::move(*argument)}, send);
}

void Console::stop() { timer_.cancel(); }

void Console::sample_later() {
    timer_.expires_after(StatsPeriod::kLength);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        period_.sample(std::chrono::steady_clock::now(), sum_totals(stats_of(sources_)));
        sample_later();
    });
}

}  // namespace pgweir::admin
