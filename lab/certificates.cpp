#include "lab/certificates.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "system/check.hpp"

namespace nospof::lab {

namespace {

template <auto free_function>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Deleter<GENERAL_NAME_free>>;

constexpr auto clock_tolerance = std::chrono::minutes(5);
constexpr int serial_bits = 159;                 // RFC 5280: at most 20 octets, positive
constexpr std::size_t longest_common_name = 64;  // ub-common-name

[[noreturn]] void throw_openssl(const std::string& attempt) {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  throw Error(fmt::format("{}: {}", attempt, code == 0 ? "OpenSSL gave no reason" : text.data()));
}

void require(bool ok, const char* attempt) {
  if (!ok) throw_openssl(attempt);
}

template <typename T>
T* require(T* object, const char* attempt) {
  if (object == nullptr) throw_openssl(attempt);
  return object;
}

KeyPtr make_key() {
  return KeyPtr(require(EVP_EC_gen("P-256"), "generate a P-256 key"));
}

std::string text_of(const BioPtr& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

BioPtr memory_bio() {
  return BioPtr(require(BIO_new(BIO_s_mem()), "allocate memory"));
}

BioPtr memory_bio(const std::string& text) {
  return BioPtr(
      require(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), "allocate memory"));
}

std::string pem(X509* certificate) {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_X509(bio.get(), certificate) == 1, "write a certificate as PEM");
  return text_of(bio);
}

std::string pem(EVP_PKEY* key) {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write a key as PEM");
  return text_of(bio);
}

void set_time(ASN1_TIME* field, WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  require(ASN1_TIME_set(field, static_cast<time_t>(seconds)), "set a certificate's validity");
}

void set_random_serial(X509* certificate) {
  const BignumPtr number(require(BN_new(), "allocate memory"));
  require(BN_rand(number.get(), serial_bits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1,
          "make a random serial number");
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)),
          "set a certificate's serial number");
}

void set_common_name(X509_NAME* subject, const std::string& name) {
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.data()),
                                     static_cast<int>(name.size()), -1, 0) == 1,
          "set a certificate's subject");
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(
      require(X509V3_EXT_conf_nid(nullptr, &context, nid, value), "make a certificate extension"));
  require(X509_add_ext(certificate, extension.get(), -1) == 1, "add a certificate extension");
}

X509Ptr blank_certificate(EVP_PKEY* key, WallTime not_before, WallTime not_after) {
  X509Ptr certificate(require(X509_new(), "allocate memory"));
  require(X509_set_version(certificate.get(), X509_VERSION_3) == 1, "set a certificate's version");
  set_random_serial(certificate.get());
  set_time(X509_getm_notBefore(certificate.get()), not_before);
  set_time(X509_getm_notAfter(certificate.get()), not_after);
  require(X509_set_pubkey(certificate.get(), key) == 1, "set a certificate's key");
  return certificate;
}

void add_name(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  NamePtr name(require(GENERAL_NAME_new(), "allocate memory"));
  GENERAL_NAME_set0_value(name.get(), type, value);
  require(sk_GENERAL_NAME_push(names, name.get()) > 0, "add a subject alternative name");
  name.release();
}

ASN1_STRING* octets(int type, const void* data, std::size_t size) {
  ASN1_STRING* value = require(ASN1_STRING_type_new(type), "allocate memory");
  if (ASN1_STRING_set(value, data, static_cast<int>(size)) != 1) {
    ASN1_STRING_free(value);
    throw_openssl("set a subject alternative name");
  }
  return value;
}

// RFC 5280: critical when there is no subject to go by.
void add_alternative_names(X509* certificate, const CertificateRequest& request, bool critical) {
  const NamesPtr names(require(GENERAL_NAMES_new(), "allocate memory"));
  std::vector<std::string> dns{request.identity};
  for (const auto& name : request.dns_names)
    if (std::find(dns.begin(), dns.end(), name) == dns.end()) dns.push_back(name);
  for (const auto& name : dns)
    add_name(names.get(), GEN_DNS, octets(V_ASN1_IA5STRING, name.data(), name.size()));
  for (const auto& text : request.addresses) {
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1)
      throw Error(
          fmt::format("certificate for {}: '{}' is no IPv4 address", request.identity, text));
    add_name(names.get(), GEN_IPADD, octets(V_ASN1_OCTET_STRING, &address, sizeof address));
  }
  require(
      X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), critical ? 1 : 0, 0) == 1,
      "add the subject alternative names");
}

void add_authority_extensions(X509* certificate, X509* issuer, int authorities_below) {
  const std::string constraints = fmt::format("critical,CA:TRUE,pathlen:{}", authorities_below);
  add_extension(certificate, issuer, NID_basic_constraints, constraints.c_str());
  add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
}

bool is_address(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

}  // namespace

struct CertificateAuthority::Parts {
  KeyPtr key;
  X509Ptr certificate;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

CertificateAuthority CertificateAuthority::make(const std::string& common_name, WallTime not_before,
                                                WallTime not_after, int authorities_below) {
  auto parts = std::make_unique<Parts>();
  parts->key = make_key();
  parts->certificate = blank_certificate(parts->key.get(), not_before, not_after);
  X509* certificate = parts->certificate.get();
  set_common_name(X509_get_subject_name(certificate), common_name.substr(0, longest_common_name));
  require(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1,
          "set a certificate's issuer");
  add_authority_extensions(certificate, certificate, authorities_below);
  require(X509_sign(certificate, parts->key.get(), EVP_sha256()) > 0, "sign a CA certificate");
  return CertificateAuthority(std::move(parts));
}

CertificateAuthority CertificateAuthority::make_below(const std::string& common_name,
                                                      WallTime not_before,
                                                      WallTime not_after) const {
  auto parts = std::make_unique<Parts>();
  parts->key = make_key();
  parts->certificate = blank_certificate(parts->key.get(), not_before, not_after);
  X509* certificate = parts->certificate.get();
  X509* issuer = parts_->certificate.get();
  set_common_name(X509_get_subject_name(certificate), common_name.substr(0, longest_common_name));
  require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1,
          "set a certificate's issuer");
  add_authority_extensions(certificate, issuer, 0);
  add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  require(X509_sign(certificate, parts_->key.get(), EVP_sha256()) > 0, "sign a CA certificate");
  return CertificateAuthority(std::move(parts));
}

CertificateAuthority CertificateAuthority::load(const std::string& certificate,
                                                const std::string& key) {
  auto parts = std::make_unique<Parts>();
  parts->certificate.reset(
      require(PEM_read_bio_X509(memory_bio(certificate).get(), nullptr, nullptr, nullptr),
              "read a CA certificate"));
  parts->key.reset(require(
      PEM_read_bio_PrivateKey(memory_bio(key).get(), nullptr, nullptr, nullptr), "read a CA key"));
  require(X509_check_private_key(parts->certificate.get(), parts->key.get()) == 1,
          "match a CA certificate and its key");
  return CertificateAuthority(std::move(parts));
}

std::string CertificateAuthority::certificate() const {
  return pem(parts_->certificate.get());
}

std::string CertificateAuthority::key() const {
  return pem(parts_->key.get());
}

IssuedCertificate CertificateAuthority::issue(const CertificateRequest& request) const {
  const KeyPtr key = make_key();
  const X509Ptr certificate = blank_certificate(key.get(), request.not_before, request.not_after);
  X509* leaf = certificate.get();
  X509* issuer = parts_->certificate.get();
  const bool has_common_name = request.identity.size() <= longest_common_name;
  if (has_common_name) set_common_name(X509_get_subject_name(leaf), request.identity);
  require(X509_set_issuer_name(leaf, X509_get_subject_name(issuer)) == 1,
          "set a certificate's issuer");
  add_extension(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(leaf, issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(leaf, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(leaf, issuer, NID_subject_key_identifier, "hash");
  add_extension(leaf, issuer, NID_authority_key_identifier, "keyid");
  add_alternative_names(leaf, request, !has_common_name);
  require(X509_sign(leaf, parts_->key.get(), EVP_sha256()) > 0, "sign a certificate");
  return {pem(leaf), pem(key.get())};
}

CertificateRequest certificate_request(const spec::Topology& topology, const spec::Host& host,
                                       const spec::Service& service, WallTime now) {
  if (!service.tls) throw Error(fmt::format("service '{}' has no tls", service.name));
  const spec::ServiceTls& tls = *service.tls;
  const spec::Authority* authority = nullptr;
  for (const auto& candidate : topology.authorities)
    if (candidate.name == tls.authority) authority = &candidate;
  if (authority == nullptr)
    throw Error(
        fmt::format("service '{}': there is no authority '{}'", service.name, tls.authority));
  CertificateRequest request;
  request.identity = tls.identity;
  for (const auto& name : tls.names)
    (is_address(name) ? request.addresses : request.dns_names).push_back(name);
  request.dns_names.push_back(host.name);
  request.dns_names.push_back(host.name + "." + topology.domain);
  request.addresses.push_back(host.address);
  request.not_before = now - clock_tolerance;
  request.not_after = now + authority->valid;
  return request;
}

}  // namespace nospof::lab
