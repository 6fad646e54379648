#include "system/tls_shown.hpp"

#include <array>
#include <ctime>
#include <memory>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "system/check.hpp"
#include "system/digest.hpp"

namespace nospof {

namespace {

constexpr int least_security_bits = 112;
constexpr int usual_security_level = 2;

template <auto free_function>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

std::string time_text(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

WallTime wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

void fill(TlsShown& shown, X509* certificate) {
  shown.certificate = true;
  unsigned char* der = nullptr;
  int size = i2d_X509(certificate, &der);
  if (size > 0)
    shown.fingerprint =
        sha256_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  der = nullptr;
  size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size > 0)
    shown.key = sha256_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  shown.subject = name.data();
  shown.not_before = time_text(X509_get0_notBefore(certificate));
  shown.not_after = time_text(X509_get0_notAfter(certificate));
}

void fill_validity(TlsShown& shown, const STACK_OF(X509) * chain) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    const WallTime from = wall_time(X509_get0_notBefore(certificate));
    const WallTime until = wall_time(X509_get0_notAfter(certificate));
    if (i == 0 || from > shown.valid_from) shown.valid_from = from;
    if (i == 0 || until < shown.valid_until) shown.valid_until = until;
  }
}

// Called for each certificate: what is wrong is noted, and the verification goes on.
int note_problem(int in_order, X509_STORE_CTX* context) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (in_order == 0)
    static_cast<TlsShown*>(SSL_get_app_data(ssl))
        ->problems.push_back(X509_STORE_CTX_get_error(context));
  return 1;
}

X509Ptr parse_first(const std::string& pem, const std::string& path) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) throw Error(fmt::format("there is no certificate (PEM) in {}", path));
  return certificate;
}

std::string weakness_of(const SSL* ssl) {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  const int exchange = SSL_CIPHER_get_kx_nid(cipher);
  if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null) return "the server proves no identity";
  if (exchange != NID_kx_ecdhe && exchange != NID_kx_dhe && exchange != NID_kx_any)
    return "no forward secrecy";
  if (SSL_CIPHER_is_aead(cipher) != 1) return "no authenticated encryption (AEAD)";
  EVP_PKEY* used = nullptr;
  if (SSL_get_peer_tmp_key(const_cast<SSL*>(ssl), &used) != 1) return {};
  const KeyPtr owner(used);
  const int bits = EVP_PKEY_get_security_bits(used);
  if (bits >= least_security_bits) return {};
  return fmt::format("a key exchange of {} bits of security", bits);
}

constexpr std::string_view begin_line = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view end_line = "-----END CERTIFICATE-----";

}  // namespace

int show_certificate(x509_store_ctx_st* context, void* result) {
  TlsShown& shown = *static_cast<TlsShown*>(result);
  // A look that offers weak ciphers is as strict about certificates as one that does not.
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), usual_security_level);
  X509_STORE_CTX_set_verify_cb(context, note_problem);
  X509_verify_cert(context);
  shown.verified = shown.problems.empty() ? X509_V_OK : shown.problems.front();
  shown.verified_text = X509_verify_cert_error_string(shown.verified);
  const STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(context);
  shown.chain = sent == nullptr ? 1 : sk_X509_num(sent);
  fill(shown, X509_STORE_CTX_get0_cert(context));
  fill_validity(shown, X509_STORE_CTX_get0_chain(context));
  X509_STORE_CTX_set_error(context, X509_V_OK);
  ERR_clear_error();
  return 1;
}

void show_session(TlsShown& shown, const ssl_st* ssl) {
  shown.handshake = TlsHandshake::whole;
  shown.protocol = SSL_get_version(ssl);
  shown.cipher = SSL_get_cipher_name(ssl);
  shown.weakness = weakness_of(ssl);
}

TlsShown certificate_of_pem(const std::string& pem, const std::string& path) {
  TlsShown shown;
  fill(shown, parse_first(pem, path).get());
  for (std::size_t at = pem.find(begin_line); at != std::string::npos;
       at = pem.find(begin_line, at + 1))
    ++shown.chain;
  return shown;
}

std::string first_certificate(const std::string& pem, const std::string& path) {
  const std::size_t begin = pem.find(begin_line);
  const std::size_t end = pem.find(end_line, begin);
  if (begin == std::string::npos || end == std::string::npos)
    throw Error(fmt::format("there is no certificate (PEM) in {}", path));
  return pem.substr(begin, end + end_line.size() - begin) + "\n";
}

std::string describe(const TlsShown& shown) {
  if (!shown.certificate) return "no certificate: " + shown.failure;
  return fmt::format("CN={}, valid from {} until {}, {} sent: {}", shown.subject, shown.not_before,
                     shown.not_after, shown.chain, shown.verified_text);
}

}  // namespace nospof
