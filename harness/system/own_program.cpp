#include "system/own_program.hpp"

#include <filesystem>

#include <fcntl.h>

namespace nospof {

namespace {
std::string& chosen() {
  static std::string path = "/proc/self/exe";
  return path;
}
}  // namespace

UniqueFd open_own_program() {
  return open_file(chosen(), O_RDONLY);
}

std::string own_program_path() {
  std::error_code gone;
  const std::filesystem::path path = std::filesystem::canonical(chosen(), gone);
  return gone ? std::string() : path.string();
}

void set_own_program(const std::string& path) {
  chosen() = path;
}

}  // namespace nospof
