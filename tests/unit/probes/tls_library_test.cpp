#include "probes/tls_library.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace nospof::probes {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

Key make_key(const std::string& type) {
  if (type == "RSA" || type == "RSA-PSS") {
    // Q_keygen knows RSA only under its usual name.
    EVP_PKEY* key = nullptr;
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type.c_str(), nullptr);
    EXPECT_EQ(EVP_PKEY_keygen_init(context), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    EXPECT_EQ(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return {key, EVP_PKEY_free};
  }
  if (type.starts_with("P-")) return {EVP_EC_gen(type.c_str()), EVP_PKEY_free};
  return {EVP_PKEY_Q_keygen(nullptr, nullptr, type.c_str()), EVP_PKEY_free};
}

/// Its DER, signed by itself.
std::string make_certificate(EVP_PKEY* key, const EVP_MD* digest) {
  const Certificate made(X509_new(), X509_free);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  EXPECT_GT(X509_sign(made.get(), key, digest), 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(made.get(), &der);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

Certificate read_in(OSSL_LIB_CTX* library, const std::string& der) {
  X509* certificate = X509_new_ex(library, nullptr);
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  EXPECT_NE(d2i_X509(&certificate, &at, static_cast<long>(der.size())), nullptr);
  return {certificate, X509_free};
}

TEST(TlsLibraries, ReadAndVerifyTheKeysThatCertificatesHave) {
  OSSL_LIB_CTX* library = tls_library();
  ASSERT_NE(library, nullptr) << "this machine's OpenSSL is configured in a special way";
  for (const std::string type : {"P-256", "P-384", "RSA", "RSA-PSS", "ED25519", "ED448"}) {
    SCOPED_TRACE(type);
    const Key key = make_key(type);
    ASSERT_TRUE(key);
    const std::string der =
        make_certificate(key.get(), type.starts_with("ED") ? nullptr : EVP_sha256());
    const Certificate certificate = read_in(library, der);
    EVP_PKEY* read = X509_get0_pubkey(certificate.get());
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(EVP_PKEY_eq(read, key.get()), 1);
    EXPECT_EQ(X509_verify(certificate.get(), read), 1);
    std::string spoilt = der;
    spoilt.back() = static_cast<char>(spoilt.back() ^ 1);
    EXPECT_NE(X509_verify(read_in(library, spoilt).get(), read), 1);
  }
}

TEST(TlsLibraries, AreAsStrictAsOpenSslsDefault) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> usual(SSL_CTX_new(TLS_client_method()),
                                                           SSL_CTX_free);
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> ours(
      SSL_CTX_new_ex(tls_library(), nullptr, TLS_client_method()), SSL_CTX_free);
  ASSERT_TRUE(usual && ours);
  EXPECT_EQ(SSL_CTX_get_security_level(ours.get()), SSL_CTX_get_security_level(usual.get()));
  EXPECT_EQ(SSL_CTX_get_options(ours.get()), SSL_CTX_get_options(usual.get()));
  EXPECT_EQ(SSL_CTX_get_min_proto_version(ours.get()), SSL_CTX_get_min_proto_version(usual.get()));
  // Fewer ciphers, but none that the default does not offer.
  const STACK_OF(SSL_CIPHER)* offered = SSL_CTX_get_ciphers(ours.get());
  EXPECT_GE(sk_SSL_CIPHER_num(offered), 17);
  for (int i = 0; i < sk_SSL_CIPHER_num(offered); ++i)
    EXPECT_GE(sk_SSL_CIPHER_find(SSL_CTX_get_ciphers(usual.get()), sk_SSL_CIPHER_value(offered, i)),
              0);
}

}  // namespace
}  // namespace nospof::probes
