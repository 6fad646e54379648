// A run's folder whose events, and samples, are what is fuzzed: read, judged, and reported in every
// form. The samples begin where a sample file does.

#include <filesystem>
#include <fstream>

#include "kinds/sample_file.hpp"
#include "report/report.hpp"
#include "report/samples.hpp"
#include "system/check.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nospof;

namespace {

void write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void sum_up(const std::string& path) {
  kinds::SampleFileReader reader(path);
  report::SampleSummary summary({"https", reader.period(), reader.wall_minus_mono(), {}});
  while (const auto sample = reader.next()) summary.add(*sample);
  summary.table();
}

}  // namespace

namespace nospof::fuzz {

void run(std::string_view bytes) {
  static const test::TemporaryFolder folder;
  const std::size_t samples_at = std::min(bytes.find("NOSPOFS1"), bytes.size());
  const std::string samples = folder / "samples/https.bin";
  std::filesystem::create_directory(folder / "samples");
  write(folder / "events.ndjson", bytes.substr(0, samples_at));
  write(samples, bytes.substr(samples_at));
  try_to([] { report::write_reports(folder.path()); });
  try_to([&] { sum_up(samples); });
}

}  // namespace nospof::fuzz
