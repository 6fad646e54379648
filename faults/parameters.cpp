#include "faults/parameters.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "system/check.hpp"

namespace nospof::faults {

namespace {
constexpr const char* duration_key = "duration_ms";
}

void PlacementReader::refuse(const std::string& name, const std::string& why) const {
  throw Error(fmt::format("{}: parameter '{}' {}", kind_, name, why));
}

const json::value* PlacementReader::take(const std::string& name) {
  known_.insert(name);
  return parameters_.if_contains(name);
}

std::string PlacementReader::text(const std::string& name) {
  const json::value* value = take(name);
  if (value == nullptr) refuse(name, "is missing");
  if (!value->is_string()) refuse(name, "must be a text");
  if (value->get_string().empty()) refuse(name, "must not be empty");
  return std::string(value->get_string());
}

std::string PlacementReader::text_or(const std::string& name, const std::string& fallback) {
  return take(name) == nullptr ? fallback : text(name);
}

std::string PlacementReader::text_or_empty(const std::string& name) {
  const json::value* value = take(name);
  if (value == nullptr) return {};
  if (!value->is_string()) refuse(name, "must be a text");
  return std::string(value->get_string());
}

bool PlacementReader::boolean_or(const std::string& name, bool fallback) {
  const json::value* value = take(name);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) refuse(name, "must be true or false");
  return value->get_bool();
}

std::vector<json::object> PlacementReader::objects(const std::string& name) {
  const json::value* value = take(name);
  if (value == nullptr) refuse(name, "is missing");
  if (!value->is_array()) refuse(name, "must be a list");
  std::vector<json::object> found;
  for (const json::value& entry : value->get_array()) {
    if (!entry.is_object()) refuse(name, "must be a list of objects");
    found.push_back(entry.get_object());
  }
  return found;
}

std::optional<json::object> PlacementReader::object_or_none(const std::string& name) {
  const json::value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) refuse(name, "must be an object");
  return value->get_object();
}

std::vector<std::string> PlacementReader::texts_or_none(const std::string& name) {
  std::vector<std::string> found;
  const json::value* value = take(name);
  if (value == nullptr) return found;
  if (!value->is_array()) refuse(name, "must be a list");
  for (const json::value& entry : value->get_array()) {
    if (!entry.is_string()) refuse(name, "must be a list of texts");
    found.emplace_back(entry.get_string());
  }
  return found;
}

std::int64_t PlacementReader::integer_or(const std::string& name, std::int64_t fallback,
                                         std::int64_t least, std::int64_t most) {
  const json::value* value = take(name);
  if (value == nullptr) return fallback;
  boost::system::error_code failure;
  const auto number = value->to_number<std::int64_t>(failure);
  if (failure || number < least || number > most)
    refuse(name, fmt::format("must be a whole number from {} to {}", least, most));
  return number;
}

double PlacementReader::number_or(const std::string& name, double fallback, double least,
                                  double most) {
  const json::value* value = take(name);
  if (value == nullptr) return fallback;
  boost::system::error_code failure;
  const auto number = value->to_number<double>(failure);
  // Written so that NaN is refused too.
  if (failure || !(number >= least && number <= most))
    refuse(name, fmt::format("must be a number from {} to {}", least, most));
  return number;
}

std::chrono::milliseconds PlacementReader::duration() {
  const json::value* value = take(duration_key);
  if (value == nullptr) refuse(duration_key, "is missing (the controller sets it)");
  // A year: beyond it sums of nanoseconds would overflow.
  constexpr std::int64_t longest = 365LL * 24 * 3600 * 1000;
  boost::system::error_code failure;
  const auto count = value->to_number<std::int64_t>(failure);
  if (failure || count <= 0 || count > longest)
    refuse(duration_key, "must be a number of milliseconds above 0, at most a year");
  return std::chrono::milliseconds(count);
}

void PlacementReader::done() const {
  for (const auto& member : parameters_) {
    const std::string name(member.key());
    if (name == duration_key || known_.contains(name)) continue;
    refuse(name, known_.empty()
                     ? std::string("is unknown; this fault has none")
                     : fmt::format("is unknown; known are: {}", fmt::join(known_, ", ")));
  }
}

PlanReader::PlanReader(const spec::KindInfo& info, const spec::Parameters& given)
    : info_(info), given_(given) {
  for (const auto& [name, value] : given_) {
    const spec::ParameterInfo& parameter = declared(name);
    const std::string* text = std::get_if<std::string>(&value);
    const auto& choices = parameter.choices;
    if (text != nullptr && !choices.empty() &&
        std::find(choices.begin(), choices.end(), *text) == choices.end())
      throw Error(fmt::format("{}: parameter '{}' is '{}', but must be one of: {}", info_.name,
                              name, *text, fmt::join(choices, ", ")));
  }
}

const spec::ParameterInfo& PlanReader::declared(const std::string& name) const {
  for (const spec::ParameterInfo& parameter : info_.parameters)
    if (parameter.name == name) return parameter;
  std::vector<std::string> known;
  for (const spec::ParameterInfo& parameter : info_.parameters) known.push_back(parameter.name);
  throw Error(fmt::format("{}: parameter '{}' is unknown; {}", info_.name, name,
                          known.empty() ? std::string("this fault has none")
                                        : fmt::format("known are: {}", fmt::join(known, ", "))));
}

namespace {
template <typename T>
const T* value_of(const spec::KindInfo& info, const spec::Parameters& given,
                  const std::string& name, const char* what) {
  const auto found = given.find(name);
  if (found == given.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr)
    throw Error(fmt::format("{}: parameter '{}' must be {}", info.name, name, what));
  return value;
}
}  // namespace

std::string PlanReader::text(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<std::string>(info_, given_, name, "a text");
  return value != nullptr ? *value : fallback;
}

bool PlanReader::boolean(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<bool>(info_, given_, name, "true or false");
  return value != nullptr ? *value : fallback == "true";
}

std::vector<std::string> PlanReader::texts(const std::string& name) const {
  declared(name);
  const auto* value = value_of<std::vector<std::string>>(info_, given_, name, "a list of texts");
  return value != nullptr ? *value : std::vector<std::string>{};
}

std::int64_t PlanReader::integer(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<std::int64_t>(info_, given_, name, "a whole number");
  if (value != nullptr) return *value;
  return fallback.empty() ? 0 : std::stoll(fallback);
}

spec::Duration PlanReader::duration(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<spec::Duration>(info_, given_, name, "a duration");
  if (value != nullptr) return *value;
  return spec::parse_duration(fallback).value_or(spec::Duration{0});
}

double PlanReader::share(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<spec::Percent>(info_, given_, name, "a percentage");
  if (value != nullptr) return value->fraction;
  return spec::parse_percent(fallback).value_or(spec::Percent{}).fraction;
}

spec::Bandwidth PlanReader::bandwidth(const std::string& name) const {
  const std::string& fallback = declared(name).default_text;
  const auto* value = value_of<spec::Bandwidth>(info_, given_, name, "a bandwidth");
  if (value != nullptr) return *value;
  return spec::parse_bandwidth(fallback).value_or(spec::Bandwidth{});
}

bool PlanReader::given(const std::string& name) const {
  declared(name);
  return given_.contains(name);
}

std::vector<const kinds::StackHost*> resolve_targets(const spec::KindInfo& info,
                                                     const std::vector<std::string>& targets,
                                                     const kinds::StackView& stack) {
  if (targets.empty()) throw Error(fmt::format("{}: no target given; name a host", info.name));
  std::vector<const kinds::StackHost*> hosts;
  std::set<std::string> seen;
  for (const std::string& name : targets) {
    if (!seen.insert(name).second)
      throw Error(fmt::format("{}: target '{}' is given twice", info.name, name));
    hosts.push_back(&stack.host(name));
  }
  return hosts;
}

std::vector<const kinds::StackHost*> resolve_service_targets(
    const spec::KindInfo& info, const std::vector<std::string>& targets, const std::string& service,
    const kinds::StackView& stack) {
  if (service.empty())
    throw Error(fmt::format("{}: acts on a service, but none is given", info.name));
  std::vector<const kinds::StackHost*> hosts = resolve_targets(info, targets, stack);
  for (const kinds::StackHost* host : hosts) {
    const auto& services = host->services;
    if (std::find(services.begin(), services.end(), service) == services.end())
      throw Error(fmt::format(
          "{}: host '{}' does not run service '{}'; it runs: {}", info.name, host->name, service,
          services.empty() ? std::string("none") : fmt::format("{}", fmt::join(services, ", "))));
  }
  return hosts;
}

void refuse_service(const spec::KindInfo& info, const std::string& service) {
  if (!service.empty())
    throw Error(
        fmt::format("{}: acts on a whole host; leave out service '{}'", info.name, service));
}

const Clock& clock_of(const kinds::HostEnv& env) {
  static const SystemClock system_clock;
  return env.clock != nullptr ? *env.clock : system_clock;
}

}  // namespace nospof::faults
