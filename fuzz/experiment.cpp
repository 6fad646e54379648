// Experiment files, as users write them, with some of the kinds of fault there are.

#include <cstdint>

#include "faults/exec.hpp"
#include "faults/netem.hpp"
#include "faults/partition.hpp"
#include "faults/process_kill.hpp"
#include "spec/reader.hpp"

namespace {

nospof::spec::Catalogue some_kinds() {
  nospof::spec::Catalogue catalogue;
  catalogue.faults.push_back(nospof::faults::make_process_kill()->info());
  catalogue.faults.push_back(nospof::faults::make_partition()->info());
  catalogue.faults.push_back(nospof::faults::make_netem()->info());
  catalogue.faults.push_back(nospof::faults::make_exec()->info());
  return catalogue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const nospof::spec::Catalogue catalogue = some_kinds();
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    nospof::spec::read_experiment_text(text, NOSPOF_SOURCE_FOLDER "/tests/malformed/fuzzed.yaml",
                                       catalogue);
  } catch (const nospof::spec::SpecError&) {
  }
  return 0;
}
