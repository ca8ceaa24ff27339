#include "proxy/net/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>

namespace pgweir::net {

namespace {

// An address has no name to ask for.
bool is_address(const std::string& host) {
    return host.find(':') != std::string::npos ||
           std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

int limited(std::size_t size) noexcept { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

Tls::Tls(std::shared_ptr<const TlsContext> context, int fd, Role role, const std::string& host)
    : context_(std::move(context)), ssl_(SSL_new(context_->get())) {
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd) != 1) throw std::bad_alloc();
    if (role == Role::server) {
        SSL_set_accept_state(ssl_.get());
        return;
    }
    SSL_set_connect_state(ssl_.get());
    if (!is_address(host)) SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    if (!context_->checks_names()) return;
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_.get());
    // A name that cannot be checked must not count as checked: the handshake fails then.
    const std::string address = host.substr(0, host.find('%'));
    checkable_ = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(wanted, address.c_str()) == 1
                                  : X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1;
}

Tls::Status Tls::handshake() {
    ERR_clear_error();
    if (!checkable_) {
        error_ = "no certificate can be for this host name";
        return Status::failed;
    }
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        more_ = SSL_has_pending(ssl_.get()) != 0;  // the first bytes may have come with the end of the handshake
        return Status::done;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return Status::wants_read;
        case SSL_ERROR_WANT_WRITE: return Status::wants_write;
        default: break;
    }
    const long verified = SSL_get_verify_result(ssl_.get());
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    error_ = reason != nullptr ? reason : "connection closed";
    if (verified != X509_V_OK) error_ += std::string(": ") + X509_verify_cert_error_string(verified);
    ERR_clear_error();
    return Status::failed;
}

bool Tls::has_alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return size > 0;
}

std::optional<std::string> Tls::peer_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
    if (!certificate || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return std::nullopt;
    const X509_NAME* subject = X509_get_subject_name(certificate.get());
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    // Of several names nobody knows which one was meant.
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return std::nullopt;
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return std::nullopt;
    // With its length: a NUL inside must not end it.
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return name;
}

std::ptrdiff_t Tls::receive(char* into, std::size_t room) noexcept {
    std::size_t total = 0;
    more_ = false;
    while (total < room) {
        ERR_clear_error();
        const int got = SSL_read(ssl_.get(), into + total, limited(room - total));
        if (got <= 0) {
            if (total == 0) return outcome(got);
            // An end or an error that came with these bytes is told at the next call, and the socket is silent about it.
            const int error = SSL_get_error(ssl_.get(), got);
            more_ = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
            return static_cast<std::ptrdiff_t>(total);
        }
        total += static_cast<std::size_t>(got);
        // What the socket still holds is told by the poller; what was read ahead is not.
        if (SSL_has_pending(ssl_.get()) == 0) return static_cast<std::ptrdiff_t>(total);
    }
    more_ = true;
    return static_cast<std::ptrdiff_t>(total);
}

std::ptrdiff_t Tls::peek(char& byte) noexcept {
    ERR_clear_error();
    const int got = SSL_peek(ssl_.get(), &byte, 1);
    if (got <= 0) return outcome(got);
    more_ = true;
    return got;
}

std::ptrdiff_t Tls::send(Bytes bytes) noexcept {
    std::size_t total = 0;
    while (total < bytes.size()) {
        ERR_clear_error();
        const int sent = SSL_write(ssl_.get(), bytes.data() + total, limited(bytes.size() - total));
        if (sent <= 0) return total > 0 ? static_cast<std::ptrdiff_t>(total) : outcome(sent);
        total += static_cast<std::size_t>(sent);
    }
    return static_cast<std::ptrdiff_t>(total);
}

std::ptrdiff_t Tls::outcome(int result) noexcept {
    const int error = SSL_get_error(ssl_.get(), result);
    const int system = errno;
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    const bool later = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    errno = later ? EAGAIN : error == SSL_ERROR_SYSCALL && system != 0 ? system : ECONNRESET;
    return -1;
}

void Tls::close_notify() noexcept {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

}  // namespace pgweir::net
