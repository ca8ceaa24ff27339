// A server's login on any bytes, in pieces, and the readers of frames and errors on the same. The first byte chooses
// the secret, the second the size of the pieces.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "protocol/error_fields.hpp"
#include "proxy/session/server_login.hpp"

namespace {

using namespace pgweir;

void walk_frames(Bytes in) {
    std::size_t at = 0;
    while (const auto frame = protocol::peek_frame(in.subspan(at), 0xffff'ffff)) {
        const Bytes body = in.subspan(at + protocol::kHeaderSize);
        const auto fields = protocol::parse_error_fields(body.first(std::min<std::size_t>(frame->body, body.size())));
        if (fields.code.size() + fields.message.size() > body.size()) __builtin_trap();
        if (frame->size() > in.size() - at) return;
        at += frame->size();
    }
}

// Iterations with more than three digits.
bool is_slow(std::string_view input) {
    const std::size_t count = input.find(",i=");
    return count != std::string_view::npos && input.size() > count + 6 &&
           std::isdigit(static_cast<unsigned char>(input[count + 6])) != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using Step = session::ServerLogin::Step;
    if (size < 2) return 0;
    const std::size_t piece = std::size_t{data[1]} + 1;
    const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (is_slow(input)) return 0;
    walk_frames(as_bytes(input));
    session::ServerSecret secret;
    if (data[0] % 3 == 0) secret.password = "secret";
    if (data[0] % 3 == 1) secret.client_key = secret.server_key = std::string(32, 'k');
    const auto fixed_random = [](std::span<std::byte> out) {
        return std::memset(out.data(), 1, out.size()) != nullptr;
    };
    session::ServerLogin login("u", "d", {}, secret, fixed_random);
    std::string out, pending;
    login.start(out);
    Step step = Step::need_more;
    for (std::size_t at = 0; at < input.size() && step == Step::need_more; at += piece) {
        pending.append(input.substr(at, piece));
        std::size_t consumed = 0;
        step = login.on_bytes(as_bytes(pending), consumed, out);
        if (consumed > pending.size()) __builtin_trap();
        pending.erase(0, consumed);
        if (step == Step::need_more && pending.size() > 65'541) __builtin_trap();  // held before authentication
    }
    if (step == Step::failed && login.error().code.size() != 5) __builtin_trap();
    return 0;
}
