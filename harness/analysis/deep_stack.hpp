#pragma once
// Recursion along diagrams is as deep as they have variables: tens of thousands. Internal to
// analysis.

#include <cstddef>
#include <functional>

namespace nospof::analysis {

/// Runs what may call itself `depth` times: when that is a lot, on a stack of 1 GiB address space,
/// of which only what is used takes memory. Hands on what it throws.
void run_on_deep_stack(std::size_t depth, const std::function<void()>& work);

}  // namespace nospof::analysis
