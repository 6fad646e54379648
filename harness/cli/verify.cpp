#include "evidence/verify.hpp"

#include <fmt/format.h>

#include "analysis/stack_certificate.hpp"
#include "cli/verbs.hpp"
#include "control/plan_check.hpp"

namespace nospof::cli {

namespace {

constexpr int exit_not_verified = 1;

void print_statement(const evidence::Verification& found) {
  fmt::print("  key       {}\n  topology  {}, hash {}\n  verdict   {}, exit code {}\n\n{}\n",
             found.key_id, found.topology, found.topology_sha256, found.verdict, found.exit_code,
             found.claim);
  fmt::print("\nNot covered:\n");
  for (const std::string& sentence : found.not_covered) fmt::print("  - {}\n", sentence);
}

}  // namespace

int verify_command(const std::string& bundle, const std::string& key_file,
                   const kinds::Registry& registry) {
  const evidence::PublicKey key = evidence::read_public_key(key_file);
  const spec::Catalogue catalogue = registry.catalogue();
  evidence::Checks checks;
  checks.version = std::string("nospof ") + NOSPOF_VERSION;
  checks.plan = [&](const spec::Topology& topology, const verdict::RunRecord& run) {
    return control::check_plan(topology, catalogue, run);
  };
  checks.certificate = analysis::verify_stack_certificate;
  const evidence::Verification found = evidence::verify_bundle(bundle, key, checks);
  for (const std::string& note : found.notes) fmt::print(stderr, "note: {}\n", note);
  if (!found.good()) {
    fmt::print("{}: NOT verified\n", bundle);
    for (const std::string& failure : found.failures) fmt::print(stderr, "{}\n", failure);
    return exit_not_verified;
  }
  fmt::print(
      "{}: verified: signed with the key, {} files unchanged, and what it states follows from "
      "them\n",
      bundle, found.files);
  print_statement(found);
  return 0;
}

}  // namespace nospof::cli
