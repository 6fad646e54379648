#pragma once
// The matrices of a run, as reports show them.

#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "verdict/matrices.hpp"

namespace nospof::report {

/// As in result.json, see docs/result.md; null when no probe told what it looks at.
boost::json::value matrices_json(const verdict::Matrices& matrices);
/// A section; empty when no probe told.
std::string matrices_markdown(const verdict::Matrices& matrices);
/// For people, a line for each kind of probe and one for each kind of difference; the whole of it
/// is in result.json.
std::vector<std::string> matrices_lines(const verdict::Matrices& matrices);

}  // namespace nospof::report
