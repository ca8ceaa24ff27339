#include "proxy/net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace pgweir::net {

namespace {

constexpr std::array<unsigned char, 11> kAlpn = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

[[noreturn]] void fail(const std::string& what) {
    std::array<char, 256> text{};
    const unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    throw std::runtime_error(what + ": " + (reason != nullptr ? reason : text.data()));
}

// Direct TLS is only for those who say that they mean PostgreSQL (semantics.md H).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned int in_size,
                    void*) {
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, kAlpn.data(), kAlpn.size(), in, in_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// RFC 5929: the hash of the certificate's signature, but SHA-256 where that is MD5 or SHA-1. Where it has none (Ed25519) the
// binding is not defined, and clients that chose it would fail: empty.
std::string end_point_of(X509* certificate) {
    int digest = NID_undef;
    X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr);
    if (digest == NID_undef) return {};
    const bool weak = digest == NID_md5 || digest == NID_sha1;
    const EVP_MD* method = weak ? EVP_sha256() : EVP_get_digestbynid(digest);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    if (method == nullptr || X509_digest(certificate, method, hash.data(), &size) != 1) return {};
    return {reinterpret_cast<const char*>(hash.data()), size};
}

constexpr long kLibpqRoom = 8192;  // bytes that libpq has free whenever it reads (fe-misc.c, pqReadData)

}  // namespace

TlsContext::TlsContext(const SSL_METHOD* method) : context_(SSL_CTX_new(method)) {
    if (!context_) fail("TLS");
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context_.get(), 1);
    // Nobody is there to type a key's passphrase.
    SSL_CTX_set_default_passwd_cb(context_.get(), [](char*, int, int, void*) { return 0; });
}

void TlsContext::set_version(config::TlsVersion oldest) {
    const int version = oldest == config::TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (SSL_CTX_set_min_proto_version(context_.get(), version) != 1) fail("min_protocol_version");
}

void TlsContext::use_certificate(const std::string& cert_file, const std::string& key_file) {
    if (SSL_CTX_use_certificate_chain_file(context_.get(), cert_file.c_str()) != 1) fail("cert_file \"" + cert_file + "\"");
    if (SSL_CTX_use_PrivateKey_file(context_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        fail("key_file \"" + key_file + "\"");
    }
    if (SSL_CTX_check_private_key(context_.get()) != 1) fail("key_file \"" + key_file + "\" is not cert_file's");
    end_point_ = end_point_of(SSL_CTX_get0_certificate(context_.get()));
}

void TlsContext::trust(const std::string& ca_file) {
    if (SSL_CTX_load_verify_locations(context_.get(), ca_file.c_str(), nullptr) != 1) fail("ca_file \"" + ca_file + "\"");
}

std::shared_ptr<const TlsContext> TlsContext::for_clients(const config::ClientTls& settings) {
    std::shared_ptr<TlsContext> made(new TlsContext(TLS_server_method()));
    made->set_version(settings.min_protocol_version);
    made->use_certificate(settings.cert_file, settings.key_file);
    SSL_CTX_set_alpn_select_cb(made->get(), choose_protocol, nullptr);
    SSL_CTX_set_options(made->get(), SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(made->get(), 0);
    // PostgreSQL's servers write 8 KiB at a time, and libpq's asynchronous calls rely on it: what of a record is more than the
    // free part of its buffer stays within OpenSSL, and the application waits for a socket that has nothing (pg_basebackup does).
    SSL_CTX_set_max_send_fragment(made->get(), kLibpqRoom);
    if (!settings.ca_file.empty()) {
        made->trust(settings.ca_file);
        SSL_CTX_set_client_CA_list(made->get(), SSL_load_client_CA_file(settings.ca_file.c_str()));
    }
    // Asked for whenever it can be checked, for access rules of method "cert"; a wrong one is never taken.
    const bool demanded = settings.sslmode >= config::TlsMode::verify_ca;
    if (!settings.ca_file.empty()) {
        SSL_CTX_set_verify(made->get(), SSL_VERIFY_PEER | (demanded ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    }
    return made;
}

std::shared_ptr<const TlsContext> TlsContext::for_servers(const config::ServerTls& settings) {
    std::shared_ptr<TlsContext> made(new TlsContext(TLS_client_method()));
    made->set_version(settings.min_protocol_version);
    if (!settings.cert_file.empty()) made->use_certificate(settings.cert_file, settings.key_file);
    if (!settings.ca_file.empty()) made->trust(settings.ca_file);
    // As libpq: "require" with a file of authorities is "verify-ca".
    const bool verifies = settings.sslmode >= config::TlsMode::verify_ca ||
                          (settings.sslmode == config::TlsMode::require && !settings.ca_file.empty());
    if (verifies) SSL_CTX_set_verify(made->get(), SSL_VERIFY_PEER, nullptr);
    made->checks_names_ = settings.sslmode == config::TlsMode::verify_full;
    if (SSL_CTX_set_alpn_protos(made->get(), kAlpn.data(), kAlpn.size()) != 0) fail("ALPN");
    return made;
}

}  // namespace pgweir::net
