#pragma once
// Fault trees in the Open-PSA Model Exchange Format (S. Epstein, A. Rauzy: Open-PSA Model Exchange
// Format, version 2.0d, 2008), as XML. docs/analysis.md lists what of it is read.

#include <string>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

struct MefOptions {
  /// The gate or event to analyse; empty: the only gate that no other one uses.
  std::string top;
};

/// Throws spec::SpecError with everything that is wrong, each with its line.
FaultTree read_mef(const std::string& path, const MefOptions& options = {});
/// The same for a text that would stand at `path`.
FaultTree read_mef_text(const std::string& text, const std::string& path,
                        const MefOptions& options = {});

/// What the top event depends on. Common causes are written as what they were split into. Names
/// that are none in XML stand in an attribute "nospof-name", which read_mef() knows.
std::string mef_text(const FaultTree& tree);

}  // namespace nospof::analysis
