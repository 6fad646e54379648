// What a topology says of failures that several components share, and of how often things fail.

#include <algorithm>

#include "spec/topology_table.hpp"

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

Format<std::string> tier_name() {
  return reference(
      "tier", [](const Topology& topology) { return names_of(topology.tiers); }, true);
}

void check_common_cause(Context& context, const Node& node, CommonCause& cause) {
  for (const CommonCause& other : context.known->common_causes) {
    if (other.name == cause.name)
      context.problem(node.mark_of("name"),
                      fmt::format("{}: the name '{}' is taken by line {}", context.subject,
                                  cause.name, other.mark.line));
    for (const std::string& host : cause.on)
      if (other.service == cause.service && std::ranges::count(other.on, host) > 0)
        context.problem(node.mark_of("on"),
                        fmt::format("{}: {} is in common cause '{}' of line {} already; one "
                                    "component has one share",
                                    context.subject, quote(host), other.name, other.mark.line));
  }
  if (cause.on.size() < 2)
    context.problem(
        node.mark_of("on"),
        fmt::format("{}: expected at least two hosts, which fail together", context.subject));
  if (!context.sound({"services", "hosts", "tiers"})) return;
  for (const std::string& name : cause.on) {
    const Host* host = context.known->find_host(name);
    if (host == nullptr || cause.service.empty()) continue;
    if (std::ranges::count(host->services, cause.service) == 0)
      context.problem(node.mark_of("service"),
                      fmt::format("{}: service '{}' does not run on host '{}'", context.subject,
                                  cause.service, name));
  }
}

void check_function(Context& context, const Node& node, UserFunction& function) {
  const auto check = [&](const std::vector<std::string>& names, std::string_view key) {
    for (const std::string& name : names)
      if (!function.tiers.empty() && std::ranges::count(function.tiers, name) == 0)
        context.problem(node.mark_of(key), fmt::format("{}: tier '{}' is not among its 'tiers'",
                                                       context.subject, name));
  };
  check(function.majority, "majority");
  check(function.any, "any");
  for (const std::string& name : function.any)
    if (std::ranges::count(function.majority, name) > 0)
      context.problem(
          node.mark_of("any"),
          fmt::format("{}: tier '{}' stands in both 'majority' and 'any'", context.subject, name));
}

Format<MeanTimes> times_format(const char* mtbf, const char* mttr) {
  return object<MeanTimes>({
      {
          optional("mtbf", &MeanTimes::mtbf, mtbf_format(), mtbf, "Mean time between failures."),
          optional("mttr", &MeanTimes::mttr, mttr_format(), mttr, "Mean time to repair."),
      },
      nullptr,
  });
}

/// A part of `reliability`, with its defaults also when it is left out.
Field<Reliability> part(const std::string& key, MeanTimes Reliability::*member, const char* mtbf,
                        const char* mttr, const std::string& doc) {
  return optional(key, member, times_format(mtbf, mttr), "", doc);
}

}  // namespace

Format<std::optional<Duration>> mtbf_format() {
  return maybe(duration(1h, 24h * 36500));
}

Format<std::optional<Duration>> mttr_format() {
  return maybe(duration(1s, 24h * 365));
}

Format<std::vector<SharedDependency>> shared_format() {
  const std::vector<std::string> kinds = {"network-segment", "certificate-authority", "dns",
                                          "power",           "configuration",         "software",
                                          "monitoring"};
  Section<SharedDependency> dependency{
      {
          required("name", &SharedDependency::name, name("dependency name"), "Unique in the list."),
          required("kind", &SharedDependency::kind, one_of_texts(kinds),
                   "What sort of thing it is."),
          required("used_by", &SharedDependency::used_by, host_names(), "Hosts that depend on it."),
          optional("tested", &SharedDependency::tested, boolean(), "false",
                   "Whether a proof breaks it; if not, it is reported as an assumption."),
          optional("note", &SharedDependency::note, text(0, 500), "", "Stands in the report."),
      },
      [](Context& context, const Node& node, SharedDependency& found) {
        for (const SharedDependency& other : context.known->shared) {
          if (other.name != found.name) continue;
          context.problem(node.mark_of("name"),
                          fmt::format("{}: the name '{}' is taken by line {}", context.subject,
                                      found.name, other.mark.line));
        }
      },
  };
  for (auto& item : mean_time_fields<SharedDependency>("shared"))
    dependency.fields.push_back(std::move(item));
  return list_of(object(dependency), 0, "shared dependency");
}

Format<std::vector<CommonCause>> common_causes_format() {
  const Section<CommonCause> cause{
      {
          required("name", &CommonCause::name, name("common cause name"), "Unique in the list."),
          required("on", &CommonCause::on, host_names(), "Hosts that fail together."),
          optional("service", &CommonCause::service, service_name(), "",
                   "The service of theirs that fails; without it the hosts themselves."),
          required("beta", &CommonCause::beta, percent(),
                   "Share of their failures that hits all of them at once (beta factor)."),
          optional("note", &CommonCause::note, text(0, 500), "", "Stands in the report."),
      },
      check_common_cause,
  };
  return list_of(object(cause), 0, "common cause");
}

Format<std::vector<UserFunction>> functions_format() {
  const Section<UserFunction> function{
      {
          optional("tiers", &UserFunction::tiers, distinct(tier_name(), 1), "",
                   "Tiers it takes; without it those that traffic of the workload reaches by the "
                   "flows."),
          optional("majority", &UserFunction::majority, distinct(tier_name()), "",
                   "Tiers of which more than half of the hosts must serve, even if `needs` is "
                   "less."),
          optional("any", &UserFunction::any, distinct(tier_name()), "",
                   "Tiers of which one host is enough for it, even if `needs` is more."),
      },
      check_function,
  };
  return map_of("function", name("function name", 20), object(function), 1);
}

Format<Reliability> reliability_format() {
  return object<Reliability>({
      {
          part("host", &Reliability::host, "365d", "4h", "Of a host without its services."),
          part("service", &Reliability::service, "90d", "10m", "Of one service on one host."),
          part("link", &Reliability::link, "1825d", "4h",
               "Of a host's link to the network, its port on the switch included."),
          part("zone", &Reliability::zone, "1825d", "4h",
               "Of a zone: its power, its cooling, its way out."),
          part("shared", &Reliability::shared, "1825d", "4h", "Of an entry of `shared`."),
      },
      nullptr,
  });
}

}  // namespace nospof::spec
