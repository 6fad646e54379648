// Sample files of a run's folder.

#include "fuzz/scratch.hpp"
#include "kinds/sample_file.hpp"
#include "system/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nospof::fuzz::MemoryFile file(data, size);
  try {
    nospof::kinds::SampleFileReader reader(file.path());
    while (const auto sample = reader.next())
      nospof::kinds::csv_line(*sample, reader.wall_minus_mono());
  } catch (const nospof::Error&) {
  }
  return 0;
}
