#pragma once
// What a run proves in words that somebody can be held to, and what it does not.

#include <string>
#include <vector>

#include "verdict/judge.hpp"
#include "verdict/record.hpp"

namespace nospof::evidence {

/// One way in which cells of a run break something.
struct CatalogueEntry {
  std::string fault;
  std::string label;       ///< of a variant; empty for the only one
  std::string parameters;  ///< a JSON object
  std::size_t cells = 0;   ///< planned with it
};
/// Sorted by fault, label and parameters.
std::vector<CatalogueEntry> catalogue_of(const verdict::RunRecord& run);
/// SHA-256 over a line "FAULT LABEL PARAMETERS\n" for each entry, in that order.
std::string catalogue_sha256(const std::vector<CatalogueEntry>& catalogue);

/// For which topology, faults, workload and SLO; what was found; how many cells were executed how
/// often; and how sure that makes one of others.
std::string claim_text(const verdict::RunRecord& run, const verdict::RunResult& result);

/// What nobody may conclude from it, one sentence each.
std::vector<std::string> not_covered(const verdict::RunRecord& run,
                                     const verdict::RunResult& result);

}  // namespace nospof::evidence
