#include <filesystem>

#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "evidence/keys.hpp"
#include "system/check.hpp"

namespace nospof::cli {

int keygen_command(const std::string& prefix) {
  if (std::filesystem::path(prefix).filename().empty())
    throw Error(fmt::format(
        "keygen: --out '{}' names no file; give a name that the keys begin with", prefix));
  const evidence::KeyFiles files = evidence::write_key_pair(prefix);
  fmt::print(
      "{}: private, for `nospof prove --sign` and `nospof bundle --sign`; keep it to yourself\n"
      "{}: public, for whoever runs `nospof verify --key`\n"
      "key id {}\n",
      files.private_path, files.public_path, files.id);
  return 0;
}

}  // namespace nospof::cli
