#pragma once
// SHA-256 over named texts. Internal to spec.

#include <string>
#include <string_view>

#include "system/digest.hpp"

namespace nospof::spec {

class Sha256 {
 public:
  /// Adds a text with its name and length, so that no two lists of texts give the same sum.
  void add(std::string_view name, std::string_view text);
  /// Lower case hex; to be called once.
  std::string hex() { return digest_.hex(); }

 private:
  Digest digest_;
};

}  // namespace nospof::spec
