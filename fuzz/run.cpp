// A run's folder whose events are what is fuzzed: read, judged, and reported in every form.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fuzz/scratch.hpp"
#include "report/report.hpp"
#include "system/check.hpp"

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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::ofstream(folder.path() + "/events.ndjson", std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    nospof::report::write_reports(folder.path());
  } catch (const nospof::Error&) {
  }
  return 0;
}
