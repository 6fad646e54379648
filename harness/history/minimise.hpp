#pragma once
// Makes a violation small enough to be read.

#include <vector>

#include "history/linearize.hpp"

namespace nospof::history {

/// Operations on one register that are not linearizable -> as few of them as can be found that are
/// not either, by invocation. First what comes after the shortest part from the beginning that
/// fails goes (operations that return later stay as unfinished ones), then one group after the
/// other, while the rest still fails.
///
/// What is left is a violation of the whole history too: an operation only goes together with all
/// that may have seen the value it leaves, and nobody may have who was invoked after another
/// operation, which stays, had overwritten it. So an order for all operations would be one for the
/// rest as well: whose value one of the rest saw stands in front of it there too.
///
/// `limits`, and three million states, bound all searches together; when they are used up, the
/// smallest so far is returned.
std::vector<Operation> smallest_violation(std::vector<Operation> operations, const Limits& limits);

}  // namespace nospof::history
