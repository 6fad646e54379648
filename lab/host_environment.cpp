#include "lab/host_environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <unistd.h>

namespace nospof::lab {

std::vector<std::pair<std::string, std::string>> host_environment() {
  constexpr std::array<std::string_view, 10> kept{
      "NOSPOF_", "TERM=",  "COLUMNS=", "LINES=", "ASAN_",
      "LSAN_",   "UBSAN_", "TSAN_",    "GCOV_",  "LLVM_PROFILE_"};
  std::vector<std::pair<std::string, std::string>> variables{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", "/root"},
      {"LANG", "C.UTF-8"}};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool wanted = std::any_of(kept.begin(), kept.end(), [text](std::string_view start) {
      return text.starts_with(start);
    });
    const std::size_t equals = text.find('=');
    if (wanted && equals != std::string_view::npos)
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace nospof::lab
