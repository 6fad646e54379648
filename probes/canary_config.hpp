#pragma once
// The configuration of the plaintext-canary probe as a checked struct; plaintext_canary.hpp
// documents its JSON.

#include <cstddef>
#include <string>

#include <boost/json/object.hpp>

#include "system/clock.hpp"

namespace nospof::probes {

struct CanaryConfig {
  std::string marker;
  Nanoseconds quiet = std::chrono::seconds(5);
  std::size_t ring_bytes = std::size_t{8} * 1024 * 1024;
};

/// Throws Error naming the key, what stood there and what is expected.
CanaryConfig parse_canary_config(const boost::json::object& json);

}  // namespace nospof::probes
