#pragma once
// Which allowed routes were used before any fault, in all renderings of a run.

#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "verdict/lineage.hpp"

namespace nospof::report {

/// null when nothing is known.
boost::json::value lineage_json(const verdict::Lineage& lineage);
/// A section; empty when nothing is known.
std::string lineage_markdown(const verdict::Lineage& lineage);
/// How many routes were used, and one line for each flow with idle ones; empty when nothing is
/// known.
std::vector<std::string> lineage_lines(const verdict::Lineage& lineage);

}  // namespace nospof::report
