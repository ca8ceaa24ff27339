#include "proxy/net/canceler.hpp"

#include "protocol/message.hpp"
#include "proxy/net/server.hpp"

namespace pgweir::net {

namespace {

// A cancel that is not over by then will not come any more; the server connection is given up, not released.
constexpr std::chrono::seconds kLimit{10};

}  // namespace

void Canceler::start(Worker& worker, std::shared_ptr<Server> server) {
    server->host_pool().pool.set_canceling(*server);
    std::make_shared<Canceler>(worker, std::move(server))->run();
}

Canceler::Canceler(Worker& worker, std::shared_ptr<Server> server)
    : Peer(worker.io()), server_(std::move(server)), deadline_(worker.io()) {}

Canceler::~Canceler() = default;

void Canceler::run() {
    auto self = std::static_pointer_cast<Canceler>(shared_from_this());
    deadline_.expires_after(kLimit);
    deadline_.async_wait([self](const boost::system::error_code& error) {
        if (error || !self->server_) return;
        self->server_->retire();
        self->finish();
    });
    socket_.async_connect(server_->endpoint(), [self](const boost::system::error_code& error) {
        if (!self->server_) return;
        if (error) return self->finish();
        std::string request;
        protocol::append_cancel_request(request, self->server_->pid(), self->server_->secret_key());
        self->send(as_bytes(request));
        self->arm_read();
    });
}

void Canceler::on_readable() {
    char byte = 0;
    if (receive(&byte, 1) == kNothing) return arm_read();
    finish();  // the server answers a cancel with nothing but the end of the stream
}

void Canceler::finish() {
    const auto server = std::exchange(server_, nullptr);
    if (!server) return;
    deadline_.cancel();
    close_socket();
    server->cancel_over();
}

}  // namespace pgweir::net
