// Topology files, as users write them. Files that they name are looked for beside those of the
// malformed ones among the tests.

#include <cstdint>

#include "spec/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    nospof::spec::read_topology_text(text, NOSPOF_SOURCE_FOLDER "/tests/malformed/fuzzed.yaml");
  } catch (const nospof::spec::SpecError&) {
  }
  return 0;
}
