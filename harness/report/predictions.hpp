#pragma once
// What the topology's fault tree predicted of a proof's cells, held against what was seen.

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "verdict/judge.hpp"

namespace nospof::report {

/// Counts of predicted x observed, and the cells that disagree.
boost::json::object predictions_json(const verdict::RunResult& result);
/// A section with the matrix and a list; empty when nothing was predicted.
std::string predictions_markdown(const verdict::RunResult& result);
/// Lines for a terminal, each on its own, without indentation; empty when nothing was predicted.
std::vector<std::string> predictions_lines(const verdict::RunResult& result);

}  // namespace nospof::report
