#pragma once
// The command line: parses it and calls the verb.

#include "kinds/registry.hpp"

namespace nospof::cli {

/// Returns the exit code: 0 pass; 1 violated; 2 bad input or usage; 3 inconclusive; 4 a capability
/// is missing; 5 healing incomplete; 130/143 interrupted and healed.
int main(int argc, char** argv, const kinds::Registry& registry);

}  // namespace nospof::cli
