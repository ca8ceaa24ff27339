// A client of the console: its queries are answered by the proxy itself.
#include "protocol/frame.hpp"
#include "protocol/message.hpp"
#include "protocol/sqlstate.hpp"
#include "proxy/net/client.hpp"
#include "proxy/net/client_starting.hpp"
#include "proxy/net/process_id.hpp"

namespace pgweir::net {

namespace {

constexpr std::uint32_t kMaxConsoleMessage = 64 * 1024;

}  // namespace

void Client::console_welcome() {
    if (!admin_) {
        return fail(protocol::sqlstate::kInsufficientPrivilege,
                    "user \"" + names_->user + "\" may not use the console: it is not an admin of the configuration");
    }
    std::string out = std::move(starting_->unsaid);
    protocol::append_parameter_status(out, "server_version", "15.0 (pgweir)");
    protocol::append_parameter_status(out, "server_encoding", "UTF8");
    protocol::append_parameter_status(out, "client_encoding", "UTF8");
    protocol::append_parameter_status(out, "DateStyle", "ISO");
    protocol::append_parameter_status(out, "standard_conforming_strings", "on");
    protocol::append_backend_key_data(out, ProcessId{pool::index_of(worker_.id()), slot_}.number(),
                                      {reinterpret_cast<const char*>(&secret_), 4});
    protocol::append_ready_for_query(out, 'I');
    send(as_bytes(out));
    state_ = State::console;
    starting_.reset();
}

std::size_t Client::on_console(Bytes bytes) {
    if (console_busy_) return 0;
    const auto frame = protocol::peek_frame(bytes, kMaxConsoleMessage);
    if (!frame) {
        if (frame.error() != protocol::FrameError::incomplete) {
            fail(protocol::sqlstate::kProtocolViolation, "invalid message length");
        }
        return 0;
    }
    if (bytes.size() < frame->size()) return 0;
    const std::string_view body = as_text(bytes.subspan(protocol::kHeaderSize, frame->body));
    if (frame->tag == protocol::frontend::kTerminate) {
        close("client said good-bye");
    } else if (frame->tag == protocol::frontend::kQuery) {
        console_busy_ = true;
        auto reply = [&worker = worker_, weak = std::weak_ptr(self())](std::string wire) {
            worker.post([weak, wire = std::move(wire)] {
                const auto client = weak.lock();
                if (!client || client->state_ != State::console) return;
                client->console_busy_ = false;
                client->send(as_bytes(wire));
                client->resume();
            });
        };
        worker_.shared().console(std::string(body.substr(0, body.find('\0'))), names_->user, admin_, std::move(reply));
    } else if (frame->tag == protocol::frontend::kSync) {
        console_skip_ = false;
        std::string out;
        protocol::append_ready_for_query(out, 'I');
        send(as_bytes(out));
    } else if (!std::exchange(console_skip_, true)) {
        std::string out;
        protocol::append_error(out, "ERROR", protocol::sqlstate::kFeatureNotSupported,
                               "the console knows simple queries only");
        send(as_bytes(out));
    }
    return frame->size();
}

}  // namespace pgweir::net
