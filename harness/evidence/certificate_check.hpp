#pragma once
// How whoever bundles or verifies a run's certificate checks it, without a part of the analysis
// here.

#include <functional>
#include <string>
#include <vector>

#include "spec/topology.hpp"

namespace nospof::evidence {

/// What in a certificate (its text) does not follow from the topology, one sentence each.
using CertificateCheck =
    std::function<std::vector<std::string>(const std::string&, const spec::Topology&)>;

}  // namespace nospof::evidence
