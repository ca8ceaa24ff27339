// What comes from a REST API may be anything: members that are fit to be connected to and shown, or an error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/discovery/patroni_members.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto answer = pgweir::discovery::read_patroni_members({reinterpret_cast<const char*>(data), size});
    if (answer.members.empty() == answer.error.empty()) std::abort();
    for (const auto& member : answer.members) {
        const auto plain = [](char c) { return c > ' ' && c <= '~'; };
        if (member.port == 0 || member.name.empty() || member.host.empty()) std::abort();
        if (!std::ranges::all_of(member.name, plain) || !std::ranges::all_of(member.host, plain)) std::abort();
    }
    return 0;
}
