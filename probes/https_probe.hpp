#pragma once
// The https probe, ready to run; https.hpp says what it does.

#include <memory>

#include "kinds/probe.hpp"
#include "probes/https_config.hpp"

namespace nospof::probes {

/// Resolves the host and reads the authority file; throws Error when one of them cannot be had.
std::unique_ptr<kinds::Probe> make_https_probe(HttpsConfig config);

}  // namespace nospof::probes
