#pragma once
// JSON for files that people read and compare too: Boost.JSON writes everything on one line.

#include <string>

#include <boost/json/value.hpp>

namespace nospof {

/// Indented by two, with a newline at the end. A list of numbers stays on one line, since that of a
/// histogram is long.
std::string pretty_json(const boost::json::value& value);

}  // namespace nospof
