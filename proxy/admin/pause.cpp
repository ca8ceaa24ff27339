#include "proxy/admin/pause.hpp"

#include <utility>

#include "config/databases.hpp"

namespace pgweir::admin {

namespace {

// None: the command may go on.
std::optional<Failure> unknown_database(const Call& call) {
    if (call.argument.empty() || config::find_database(call.sources.config, call.argument) != nullptr) return std::nullopt;
    return Failure{"3D000", "no such database: " + as_utf8(call.argument)};
}

std::string what(const Call& call) { return call.argument.empty() ? "pgweir" : "database " + as_utf8(call.argument); }

}  // namespace

void pause(const Call& call, Reply reply) {
    if (auto failure = unknown_database(call)) return reply(std::move(*failure));
    auto done = [reply](bool whole) {
        if (whole) {
            reply(Done{"PAUSE"});
        } else {
            reply(Failure{"57014", "RESUME came before all server connections were closed"});
        }
    };
    const bool begun = call.sources.pause && call.sources.pause(call.argument, std::move(done));
    if (!begun) reply(Failure{"55000", what(call) + " is paused already"});
}

void resume(const Call& call, Reply reply) {
    if (auto failure = unknown_database(call)) return reply(std::move(*failure));
    if (call.sources.resume && call.sources.resume(call.argument)) return reply(Done{"RESUME"});
    reply(Failure{"55000", what(call) + " is not paused"});
}

}  // namespace pgweir::admin
