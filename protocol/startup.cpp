#include "protocol/startup.hpp"

#include <algorithm>
#include <optional>

#include "protocol/sqlstate.hpp"

namespace pgweir::protocol {

namespace {

// Request codes in the place of a version: major 1234, which no version will be.
constexpr std::uint32_t kCancelCode = (1234U << 16) | 5678, kSslCode = (1234U << 16) | 5679,
                        kGssCode = (1234U << 16) | 5680;
constexpr std::string_view kExtensionPrefix = "_pq_.";

Fault violation(std::string message) { return {sqlstate::kProtocolViolation, std::move(message)}; }

Result<FirstPacket, Fault> parse_cancel(Bytes rest) {
    constexpr std::size_t kPidSize = 4;
    if (rest.size() < kPidSize + kMinCancelKey || rest.size() > kPidSize + kMaxCancelKey) {
        return violation("invalid length of cancel request packet");
    }
    return FirstPacket{CancelRequest{load_be32(rest), std::string(as_text(rest.subspan(kPidSize)))}};
}

// Takes the text up to the next NUL off the front; nothing if there is no NUL.
std::optional<std::string_view> take_string(std::string_view& rest) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

Result<FirstPacket, Fault> parse_parameters(std::uint16_t minor, std::string_view rest) {
    constexpr std::size_t kUsual = 8;  // parameters
    Startup startup{minor, {}, {}};
    startup.parameters.reserve(kUsual);
    while (!rest.empty() && rest.front() != '\0') {
        const auto name = take_string(rest);
        const auto value = name ? take_string(rest) : std::nullopt;
        if (!value) return violation("invalid startup packet layout: parameter without a value");
        if (name->starts_with(kExtensionPrefix)) {
            startup.protocol_options.emplace_back(*name);
        } else {
            startup.parameters.emplace_back(*name, *value);
        }
    }
    if (rest.size() != 1) return violation("invalid startup packet layout: expected terminator as last byte");
    return FirstPacket{std::move(startup)};
}

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// One word, its backslashes taken away; nothing at the end of the text.
std::optional<std::string> take_word(std::string_view& rest) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    std::string word;
    while (!rest.empty() && !is_space(rest.front())) {
        if (rest.front() == '\\') rest.remove_prefix(1);
        if (rest.empty()) break;  // a backslash at the very end stands for nothing
        word.push_back(rest.front());
        rest.remove_prefix(1);
    }
    return word;
}

std::optional<std::pair<std::string, std::string>> parse_setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string name(text.substr(0, equals));
    std::replace(name.begin(), name.end(), '-', '_');
    return std::pair{std::move(name), std::string(text.substr(equals + 1))};
}

Fault syntax_error(std::string_view word) {
    std::string message = "unsupported argument in startup parameter \"options\": \"";
    message.append(word).append("\"; only -c name=value and --name=value are accepted");
    return {sqlstate::kSyntaxError, std::move(message)};
}

}  // namespace

Result<std::uint32_t, FrameError> peek_startup(Bytes in) noexcept {
    if (in.size() < 4) return FrameError::incomplete;
    const std::uint32_t size = load_be32(in);
    if (size < kMinStartupSize) return FrameError::bad_length;
    if (size > kMaxStartupSize) return FrameError::too_large;
    return size;
}

Result<FirstPacket, Fault> parse_first_packet(Bytes packet) {
    const auto size = peek_startup(packet);
    if (!size || *size != packet.size()) return violation("invalid length of startup packet");
    const std::uint32_t version = load_be32(packet.subspan(4));
    const Bytes rest = packet.subspan(kMinStartupSize);
    if (version == kCancelCode) return parse_cancel(rest);
    if (version == kSslCode || version == kGssCode) {
        if (!rest.empty()) return violation("invalid length of encryption request packet");
        if (version == kSslCode) return FirstPacket{SslRequest{}};
        return FirstPacket{GssEncRequest{}};
    }
    const auto minor = static_cast<std::uint16_t>(version & 0xffff);
    if (version >> 16 != 3) {
        return Fault{sqlstate::kFeatureNotSupported, "unsupported frontend protocol " + std::to_string(version >> 16) +
                                                         "." + std::to_string(minor) + ": pgweir supports 3.0 and 3.2"};
    }
    return parse_parameters(minor, as_text(rest));
}

Result<Parameters, Fault> parse_options(std::string_view options) {
    Parameters settings;
    while (auto word = take_word(options)) {
        std::string_view text = *word;
        std::optional<std::string> next;
        if (text.starts_with("--")) {
            text.remove_prefix(2);
        } else if (text == "-c") {
            next = take_word(options);
            text = next ? std::string_view(*next) : std::string_view();
        } else if (text.starts_with("-c")) {
            text.remove_prefix(2);
        } else {
            return syntax_error(*word);
        }
        auto setting = parse_setting(text);
        if (!setting) return syntax_error(next ? *next : *word);
        settings.push_back(std::move(*setting));
    }
    return settings;
}

}  // namespace pgweir::protocol
