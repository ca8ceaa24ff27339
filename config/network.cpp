#include "config/network.hpp"

#include <algorithm>
#include <charconv>

namespace pgweir::config {

namespace {

constexpr unsigned kV4At = 96;  // bits before an IPv4 address in its IPv6 form

// All of the text, in digits only.
std::optional<unsigned> number(std::string_view text, int base, std::size_t most_digits) {
    unsigned value = 0;
    if (text.empty() || text.size() > most_digits) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Decimal without a sign; a leading zero would be octal to some.
std::optional<unsigned> decimal(std::string_view text, unsigned max) {
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    const auto value = number(text, 10, 3);
    return value && *value <= max ? value : std::nullopt;
}

// Four bytes to `out`; false if the text is no IPv4 address.
bool parse_v4(std::string_view text, std::uint8_t* out) {
    for (int part = 0; part < 4; ++part) {
        const std::size_t end = part < 3 ? text.find('.') : text.size();
        if (end == std::string_view::npos) return false;
        const auto value = decimal(text.substr(0, end), 255);
        if (!value) return false;
        out[part] = static_cast<std::uint8_t>(*value);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

// Groups of one side of "::", the last of them perhaps an IPv4 address; the count of bytes, or nothing.
std::optional<std::size_t> parse_groups(std::string_view text, std::array<std::uint8_t, 16>& out, bool may_hold_v4) {
    std::size_t count = 0;
    if (text.empty()) return count;
    while (true) {
        const std::size_t colon = text.find(':');
        const std::string_view group = text.substr(0, colon);
        const bool is_v4 = group.find('.') != std::string_view::npos;
        const std::size_t size = is_v4 ? 4 : 2;
        if (count + size > out.size()) return std::nullopt;
        if (is_v4) {
            if (!may_hold_v4 || colon != std::string_view::npos || !parse_v4(group, &out[count])) return std::nullopt;
        } else {
            const auto value = number(group, 16, 4);
            if (!value) return std::nullopt;
            out[count] = static_cast<std::uint8_t>(*value >> 8);
            out[count + 1] = static_cast<std::uint8_t>(*value & 0xff);
        }
        count += size;
        if (colon == std::string_view::npos) return count;
        text.remove_prefix(colon + 1);
    }
}

std::optional<Address> parse_v6(std::string_view text) {
    Address address;
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        const auto count = parse_groups(text, address.bytes, true);
        return count == address.bytes.size() ? std::optional(address) : std::nullopt;
    }
    std::array<std::uint8_t, 16> tail{};
    const auto before = parse_groups(text.substr(0, gap), address.bytes, false);
    const auto after = parse_groups(text.substr(gap + 2), tail, true);
    if (!before || !after || *before + *after > address.bytes.size() - 2) return std::nullopt;
    std::copy_n(tail.begin(), *after, address.bytes.end() - static_cast<std::ptrdiff_t>(*after));
    return address;
}

}  // namespace

bool Address::is_v4() const noexcept {
    return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
           bytes[10] == 0xff && bytes[11] == 0xff;
}

std::optional<Address> parse_address(std::string_view text) {
    if (text.find(':') != std::string_view::npos) return parse_v6(text);
    Address address;
    address.bytes[10] = address.bytes[11] = 0xff;
    return parse_v4(text, &address.bytes[kV4At / 8]) ? std::optional(address) : std::nullopt;
}

bool is_host_name(std::string_view host) noexcept { return !host.starts_with('/') && !parse_address(host); }

bool Network::contains(const Address& other) const noexcept {
    const bool v4 = bits >= kV4At && address.is_v4();
    if (v4 != other.is_v4()) return false;
    for (unsigned bit = 0; bit < bits; bit += 8) {
        const unsigned left = std::min(8U, bits - bit);
        if (((address.bytes[bit / 8] ^ other.bytes[bit / 8]) >> (8 - left)) != 0) return false;
    }
    return true;
}

std::optional<Network> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string_view::npos) return Network{*address, 128};
    const bool v4 = text.find(':') == std::string_view::npos;
    const auto mask = decimal(text.substr(slash + 1), v4 ? 32 : 128);
    if (!mask) return std::nullopt;
    return Network{*address, v4 ? kV4At + *mask : *mask};
}

}  // namespace pgweir::config
