#include "spec/sha256.hpp"

#include <fmt/format.h>

namespace nospof::spec {

void Sha256::add(std::string_view name, std::string_view text) {
  digest_.add(fmt::format("{} {}\n", name, text.size()));
  digest_.add(text);
}

}  // namespace nospof::spec
