// The log: one line an event, "2026-11-24T08:15:38.123Z level=info event=… key=value", to standard error or a file.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace pgweir::app {

// A logger in our format on any sink. Control characters in the text, which may be a client's, are written as \xNN, so
// that an event is one line whatever it holds.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, config::LogLevel level);

// Makes the process's logger, used by spdlog::info("event=… key={}", …) from any thread; every line is written out at
// once. Before the threads start. Throws std::runtime_error when the file cannot be opened for appending.
void set_up_logging(const config::Log& log);

// From any thread, at any time.
void set_log_level(config::LogLevel level);

// The file is opened anew, since it may have been moved away (log rotation); nothing on standard error. When that fails the
// log goes on where it went, and says so. From any thread, at any time.
void reopen_log();

}  // namespace pgweir::app
