#pragma once
// The certificates (analysis/certificate.hpp) of everything that users do with a stack, as one
// file: what a proof's evidence has of the static analysis. docs/evidence.md has the format.

#include <string>
#include <vector>

#include "spec/topology.hpp"

namespace nospof::analysis {

/// Of each function's tree of the claim. Empty when the topology does not tell how users get in.
/// Throws Error as certify() and compile() do.
std::string stack_certificate(const spec::Topology& topology);

/// What in the text does not follow from the topology, one sentence each; empty: all of it does,
/// and no function of the topology is without its certificate. The trees are compiled anew; what
/// found the path sets is not trusted.
std::vector<std::string> verify_stack_certificate(const std::string& text,
                                                  const spec::Topology& topology);

}  // namespace nospof::analysis
