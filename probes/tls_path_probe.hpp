#pragma once
// The tls-path probe, ready to run; tls_path.hpp says what it does.

#include <memory>

#include "kinds/probe.hpp"
#include "probes/tls_path_config.hpp"

namespace nospof::probes {

/// Reads the files of all targets once; throws Error when one can't be used.
std::unique_ptr<kinds::Probe> make_tls_path_probe(TlsPathConfig config);

}  // namespace nospof::probes
