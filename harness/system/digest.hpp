#pragma once
// SHA-256 (FIPS 180-4) of files and texts as they are, as sha256sum(1) gives it.

#include <memory>
#include <string>
#include <string_view>

namespace nospof {

/// Takes what it is about in pieces. Throws Error when OpenSSL has no SHA-256.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(std::string_view bytes);
  /// 64 lower-case hexadecimal digits; to be called once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view bytes);

}  // namespace nospof
