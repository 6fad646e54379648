#pragma once
// Histograms as JSON (docs/result.md), so that those of several runs can be added up.

#include <boost/json/object.hpp>

#include "verdict/histogram.hpp"

namespace nospof::report {

boost::json::object histogram_json(const verdict::Histogram& histogram);

}  // namespace nospof::report
