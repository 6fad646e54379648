#pragma once
// OpenSSL's contexts of looks, kept from one look to the next: to make one costs several times as
// much as the handshake itself.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

struct ssl_ctx_st;

namespace nospof {

struct TlsLookAt;

/// Not for several threads at once.
class TlsContexts {
 public:
  /// What offers, shows and trusts what `at` says. A file that was written or replaced since it was
  /// read is read again. Throws Error when a file can't be used.
  std::shared_ptr<ssl_ctx_st> of(const TlsLookAt& at);

 private:
  /// device, inode, size, modified ns, changed ns; all zero: no such file
  using FileState = std::array<std::int64_t, 5>;
  /// Authority, certificate, key, offer.
  using Key = std::tuple<std::string, std::string, std::string, int>;
  struct Kept {
    std::array<FileState, 3> files{};
    std::shared_ptr<ssl_ctx_st> context;
  };
  static FileState state_of(const std::string& path);

  std::map<Key, Kept> kept_;
};

}  // namespace nospof
