#pragma once
// tls-terminate: who only passed TLS through ends it, with a certificate of its own.

#include <memory>

#include "kinds/fault.hpp"

namespace nospof::faults {

/// For the registry.
std::unique_ptr<kinds::FaultKind> make_tls_terminate();

}  // namespace nospof::faults
