#pragma once
// SHA-256 over named texts. Internal to spec.

#include <memory>
#include <string>
#include <string_view>

namespace nospof::spec {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  /// Adds a text with its name and length, so that no two lists of texts give the same sum.
  void add(std::string_view name, std::string_view text);
  /// Lower case hex; to be called once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nospof::spec
