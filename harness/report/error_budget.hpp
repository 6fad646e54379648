#pragma once
// What the requests and the passes of a run say in sum, as result.json has it (docs/result.md).

#include <boost/json/value.hpp>

#include "verdict/judge.hpp"

namespace nospof::report {

/// `error_budget`: of the run, and of the cell that burns it fastest; null without an SLO.
boost::json::value error_budget_json(const verdict::RunResult& result);

/// `bound`: what the passes say about cells like them; null when there is no such bound.
boost::json::value bound_json(const verdict::RunResult& result);

}  // namespace nospof::report
