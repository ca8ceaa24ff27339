// One TLS connection on a non-blocking socket: the handshake, and bytes in and out.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "protocol/bytes.hpp"
#include "proxy/net/tls_context.hpp"

namespace pgweir::net {

class Tls {
  public:
    enum class Role : std::uint8_t { server, client };
    // What is to be waited for, or how it ended.
    enum class Status : std::uint8_t { done, wants_read, wants_write, failed };

    // `host`: whom a client connects to, for SNI and, where the context says so, the certificate's name.
    Tls(std::shared_ptr<const TlsContext> context, int fd, Role role, const std::string& host);

    // Goes on until done or failed; error() then says why.
    [[nodiscard]] Status handshake();
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // Both sides spoke of PostgreSQL by ALPN, which direct TLS needs.
    [[nodiscard]] bool has_alpn() const noexcept;
    [[nodiscard]] const TlsContext& context() const noexcept { return *context_; }
    [[nodiscard]] const std::shared_ptr<const TlsContext>& shared_context() const noexcept { return context_; }
    // The common name of the other side's certificate, which was verified; nothing without one, or when it has not one name.
    [[nodiscard]] std::optional<std::string> peer_name() const;
    // "TLSv1.3"
    [[nodiscard]] const char* version() const noexcept { return SSL_get_version(ssl_.get()); }

    // As recv() and send() on a non-blocking socket: bytes, 0 at the end, or -1 with errno (EAGAIN: later).
    [[nodiscard]] std::ptrdiff_t receive(char* into, std::size_t room) noexcept;
    [[nodiscard]] std::ptrdiff_t send(Bytes bytes) noexcept;
    // As receive(), of one byte that stays.
    [[nodiscard]] std::ptrdiff_t peek(char& byte) noexcept;
    // Bytes have been taken from the socket and not been received: it will not be reported as readable for them.
    [[nodiscard]] bool has_more() const noexcept { return more_; }
    // Tells the other side that no more comes.
    void close_notify() noexcept;

  private:
    struct Free {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };
    [[nodiscard]] std::ptrdiff_t outcome(int result) noexcept;

    std::shared_ptr<const TlsContext> context_;
    std::unique_ptr<SSL, Free> ssl_;
    std::string error_;
    bool more_ = false;
    bool checkable_ = true;  // the host can stand in a certificate
};

}  // namespace pgweir::net
