#pragma once
// A folder of a test's own, gone with it.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "system/check.hpp"

namespace nospof::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const std::string pattern = (std::filesystem::temp_directory_path() / "nospof-XXXXXX").string();
    path_ = pattern;
    if (::mkdtemp(path_.data()) == nullptr) check("mkdtemp " + pattern, -1);
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace nospof::test
