// Sample files of a run's folder.

#include <sstream>

#include "fuzz/scratch.hpp"
#include "kinds/sample_file.hpp"
#include "system/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nospof::fuzz::MemoryFile file(data, size);
  try {
    std::ostringstream csv;
    nospof::kinds::write_csv(nospof::kinds::read_sample_file(file.path()), csv);
  } catch (const nospof::Error&) {
  }
  return 0;
}
