#include "tests/support/test_authority.hpp"

#include <random>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "system/check.hpp"

namespace nospof::test {

namespace {

void require(bool ok, const char* what) {
  if (!ok) throw Error(fmt::format("test certificate: {} failed", what));
}

void set_name(X509_NAME* name, const std::string& common_name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(common_name.data());
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, bytes,
                                     static_cast<int>(common_name.size()), -1, 0) == 1,
          "naming");
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, "making an extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// `issuer` nullptr: signed by itself.
Identity make_identity(const std::string& common_name, const std::string& names, Validity validity,
                       const Identity* issuer, bool is_authority, KeyType key = KeyType::ec) {
  Identity made;
  made.key.reset(key == KeyType::ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048), EVP_PKEY_free);
  made.certificate.reset(X509_new(), X509_free);
  X509* certificate = made.certificate.get();
  require(made.key && certificate != nullptr, "making a key");
  const Identity& signer = issuer != nullptr ? *issuer : made;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), std::random_device{}() | 1U);
  X509_gmtime_adj(X509_getm_notBefore(certificate), validity.from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate), validity.until.count());
  set_name(X509_get_subject_name(certificate), common_name);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get()));
  X509_set_pubkey(certificate, made.key.get());
  add_extension(certificate, signer.certificate.get(), NID_basic_constraints,
                is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!names.empty())
    add_extension(certificate, signer.certificate.get(), NID_subject_alt_name, names);
  require(X509_sign(certificate, signer.key.get(), EVP_sha256()) > 0, "signing");
  return made;
}

}  // namespace

Authority::Authority()
    : self_(make_identity("nospof test authority", "",
                          {std::chrono::hours(-48), std::chrono::hours(48)}, nullptr, true)) {}

Identity Authority::issue(const std::string& names, Validity validity, KeyType key) const {
  return make_identity("nospof test server", names, validity, &self_, false, key);
}

std::string Authority::pem() const {
  const std::unique_ptr<BIO, void (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
  require(PEM_write_bio_X509(bio.get(), self_.certificate.get()) == 1, "writing PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Identity self_signed(const std::string& names) {
  return make_identity("nospof test server", names, {}, nullptr, false);
}

}  // namespace nospof::test
