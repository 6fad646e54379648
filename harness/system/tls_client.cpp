#include "system/tls_client.hpp"

#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "system/check.hpp"

namespace nospof {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  return tls_error_text(code);
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

void load_files(SSL_CTX* context, const TlsLookAt& at) {
  if (!at.authority_file.empty() &&
      SSL_CTX_load_verify_locations(context, at.authority_file.c_str(), nullptr) != 1)
    throw Error(fmt::format("can't read the authority's certificate {}: {}", at.authority_file,
                            last_error()));
  if (at.certificate_file.empty()) return;
  if (SSL_CTX_use_certificate_chain_file(context, at.certificate_file.c_str()) != 1)
    throw Error(
        fmt::format("can't read the own certificate {}: {}", at.certificate_file, last_error()));
  if (SSL_CTX_use_PrivateKey_file(context, at.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw Error(fmt::format("can't use {} as the key of {}: {}", at.key_file, at.certificate_file,
                            last_error()));
}

// A server that lets the client choose is to get the strong ones first.
void offer_versions(SSL_CTX* context, TlsOffer offer) {
  if (offer == TlsOffer::usual) return;
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_cipher_list(context,
                          "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ALL:eNULL:"
                          "@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, offer == TlsOffer::up_to_1_1   ? TLS1_1_VERSION
                                         : offer == TlsOffer::up_to_1_2 ? TLS1_2_VERSION
                                                                        : TLS1_3_VERSION);
}

int note_request(SSL* ssl, void*) {
  static_cast<TlsShown*>(SSL_get_app_data(ssl))->certificate_wanted = true;
  return 1;
}

void expect_identity(SSL* ssl, const std::string& identity) {
  if (identity.empty()) return;
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(
      expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool by_address = is_address(identity);
  const int rc = by_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, identity.c_str())
                            : X509_VERIFY_PARAM_set1_host(expected, identity.c_str(), 0);
  if (rc != 1) throw Error(fmt::format("cannot verify the identity '{}'", identity));
  if (!by_address) SSL_set_tlsext_host_name(ssl, identity.c_str());
}

}  // namespace

void FreeTlsClient::operator()(ssl_st* ssl) const noexcept {
  SSL_free(ssl);
}

std::string tls_error_text(unsigned long code) {
  if (code == 0) return "the connection ended";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

TlsClientPtr make_tls_client(const TlsLookAt& at, TlsShown& shown, SocketState& socket) {
  const std::unique_ptr<SSL_CTX, FreeContext> context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw Error("OpenSSL: " + last_error());
  load_files(context.get(), at);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), show_certificate, &shown);
  SSL_CTX_set_cert_cb(context.get(), note_request, nullptr);
  offer_versions(context.get(), at.offer);
  TlsClientPtr ssl(SSL_new(context.get()));
  bio_st* bio = ssl ? make_socket_bio(socket) : nullptr;
  if (bio == nullptr) throw Error("OpenSSL: " + last_error());
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), &shown);
  expect_identity(ssl.get(), at.identity);
  SSL_set_connect_state(ssl.get());
  return ssl;
}

void check_tls_files(const TlsLookAt& at) {
  TlsShown shown;
  SocketState socket;
  make_tls_client(at, shown, socket);
}

}  // namespace nospof
