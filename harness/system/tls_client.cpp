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

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
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

std::string last_tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  return tls_error_text(code);
}

std::string tls_error_text(unsigned long code) {
  if (code == 0) return "the connection ended";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

TlsClientPtr make_tls_client(const TlsLookAt& at, TlsContexts& contexts, TlsShown& shown,
                             SocketState& socket) {
  TlsClientPtr ssl(SSL_new(contexts.of(at).get()));
  bio_st* bio = ssl ? make_socket_bio(socket) : nullptr;
  if (bio == nullptr) throw Error("OpenSSL: " + last_tls_error());
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), &shown);
  expect_identity(ssl.get(), at.identity);
  SSL_set_connect_state(ssl.get());
  return ssl;
}

void check_tls_files(const TlsLookAt& at) {
  TlsContexts contexts;
  TlsShown shown;
  SocketState socket;
  make_tls_client(at, contexts, shown, socket);
}

}  // namespace nospof
