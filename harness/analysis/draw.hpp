#pragma once
// A fault tree as a picture's source.

#include <string>

#include "analysis/fault_tree.hpp"

namespace nospof::analysis {

/// For Graphviz: `dot -Tsvg`. Only what the top event depends on.
std::string dot_text(const FaultTree& tree);

/// For Mermaid (a flowchart), as it stands in Markdown.
std::string mermaid_text(const FaultTree& tree);

}  // namespace nospof::analysis
