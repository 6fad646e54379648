// A run's folder whose events are what is fuzzed: read, judged, and reported in every form.

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "report/report.hpp"
#include "system/check.hpp"
#include "tests/fuzz/targets.hpp"

namespace {

/// One folder for all of this process, gone at its end.
class Folder {
 public:
  Folder() : path_(fmt::format("/tmp/nospof-fuzz-{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

namespace nospof::fuzz {

void run(std::string_view bytes) {
  static const Folder folder;
  std::ofstream(folder.path() + "/events.ndjson", std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  try {
    report::write_reports(folder.path());
  } catch (const Error&) {
  }
}

}  // namespace nospof::fuzz
