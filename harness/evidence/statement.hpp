#pragma once
// The in-toto Statement about a run (docs/evidence.md has its fields): a pure function of the
// bundle's files, so that whoever has them can make it again and compare.

#include <span>
#include <string>

#include <boost/json/object.hpp>

#include "evidence/staging.hpp"
#include "verdict/judge.hpp"
#include "verdict/record.hpp"

namespace nospof::evidence {

/// https://github.com/in-toto/attestation, spec/v1/statement.md
inline constexpr const char* statement_uri = "https://in-toto.io/Statement/v1";
/// spec/predicates/test-result.md there
inline constexpr const char* predicate_uri = "https://in-toto.io/attestation/test-result/v0.1";

inline constexpr const char* result_name = "result.json";
inline constexpr const char* certificate_name = "certificate.json";
inline constexpr const char* topology_folder = "topology/";

struct StatementInput {
  const verdict::RunRecord& run;
  const verdict::RunResult& result;
  std::span<const StagedFile> files;
  std::string bundled_by;  ///< "nospof 0.1.0"
};
/// As it reads after it was written and parsed: numbers have the form that JSON gives them.
boost::json::object statement_of(const StatementInput& input);

/// "topology/topology.yaml": where in the bundle the topology is that the run names.
std::string topology_in_bundle(const verdict::RunRecord& run);

}  // namespace nospof::evidence
