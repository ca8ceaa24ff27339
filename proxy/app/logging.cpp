#include "proxy/app/logging.hpp"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "proxy/session/printable.hpp"

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

// Appends each line to a file by one call, so that it is whole whoever appends besides.
class FileSink : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit FileSink(std::string path) : path_(std::move(path)) {}
    ~FileSink() override {
        if (fd_ >= 0) ::close(fd_);
    }
    // errno's value; 0: the file of this name is the one that is written to now. Else all is as it was.
    [[nodiscard]] int open() {
        std::error_code ignored;  // the file tells
        std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
        const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) return errno;
        const std::lock_guard lock(mutex_);
        if (const int before = std::exchange(fd_, fd); before >= 0) ::close(before);
        return 0;
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        std::string_view rest(line.data(), line.size());
        while (!rest.empty()) {
            const ::ssize_t written = ::write(fd_, rest.data(), rest.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) spdlog::throw_spdlog_ex("writing to " + path_, errno);
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void flush_() override {}

  private:
    std::string path_;
    int fd_ = -1;
};

spdlog::sink_ptr make_sink(const config::Log& log) {
    if (log.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto sink = std::make_shared<FileSink>(log.file);
    if (const int error = sink->open()) throw std::runtime_error("log.file: " + log.file + ": " + std::generic_category().message(error));
    return sink;
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

void reopen_log() {
    for (const spdlog::sink_ptr& sink : spdlog::default_logger_raw()->sinks()) {
        const auto file = std::dynamic_pointer_cast<FileSink>(sink);
        const int error = file ? file->open() : 0;
        if (error == 0) continue;
        spdlog::error("event=log_not_reopened file={} cause={}", session::log_value(file->path()),
                      session::log_value(std::generic_category().message(error)));
    }
}

void set_log_level(config::LogLevel level) { spdlog::default_logger_raw()->set_level(level_of(level)); }

}  // namespace pgweir::app
