#pragma once
// What a prober says in one line (agent/prober.hpp has the format), taken apart. Pure.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "kinds/finding.hpp"
#include "kinds/operation.hpp"
#include "kinds/sample.hpp"

namespace nospof::control {

/// Whom to tell what a prober says; `of` is a probe's name. What is not set is not listened to.
struct ProberEvents {
  std::function<void(const std::string& of, const std::vector<kinds::Sample>&)> samples = {};
  std::function<void(const std::string& of, std::int64_t worst_ns)> lateness = {};
  std::function<void(const std::string& of, const kinds::Finding&)> found = {};
  std::function<void(const std::string& of, const kinds::Round&)> looked = {};
  std::function<void(const std::string& of, const std::vector<kinds::Expectation>&)> expects = {};
  std::function<void(const std::string& of, const std::vector<std::size_t>& places)> decided = {};
  std::function<void(const std::string& of, const std::vector<kinds::Operation>&)> operated = {};
};

struct ProberState {
  std::optional<std::string> error;        ///< why it, or one of its probes, has ended
  bool done = false;                       ///< this was its last line
  std::optional<std::int64_t> clock = {};  ///< which question after the time it answers
};

/// Tells what the line says. Throws an exception (Boost.JSON's, std::out_of_range or Error) at what
/// no prober says; what stood before that in the line is told already.
ProberState take_prober_message(const boost::json::object& message, const ProberEvents& events);

}  // namespace nospof::control
