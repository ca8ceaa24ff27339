// A client's session on any order of requests, in pieces, against a model of a server, and raw bytes behind. The client
// must get the messages that it gets from the model itself. The first byte chooses the pieces, and
// whether statements without a name are promoted; each later one is a request.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/support/model_server.hpp"
#include "tests/unit/proxy/session/conversation.hpp"

namespace {

using namespace pgweir;

constexpr std::array<std::string_view, 3> kNames = {"", "a", "b"};
constexpr std::array<std::string_view, 8> kTexts = {"select 1", "insert into t values (1)", "select fail", "select bad", "begin", "commit",
                                                    "rollback", "discard all"};
// Answered by the proxy itself: no model knows them.
constexpr std::array<std::string_view, 4> kLocal = {"show pgweir.read_preference", "set pgweir.read_preference = 'primary'",
                                                    "deallocate a", "deallocate pgweir_1"};

std::string request(std::uint8_t byte, bool& local) {
    const std::string_view name = kNames[byte / 8 % 3];
    const std::string_view sql = kTexts[byte / 32 % 8];
    switch (byte % 8) {
        case 0:
            // What is pipelined behind it may fail where the server alone would prepare it again (docs/routing.md).
            local |= sql == "discard all";
            return test::parse(name, sql);
        case 1: return test::bind("", name);
        case 2: return test::describe(byte % 64 < 32 ? 'S' : 'P', byte % 64 < 32 ? name : "");
        case 3: return test::execute();
        case 4: return byte < 128 ? test::sync() : test::flush();
        case 5: return test::query(sql);
        case 6: return test::close(byte % 64 < 48 ? 'S' : 'P', byte % 64 < 48 ? name : "");
        default: break;
    }
    local = true;
    return byte < 128 ? test::query(kLocal[byte / 8 % 4]) : test::parse(name, kLocal[byte / 8 % 4]);
}

// What the client gets through the session machines. `missed`: the server lacked a statement that was believed there.
std::string through(std::string_view bytes, std::size_t chunk, bool promote, bool& missed, bool& refused) {
    test::Conversation talk(chunk, 2, {.promote_unnamed = promote});
    test::ModelServer server;
    std::string sent = talk.client(bytes);
    for (int turns = 0; turns < 10'000 && !sent.empty(); ++turns) {
        const std::string answer = server.on_bytes(sent);
        talk.server(answer);  // also takes what was held back until then
        sent = talk.take_server();
        if (talk.violation) __builtin_trap();  // the model is a server that keeps the protocol
    }
    missed = server.missed;
    refused = talk.failed;
    return talk.take_client();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t chunk = data[0] % 4 == 0 ? 1 << 20 : 1 + data[0] % 16;
    const bool promote = data[0] / 16 % 2 == 1;
    const bool raw = data[0] >= 224;
    std::string bytes;
    bool local = false;
    if (raw) bytes.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (std::size_t i = 1; !raw && i < std::min<std::size_t>(size, 200); ++i) bytes += request(data[i], local);
    if (!raw) bytes += test::sync() + test::query("rollback");
    bool missed = false;
    bool refused = false;
    const std::string got = through(bytes, chunk, promote, missed, refused);
    if (missed) __builtin_trap();
    if (raw || local) return 0;
    if (refused) __builtin_trap();
    const std::string wanted = test::tags(test::ModelServer().on_bytes(bytes));
    if (test::tags(got) == wanted) return 0;
    std::fprintf(stderr, "sent %s\nwanted %s\ngot %s\n", test::tags(bytes).c_str(), wanted.c_str(), test::tags(got).c_str());
    __builtin_trap();
}
