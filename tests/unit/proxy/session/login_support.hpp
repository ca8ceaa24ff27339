// What the tests of the two login machines share: users, packets, and messages taken apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/frame.hpp"
#include "protocol/message.hpp"
#include "protocol/scram.hpp"
#include "protocol/startup.hpp"
#include "proxy/session/client_login.hpp"

namespace pgweir::session {

// The password of each is "secret" in some form.
inline constexpr std::string_view kPlain = "plain", kMd5 = "md5er", kScram = "scrammer", kNone = "nobody";

inline std::string scram_text(std::string_view password) {
    return to_text(protocol::derive_scram_verifier(password, "seventeen_bytes!!", 5));
}

inline config::Config some_users(config::AuthType type,
                                 std::vector<std::string_view> which = {kPlain, kMd5, kScram, kNone}) {
    config::Config config;
    config.proxy.auth_type = type;
    for (const std::string_view name : which) {
        config::User user{.name = std::string(name), .password = "secret", .admin = name == kScram};
        if (name == kMd5) user.password = "md5" + protocol::md5_hex("secretmd5er");
        if (name == kScram) user.password = scram_text("secret");
        if (name == kNone) user.password.clear();
        config.users.push_back(std::move(user));
    }
    return config;
}

inline std::string startup(const protocol::Parameters& parameters, std::uint32_t version = protocol::kProtocol30) {
    std::string out;
    protocol::append_startup(out, version, parameters);
    return out;
}

inline std::string startup_as(std::string_view user) { return startup({{"user", std::string(user)}}); }

// Tag and body of each message in a server's output, which must be whole messages.
inline std::vector<std::pair<char, std::string>> messages(std::string_view out) {
    std::vector<std::pair<char, std::string>> list;
    while (!out.empty()) {
        const auto frame = protocol::peek_frame(as_bytes(out), 1 << 20);
        if (!frame || out.size() < frame->size()) {
            list.emplace_back('?', out);
            return list;
        }
        list.emplace_back(out.front(), out.substr(protocol::kHeaderSize, frame->body));
        out.remove_prefix(frame->size());
    }
    return list;
}

}  // namespace pgweir::session
