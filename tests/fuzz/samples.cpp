// Sample files of a run's folder.

#include "kinds/sample_file.hpp"
#include "system/check.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

namespace nospof::fuzz {

void samples(std::string_view bytes) {
  const MemoryFile file(bytes);
  try {
    kinds::SampleFileReader reader(file.path());
    while (const auto sample = reader.next())
      kinds::csv_line(*sample, reader.wall_minus_mono(), "https");
  } catch (const Error&) {
  }
}

}  // namespace nospof::fuzz
