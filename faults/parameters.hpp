#pragma once
// Reading a fault's parameters: on the controller as checked values, on the agent as JSON. Both
// sides refuse what they don't know, with an Error that names the fault and the parameter.

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kinds/fault.hpp"

namespace nospof::faults {

namespace json = boost::json;

/// The parameters of a placement, on the agent. Whoever takes values out calls done() at the end.
class PlacementReader {
 public:
  PlacementReader(std::string kind, const json::object& parameters)
      : kind_(std::move(kind)), parameters_(parameters) {}

  std::string text(const std::string& name);  ///< required, not empty
  std::string text_or(const std::string& name, const std::string& fallback);
  std::string text_or_empty(const std::string& name);
  bool boolean_or(const std::string& name, bool fallback);
  std::vector<json::object> objects(const std::string& name);  ///< required, may be empty
  std::optional<json::object> object_or_none(const std::string& name);
  std::vector<std::string> texts_or_none(const std::string& name);
  /// A whole number, or `fallback` when it is not there; refused outside [least, most].
  std::int64_t integer_or(const std::string& name, std::int64_t fallback, std::int64_t least,
                          std::int64_t most);
  /// The same for any number: a share from 0 to 1, for instance.
  double number_or(const std::string& name, double fallback, double least, double most);
  /// The reserved "duration_ms": how long the fault is to be in force. Required, above zero.
  std::chrono::milliseconds duration();
  /// Throws when there is a parameter that nobody asked for ("duration_ms" is always allowed).
  void done() const;
  [[noreturn]] void refuse(const std::string& name, const std::string& why) const;

 private:
  const json::value* take(const std::string& name);

  std::string kind_;
  const json::object& parameters_;
  std::set<std::string> known_;
};

/// The parameters of a plan, on the controller: checked against the kind's table, defaults filled
/// in.
class PlanReader {
 public:
  PlanReader(const spec::KindInfo& info, const spec::Parameters& given);

  std::string text(const std::string& name) const;
  bool boolean(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  /// These read the default text where nothing was given; without one it is 0.
  std::int64_t integer(const std::string& name) const;
  spec::Duration duration(const std::string& name) const;
  double share(const std::string& name) const;  ///< of a percentage: 0 to 1
  spec::Bandwidth bandwidth(const std::string& name) const;
  bool given(const std::string& name) const;  ///< whether the experiment says it

 private:
  const spec::ParameterInfo& declared(const std::string& name) const;

  const spec::KindInfo& info_;
  const spec::Parameters& given_;
};

/// The hosts of these names; at least one, none twice, all of them in the stack.
std::vector<const kinds::StackHost*> resolve_targets(const spec::KindInfo& info,
                                                     const std::vector<std::string>& targets,
                                                     const kinds::StackView& stack);

/// resolve_targets() for a fault on a service: every one of them must run it.
std::vector<const kinds::StackHost*> resolve_service_targets(
    const spec::KindInfo& info, const std::vector<std::string>& targets, const std::string& service,
    const kinds::StackView& stack);

/// Throws when a fault on hosts was given a service.
void refuse_service(const spec::KindInfo& info, const std::string& service);

/// The environment's clock, or this machine's.
const Clock& clock_of(const kinds::HostEnv& env);

}  // namespace nospof::faults
