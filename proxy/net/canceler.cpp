#include "proxy/net/canceler.hpp"

#include "protocol/message.hpp"
#include "proxy/net/backend.hpp"

namespace pgweir::net {

namespace {

// A cancel that is not over by then will not come any more; the server connection is given up, not released.
constexpr std::chrono::seconds kLimit{10};

}  // namespace

void Canceler::start(Worker& worker, std::shared_ptr<Backend> server) {
    server->cancel_begins();
    const auto self = std::make_shared<Canceler>(worker, std::move(server));
    worker.add_canceler(self);
    self->connect(self->server_->endpoint());
}

Canceler::Canceler(Worker& worker, std::shared_ptr<Backend> server)
    : Peer(worker.poller()), worker_(worker), server_(std::move(server)), deadline_(worker.now() + kLimit) {}

Canceler::~Canceler() = default;

void Canceler::on_connected(int error) {
    if (error != 0) return finish();
    // The key is as secret as what it cancels.
    if (!server_->encrypted()) return send_cancel();
    tls_context_ = server_->tls_context();
    std::string request;
    protocol::append_ssl_request(request);
    send(as_bytes(request));
    arm_read();
}

void Canceler::on_encrypted(const std::string& error) {
    if (!error.empty()) return finish();
    send_cancel();
}

void Canceler::send_cancel() {
    sent_ = true;
    std::string request;
    protocol::append_cancel_request(request, server_->pid(), server_->secret_key());
    send(as_bytes(request));
    arm_read();
}

void Canceler::on_readable() {
    char byte = 0;
    const std::ptrdiff_t got = receive(&byte, 1);
    if (got == kNothing) return arm_read();
    if (got == 1 && byte == 'S' && !sent_) return start_tls(tls_context_, Tls::Role::client, server_->host_name());
    finish();  // the server answers a cancel with nothing but the end of the stream
}

void Canceler::give_up() {
    if (server_) server_->cancel_given_up();
    finish();
}

void Canceler::finish() {
    const auto keep_alive = shared_from_this();
    const auto server = std::exchange(server_, nullptr);
    if (!server) return;
    close_socket();
    worker_.remove_canceler(*this);
    server->cancel_over();
}

}  // namespace pgweir::net
