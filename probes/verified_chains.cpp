#include "probes/verified_chains.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "system/check.hpp"

namespace nospof::probes {

namespace {

std::optional<WallTime> wall_time(const ASN1_TIME* time) {
  std::tm broken_down{};
  if (ASN1_TIME_to_tm(time, &broken_down) != 1) return std::nullopt;
  const std::chrono::seconds seconds(::timegm(&broken_down));
  // The years that dates of certificates may have, 0 to 9999, are more than nanoseconds reach.
  if (seconds <= std::chrono::floor<std::chrono::seconds>(WallTime::min().time_since_epoch()))
    return WallTime::min();
  if (seconds >= std::chrono::floor<std::chrono::seconds>(WallTime::max().time_since_epoch()))
    return WallTime::max();
  return WallTime(seconds);
}

}  // namespace

std::optional<PathValidity> path_validity(const stack_st_X509* path) {
  const int size = path != nullptr ? sk_X509_num(path) : 0;
  if (size <= 0) return std::nullopt;
  PathValidity validity;
  for (int i = 0; i < size; ++i) {
    const X509* certificate = sk_X509_value(path, i);
    const auto from = wall_time(X509_get0_notBefore(certificate));
    const auto until = wall_time(X509_get0_notAfter(certificate));
    if (!from || !until) return std::nullopt;
    validity.from = std::max(validity.from, *from);
    validity.until = std::min(validity.until, *until);
  }
  return validity;
}

std::optional<PathValidity> VerifiedChains::find(const Digest& chain, MonoTime now, WallTime wall) {
  const auto found = entries_.find(chain);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  if (now < entry.until && entry.validity.at(wall)) {
    ++found_;
    return entry.validity;
  }
  entries_.erase(found);
  return std::nullopt;
}

void VerifiedChains::add(const Digest& chain, const PathValidity& validity, MonoTime now) {
  // A server with ever new certificates is not worth more memory.
  if (entries_.size() >= most_entries) entries_.clear();
  entries_[chain] = {validity, now + keep_};
}

ChainDigest::ChainDigest()
    : context_(EVP_MD_CTX_new()), sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)) {
  if (context_ != nullptr && sha256_ != nullptr) return;
  EVP_MD_CTX_free(context_);
  EVP_MD_free(sha256_);
  throw Error("OpenSSL has no SHA-256");
}

ChainDigest::~ChainDigest() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(sha256_);
}

bool ChainDigest::begin() {
  return EVP_DigestInit_ex2(context_, sha256_, nullptr) == 1;
}

// With its size, so that no two lists give the same bytes.
bool ChainDigest::add(const void* bytes, std::size_t size) {
  const std::uint64_t told = size;
  return EVP_DigestUpdate(context_, &told, sizeof told) == 1 &&
         EVP_DigestUpdate(context_, bytes, size) == 1;
}

bool ChainDigest::add_certificates(const stack_st_X509* certificates) {
  const int count = certificates != nullptr ? sk_X509_num(certificates) : 0;
  for (int i = 0; i < count; ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(certificates, i), &der);
    const bool added = size > 0 && add(der, static_cast<std::size_t>(size));
    OPENSSL_free(der);
    if (!added) return false;
  }
  return true;
}

std::optional<VerifiedChains::Digest> ChainDigest::end(bool well) {
  VerifiedChains::Digest digest{};
  unsigned int size = 0;
  if (!well || EVP_DigestFinal_ex(context_, digest.data(), &size) != 1 || size != digest.size())
    return std::nullopt;
  return digest;
}

std::optional<VerifiedChains::Digest> ChainDigest::of_trust(x509_store_st* store) {
  stack_st_X509* trusted = X509_STORE_get1_all_certs(store);
  const bool well = begin() && add_certificates(trusted);
  sk_X509_pop_free(trusted, X509_free);
  return end(well);
}

std::optional<VerifiedChains::Digest> ChainDigest::of_chain(const VerifiedChains::Digest& trust,
                                                            const std::string& identity,
                                                            const stack_st_X509* sent) {
  if (sent == nullptr || sk_X509_num(sent) <= 0) return std::nullopt;
  return end(begin() && add(trust.data(), trust.size()) && add(identity.data(), identity.size()) &&
             add_certificates(sent));
}

}  // namespace nospof::probes
