#include "proxy/app/state_directory.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "proxy/session/credentials.hpp"
#include "proxy/session/printable.hpp"

namespace pgweir::app {

namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr std::size_t kLargestFile = 64 * 1024;
constexpr std::string_view kDigits = "0123456789abcdef";

[[noreturn]] void fail(const std::string& what, int error) {
    throw std::runtime_error(what + ": " + std::generic_category().message(error));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

  private:
    int fd_;
};

// None: there is no such file.
std::optional<std::string> read_file(const std::string& name) {
    const Descriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) return std::nullopt;
    if (!file) fail(name, errno);
    std::string text;
    std::array<char, 4096> part;
    while (text.size() <= kLargestFile) {
        const ssize_t got = ::read(file.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(name, errno);
        if (got == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    throw std::runtime_error(name + ": the file is too long to be pgweir's");
}

bool write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t sent = ::write(fd, text.data(), text.size());
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// 0, or what went wrong (errno). Whenever the power fails, the file is the old one or the new one.
int replace_file(const std::string& folder, const std::string& name, std::string_view text) noexcept {
    const std::string fresh = name + ".new";
    {
        const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly));
        if (!file || !write_all(file.get(), text) || ::fsync(file.get()) != 0) return errno;
    }
    if (::rename(fresh.c_str(), name.c_str()) != 0) return errno;
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return !directory || ::fsync(directory.get()) != 0 ? errno : 0;
}

bool is_plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string to_hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

// Empty: not hexadecimal.
std::string from_hex(std::string_view text) {
    std::string out;
    if (text.size() % 2 != 0) return out;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const std::size_t high = kDigits.find(text[i]);
        const std::size_t low = kDigits.find(text[i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos) return {};
        out += static_cast<char>(high << 4 | low);
    }
    return out;
}

}  // namespace

StateDirectory::StateDirectory(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) fail("state_dir " + path_, errno);
    if (::access(path_.c_str(), R_OK | W_OK | X_OK) != 0) fail("state_dir " + path_, errno);
}

// A name of the configuration's is no name of a file: what is not plain is written in hexadecimal.
std::string StateDirectory::file_of(std::string_view cluster) const {
    std::string name = path_ + "/cluster-";
    for (const char c : cluster) name += is_plain(c) ? std::string(1, c) : '%' + to_hex({&c, 1});
    return name;
}

cluster::Memory StateDirectory::read(std::string_view cluster) const {
    if (path_.empty()) return {};
    const std::string name = file_of(cluster);
    const std::optional<std::string> text = read_file(name);
    if (!text) return {};
    cluster::MemoryError error;
    const auto memory = cluster::parse_memory(*text, error);
    if (!memory) throw std::runtime_error(name + ':' + std::to_string(error.line) + ": " + error.message);
    return *memory;
}

bool StateDirectory::keep(std::string_view cluster, const cluster::Memory& memory) const {
    if (path_.empty()) return true;
    const int error = replace_file(path_, file_of(cluster), cluster::format_memory(memory, cluster));
    if (error == 0) {
        spdlog::info("event=state_kept cluster={} timeline={} system_identifier={}", session::log_value(cluster), memory.timeline,
                     memory.system_identifier);
    } else if (error != last_error_) {
        spdlog::error("event=state_not_kept cluster={} cause=\"{}: {}\"", session::log_value(cluster), path_,
                      std::generic_category().message(error));
    }
    last_error_ = error;
    return error == 0;
}

std::string StateDirectory::salt_secret() const {
    if (path_.empty()) return {};
    const std::string name = path_ + "/salt_secret";
    if (const std::optional<std::string> text = read_file(name)) {
        const std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
        std::string secret = from_hex(line);
        if (line.size() + 1 == text->size() && secret.size() >= 16) return secret;
        throw std::runtime_error(name + ":1: not a secret of pgweir's (an even number of hexadecimal digits, and a line's end)");
    }
    std::string secret = session::UserDirectory::new_salt_secret();
    if (const int error = replace_file(path_, name, to_hex(secret) + '\n'); error != 0) fail(name, error);
    return secret;
}

}  // namespace pgweir::app
