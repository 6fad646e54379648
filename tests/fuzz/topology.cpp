// Topology files, as users write them. Files that they name are looked for where the malformed ones
// among the tests have theirs, and where a whole stack has its own.

#include <string>

#include <fmt/format.h>

#include "spec/reader.hpp"
#include "tests/fuzz/targets.hpp"

namespace nospof::fuzz {

void topology(std::string_view bytes) {
  const std::string text(bytes);
  for (const char* beside : {"tests/malformed", "experiments/three-tier"}) {
    try {
      spec::read_topology_text(text,
                               fmt::format("{}/{}/fuzzed.yaml", NOSPOF_SOURCE_FOLDER, beside));
    } catch (const spec::SpecError&) {
    }
  }
}

}  // namespace nospof::fuzz
