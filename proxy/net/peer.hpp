// One socket of a worker's: readiness from Asio, bytes by direct system calls, and the tail that did not fit.
// (architecture.md, "Asio, measured here": async_wait with own recv and send.)
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "protocol/bytes.hpp"

namespace pgweir::net {

using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                boost::asio::io_context::executor_type>;

class Peer : public std::enable_shared_from_this<Peer> {
  public:
    explicit Peer(boost::asio::io_context& io) : socket_(io.get_executor()) {}
    virtual ~Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Sends now what the socket takes and keeps the rest. After an error the peer is lost(), and nothing is kept.
    void send(Bytes bytes);
    // Bytes are still waiting for the socket: whoever produces more should pause.
    [[nodiscard]] bool blocked() const noexcept { return !unsent_.empty(); }
    // Waits for the next readable bytes; nothing when it waits already, or the socket is closed.
    void arm_read();
    [[nodiscard]] bool open() const noexcept { return socket_.is_open(); }
    // An error of the socket was met; the owner closes at the next occasion.
    [[nodiscard]] bool lost() const noexcept { return lost_; }

  protected:
    virtual void on_readable() = 0;
    // All that was kept has been sent.
    virtual void on_drained() = 0;
    // The socket failed while bytes were waiting.
    virtual void on_lost() = 0;

    // Bytes received; 0 at the end of the stream or after an error, none when there is nothing yet.
    [[nodiscard]] std::ptrdiff_t receive(char* into, std::size_t room);
    static constexpr std::ptrdiff_t kNothing = -1;
    // Whether the other side has closed, without taking bytes.
    [[nodiscard]] bool hung_up() noexcept;
    // Closes at once; pending waits end without a call.
    void close_socket() noexcept;

    Socket socket_;

  private:
    void arm_write();

    std::string unsent_;
    bool reading_ = false;
    bool writing_ = false;
    bool lost_ = false;
};

}  // namespace pgweir::net
