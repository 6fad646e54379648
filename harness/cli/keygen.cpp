#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "evidence/keys.hpp"

namespace nospof::cli {

int keygen_command(const std::string& prefix) {
  const evidence::KeyFiles files = evidence::write_key_pair(prefix);
  fmt::print(
      "{}: private, for `nospof prove --sign` and `nospof bundle --sign`; keep it to yourself\n"
      "{}: public, for whoever runs `nospof verify --key`\n"
      "key id {}\n",
      files.private_path, files.public_path, files.id);
  return 0;
}

}  // namespace nospof::cli
