// A client's login on any bytes. The first byte chooses the authentication, rules and lookups, the second the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "proxy/session/client_login.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgweir;
    using Step = session::ClientLogin::Step;
    static const session::UserDirectory users = [] {
        config::Config config;
        config.users.push_back({.name = "u", .password = "secret", .admin = false});
        return session::UserDirectory(config);
    }();
    if (size < 2) return 0;
    const auto type = static_cast<config::AuthType>(data[0] % 4);
    const std::size_t piece = std::size_t{data[1]} + 1;
    const auto fixed_random = [](std::span<std::byte> out) {
        return std::memset(out.data(), 1, out.size()) != nullptr;
    };
    session::ClientLogin login(users, type, fixed_random);
    static const session::AccessRules rules({{.name = "r",
                                              .address = {"10.0.0.0/8"},
                                              .database = {"all", "sameuser", "replication"},
                                              .user = {"all"},
                                              .tls = config::AccessTls::any,
                                              .method = config::AccessMethod::scram_sha_256}});
    const bool ruled = (data[0] & 8) != 0, looks_up = (data[0] & 4) != 0;
    if (ruled) login.admit_by(rules, config::parse_address("10.1.2.3"), "10.1.2.3");
    if (looks_up) login.look_up_unknown();
    std::string pending, out;
    Step step = Step::need_more;
    for (std::size_t at = 2; at < size && step == Step::need_more; at += piece) {
        pending.append(reinterpret_cast<const char*>(data) + at, std::min(piece, size - at));
        std::size_t consumed = 0;
        step = login.on_bytes(as_bytes(pending), consumed, out);
        if (consumed > pending.size()) __builtin_trap();
        pending.erase(0, consumed);
        if (step == Step::lookup && (!looks_up || login.result().user == "u")) __builtin_trap();
        if (step == Step::lookup) step = login.looked_up({}, out);
        if (step == Step::need_more && pending.size() > 65'540) __builtin_trap();  // held before authentication
    }
    if (step == Step::failed && (out.empty() || login.failure().empty())) __builtin_trap();
    if (step == Step::cancel && (login.cancel_secret().size() < 4 || login.cancel_secret().size() > 256))
        __builtin_trap();
    // Nobody proves a secret by SCRAM without having computed with it.
    if (step == Step::authenticated && (type == config::AuthType::scram_sha_256 || ruled || login.result().user != "u"))
        __builtin_trap();
    return 0;
}
