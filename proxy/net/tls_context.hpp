// What all TLS connections of one kind share: certificate, key, whom to trust, which versions. Immutable; a reload makes
// another one, and connections keep theirs.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "config/config.hpp"

namespace pgweir::net {

class TlsContext {
  public:
    // For clients' connections. Throws std::runtime_error that names the file and what is wrong with it.
    [[nodiscard]] static std::shared_ptr<const TlsContext> for_clients(const config::ClientTls& settings);
    // For connections to servers; the same.
    [[nodiscard]] static std::shared_ptr<const TlsContext> for_servers(const config::ServerTls& settings);

    [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }
    // A server's certificate has to be for the name that was connected to.
    [[nodiscard]] bool checks_names() const noexcept { return checks_names_; }
    // The hash of the proxy's certificate for SCRAM's tls-server-end-point (RFC 5929); empty without a certificate.
    [[nodiscard]] const std::string& end_point() const noexcept { return end_point_; }

  private:
    struct Free {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };
    explicit TlsContext(const SSL_METHOD* method);
    void set_version(config::TlsVersion oldest);
    void use_certificate(const std::string& cert_file, const std::string& key_file);
    void trust(const std::string& ca_file);

    std::unique_ptr<SSL_CTX, Free> context_;
    std::string end_point_;
    bool checks_names_ = false;
};

}  // namespace pgweir::net
