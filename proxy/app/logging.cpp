#include "proxy/app/logging.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <stdexcept>
#include <utility>

namespace pgweir::app {

namespace {

constexpr char kEscapedText = '*';

spdlog::level::level_enum level_of(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::debug:
            return spdlog::level::debug;
        case config::LogLevel::info:
            return spdlog::level::info;
        case config::LogLevel::warning:
            return spdlog::level::warn;
        case config::LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// The message without control characters.
class EscapedText : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        constexpr std::string_view kHex = "0123456789abcdef";
        for (const char c : message.payload) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0x20 && byte != 0x7f) {
                out.push_back(c);
                continue;
            }
            for (const char escaped : {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]}) out.push_back(escaped);
        }
    }
    [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
        return std::make_unique<EscapedText>();
    }
};

std::unique_ptr<spdlog::formatter> make_formatter() {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<EscapedText>(kEscapedText).set_pattern("%Y-%m-%dT%H:%M:%S.%eZ level=%l %*");
    return formatter;
}

spdlog::sink_ptr make_sink(const config::Log& log) {
    if (log.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    try {
        return std::make_shared<spdlog::sinks::basic_file_sink_mt>(log.file);
    } catch (const spdlog::spdlog_ex& error) {
        throw std::runtime_error("log.file: " + std::string(error.what()));
    }
}

}  // namespace

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, config::LogLevel level) {
    auto logger = std::make_shared<spdlog::logger>("pgweir", std::move(sink));
    logger->set_formatter(make_formatter());
    logger->set_level(level_of(level));
    logger->flush_on(spdlog::level::trace);
    return logger;
}

void set_up_logging(const config::Log& log) { spdlog::set_default_logger(make_logger(make_sink(log), log.level)); }

void set_log_level(config::LogLevel level) { spdlog::default_logger_raw()->set_level(level_of(level)); }

}  // namespace pgweir::app
