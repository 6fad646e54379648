#pragma once
// Sizes as parameters of faults: texts such as 64MiB.

#include <cstdint>
#include <string>

namespace nospof::faults {

/// The bytes that a text says. Throws Error naming the fault and the parameter.
std::uint64_t size_parameter(const std::string& kind, const std::string& name,
                             const std::string& text);

}  // namespace nospof::faults
