// What says something about a stack and is no topology of ours: fault trees and their certificates,
// saved plans, and the files that topologies are imported from. The first byte says which.

#include <cstdlib>
#include <string>

#include "analysis/certificate.hpp"
#include "analysis/mef.hpp"
#include "control/plan.hpp"
#include "importers/importers.hpp"
#include "spec/problems.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "tests/fuzz/targets.hpp"

namespace {

using namespace nospof;

// What we write ourselves we must be able to read.
void fault_tree(const std::string& text) {
  const analysis::FaultTree tree = analysis::read_mef_text(text, "fuzzed.xml");
  const std::string written = analysis::mef_text(tree);
  try {
    analysis::read_mef_text(written, "written.xml");
  } catch (const spec::SpecError&) {
    std::abort();
  }
}

void certificate(const std::string& text) {
  static const analysis::FaultTree tree =
      analysis::read_mef(NOSPOF_SOURCE_FOLDER "/tests/program/mef/three-tier.xml");
  analysis::verify(tree, analysis::parse_certificate(text, "fuzzed.json"));
}

// A plan knows its topology by a hash, which the fuzzer need not guess.
void plan(const std::string& text) {
  static spec::Topology topology =
      spec::read_topology(NOSPOF_SOURCE_FOLDER "/experiments/single-web/topology.yaml");
  topology.sha256 = "0";
  spec::KindInfo crash{"host-crash", "It is gone.", spec::TargetType::host, {}, {}};
  crash.prove_variants = {{"", {}}};
  spec::Catalogue catalogue;
  catalogue.faults = {crash};
  control::campaign_of_plan(text, "fuzzed.json", topology, catalogue);
}

// A skeleton is a valid topology, whatever it was made of.
void skeleton(const std::string& text, const std::string& file, importers::Source source) {
  const std::string made = importers::import_text(text, file, source);
  try {
    spec::read_topology_text(made, NOSPOF_SOURCE_FOLDER "/tests/malformed/fuzzed.yaml");
  } catch (const spec::SpecError&) {
    std::abort();
  }
}

void read_as(char kind, const std::string& text) {
  switch (kind) {
    case '0':
      return fault_tree(text);
    case '1':
      return certificate(text);
    case '2':
      return plan(text);
    case '3':
      return skeleton(text, "compose.yaml", importers::Source::compose);
    case '4':
      return skeleton(text, "inventory.ini", importers::Source::ansible);
    case '5':
      return skeleton(text, "inventory.yaml", importers::Source::ansible);
    default:
      return skeleton(text, "topology.clab.yml", importers::Source::containerlab);
  }
}

}  // namespace

namespace nospof::fuzz {

void stack(std::string_view bytes) {
  if (bytes.empty()) return;
  try {
    read_as(bytes.front(), std::string(bytes.substr(1)));
  } catch (const Error&) {
  }
}

}  // namespace nospof::fuzz
