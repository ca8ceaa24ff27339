// The one table of console commands. A new command is a row of commands.cpp.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/answer.hpp"
#include "proxy/admin/sources.hpp"
#include "proxy/admin/stats_period.hpp"

namespace pgweir::admin {

// What a command may use. The references outlive the command's answer.
struct Call {
    boost::asio::io_context& io;
    const Sources& sources;
    const StatsPeriod& period;
    std::string argument{};  // the name behind the command; empty: none
};

// Called exactly once, during the call or later on the control thread.
using Reply = std::function<void(Answer)>;

// Who may give a command: any user of the console, or administrators only.
enum class Right : std::uint8_t { user, admin };

struct Command {
    std::string_view name;  // its words in upper case, one space between
    Right right = Right::admin;
    void (*handler)(const Call&, Reply) = nullptr;
    std::string_view help;
    bool takes_name = false;  // one name may follow
};

[[nodiscard]] std::span<const Command> commands();

// nullptr when there is none of these words. Of a command that takes a name the first word is enough.
[[nodiscard]] const Command* find_command(const std::vector<std::string>& words);

}  // namespace pgweir::admin
