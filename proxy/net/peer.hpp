// One socket of a worker's: readiness from its poller, bytes by direct system calls, and the tail that did not fit.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <string>

#include "protocol/bytes.hpp"
#include "proxy/net/kept_bytes.hpp"
#include "proxy/net/poller.hpp"
#include "proxy/net/tls.hpp"

namespace pgweir::net {

// An address of any family. Asio's as a value only: its sockets are not used here.
using Endpoint = boost::asio::generic::stream_protocol::endpoint;

class Peer : public std::enable_shared_from_this<Peer>, private Poller::Watcher {
  public:
    explicit Peer(Poller& poller) : poller_(poller) {}
    virtual ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Sends now what the socket takes and keeps the rest. After an error the peer is lost(), and nothing is kept.
    void send(Bytes bytes);
    // As send(), but not before the end of the poller's wake, or what comes next for this peer: until then nobody knows whether the
    // socket takes it.
    void send_soon(Bytes bytes);
    // Bytes are still waiting for the socket: whoever produces more should pause.
    // After send_soon() it is not known before the wake's end.
    [[nodiscard]] bool blocked() const noexcept { return !unsent_.empty(); }
    // Whether the socket has taken all of it; what was to be sent soon is sent now. For whoever gives the connection to somebody else.
    [[nodiscard]] bool sent_all() noexcept {
        send_batched();
        return !blocked();
    }
    // Waits for the next readable bytes; nothing when it waits already, or the socket is closed.
    void arm_read();
    [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
    // An error of the socket was met; the owner closes at the next occasion.
    [[nodiscard]] bool lost() const noexcept { return lost_; }

  protected:
    virtual void on_readable() = 0;
    // All that was kept has been sent.
    virtual void on_drained() = 0;
    // The socket failed in send() or arm_read(); called later, never from there.
    virtual void on_lost() = 0;
    // The end of connect(); `error` is 0 or errno's, and the socket closed then.
    virtual void on_connected(int error);

    // The end of start_tls(): an empty error is good.
    virtual void on_encrypted(const std::string& error);

    // Makes the connection a TLS one; on_encrypted() is called later, never from here.
    [[gnu::cold]] void start_tls(std::shared_ptr<const TlsContext> context, Tls::Role role, const std::string& host);
    // Null: not encrypted.
    [[nodiscard]] const Tls* tls() const noexcept { return tls_.get(); }

    // Takes over a connected, non-blocking socket; the poller holds it from now on.
    void adopt(int fd, std::unique_ptr<Tls> tls = nullptr) noexcept;
    [[nodiscard]] std::unique_ptr<Tls> release_tls() noexcept { return std::move(tls_); }
    // Begins to connect; on_connected() is called later, never from here.
    [[gnu::cold]] void connect(const Endpoint& to);
    // Gives the socket away.
    [[nodiscard]] int release_socket() noexcept;
    // Bytes received; 0 at the end of the stream or after an error, none when there is nothing yet.
    [[nodiscard]] std::ptrdiff_t receive(char* into, std::size_t room);
    static constexpr std::ptrdiff_t kNothing = -1;
    // Whether the other side has closed, without taking bytes.
    [[nodiscard, gnu::cold]] bool hung_up() noexcept;
    // The last words before a close: no more is sent, and what has come is thrown away, since unread bytes would turn the
    // close into a reset, which may overtake what was sent.
    [[gnu::cold]] void end_sending() noexcept;
    // Closes at once; nothing is called afterwards.
    void close_socket() noexcept;
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    void on_events(std::uint32_t events) final;
    void on_sent(Bytes bytes, std::ptrdiff_t sent, int error) noexcept final;
    void send_batched() noexcept {
        if (in_batch_) poller_.sends().flush();
    }
    void watch(std::uint32_t events);
    [[gnu::cold]] void lose();
    void unwatch() noexcept;
    [[gnu::cold]] void finish_connect();
    [[gnu::cold]] void shake_hands();
    void remind();
    [[gnu::cold]] void flush_unsent();

    Poller& poller_;
    KeptBytes unsent_;
    std::unique_ptr<Tls> tls_;
    int fd_ = -1;
    std::uint32_t watched_ = 0;  // events asked for
    bool in_poller_ = false;
    bool reading_ = false;
    bool connecting_ = false;
    bool handshaking_ = false;
    bool lost_ = false;
    bool in_batch_ = false;  // bytes that nothing may overtake
};

}  // namespace pgweir::net
