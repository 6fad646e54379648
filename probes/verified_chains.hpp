#pragma once
// Chains of certificates that were verified once, so that who sees the same chain again need not
// verify its signatures again.
//
// It never makes anything good that a verification at this moment would refuse:
// - An entry stands for one SHA-256 over the trusted certificates, the identity that was asked for,
//   and every certificate that the server sent, byte for byte and in order. Whatever of it differs,
//   also a chain with the same key or names, or another authority to trust, is another entry.
// - Only verifications that found nothing wrong make an entry. Refusals are always found out anew.
// - The dates of every certificate of the path, also of the authority at its end, are compared with
//   the clock at each use.
// - An entry is forgotten after a set time, at most an hour.
// - That the server has the key of its certificate is proved in every handshake; nothing here
//   touches that.
// Revocation lists are not part of a verification here, so nothing of them can be missed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "system/clock.hpp"

struct evp_md_ctx_st;
struct evp_md_st;
struct stack_st_X509;
struct x509_store_st;

namespace nospof::probes {

/// When all certificates of a path are valid: `from` <= now < `until`, as OpenSSL has it.
struct PathValidity {
  WallTime from = WallTime::min();
  WallTime until = WallTime::max();
  bool at(WallTime now) const { return from <= now && now < until; }
};
/// Of a path as OpenSSL built it. Nothing when it is empty or a date cannot be read.
std::optional<PathValidity> path_validity(const stack_st_X509* path);

class VerifiedChains {
 public:
  using Digest = std::array<unsigned char, 32>;
  static constexpr std::size_t most_entries = 64;

  /// `keep`: how long an entry lasts.
  explicit VerifiedChains(Nanoseconds keep) : keep_(keep) {}

  /// The validity of the path that was found for it, when it still counts as verified.
  std::optional<PathValidity> find(const Digest& chain, MonoTime now, WallTime wall);
  void add(const Digest& chain, const PathValidity& validity, MonoTime now);
  std::uint64_t found() const { return found_; }  ///< how often one was used

 private:
  struct Entry {
    PathValidity validity;
    MonoTime until;
  };
  Nanoseconds keep_;
  std::map<Digest, Entry> entries_;
  std::uint64_t found_ = 0;
};

/// Makes the digests that stand for chains.
class ChainDigest {
 public:
  /// Throws Error.
  ChainDigest();
  ~ChainDigest();
  ChainDigest(const ChainDigest&) = delete;
  ChainDigest& operator=(const ChainDigest&) = delete;

  /// Of the certificates that may vouch. Nothing: it cannot be made.
  std::optional<VerifiedChains::Digest> of_trust(x509_store_st* store);
  /// `sent`: as the server sent it, its own first.
  std::optional<VerifiedChains::Digest> of_chain(const VerifiedChains::Digest& trust,
                                                 const std::string& identity,
                                                 const stack_st_X509* sent);

 private:
  bool begin();
  bool add(const void* bytes, std::size_t size);
  bool add_certificates(const stack_st_X509* certificates);
  std::optional<VerifiedChains::Digest> end(bool well);

  evp_md_ctx_st* context_;
  evp_md_st* sha256_;
};

}  // namespace nospof::probes
