#include "report/lineage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "report/text.hpp"
#include "spec/units.hpp"

namespace nospof::report {

namespace json = boost::json;

namespace {

std::size_t used_of(const verdict::Lineage& lineage) {
  std::size_t used = 0;
  for (const verdict::FlowUse& flow : lineage.flows) used += flow.used.size();
  return used;
}

std::size_t routes_of(const verdict::Lineage& lineage) {
  std::size_t routes = used_of(lineage);
  for (const verdict::FlowUse& flow : lineage.flows) routes += flow.idle.size();
  return routes;
}

// "app1 -> db3": the port is the flow's.
std::string without_port(const std::string& route) {
  return route.substr(0, route.rfind(':'));
}

std::string flow_line(const verdict::FlowUse& flow) {
  std::vector<std::string> idle;
  for (const std::string& route : flow.idle) idle.push_back(without_port(route));
  return fmt::format("{}: {} of {} routes used; idle: {}", flow.flow, flow.used.size(),
                     flow.used.size() + flow.idle.size(), some_of(idle));
}

}  // namespace

json::value lineage_json(const verdict::Lineage& lineage) {
  if (lineage.flows.empty()) return {};
  json::array flows;
  for (const verdict::FlowUse& flow : lineage.flows)
    flows.push_back(
        {{"flow", valid_utf8(flow.flow)}, {"used", texts(flow.used)}, {"idle", texts(flow.idle)}});
  json::object object;
  object["baseline_ns"] = lineage.baseline.count();
  object["routes"] = routes_of(lineage);
  object["used"] = used_of(lineage);
  object["flows"] = std::move(flows);
  return object;
}

std::vector<std::string> lineage_lines(const verdict::Lineage& lineage) {
  if (lineage.flows.empty()) return {};
  const std::size_t used = used_of(lineage);
  const std::size_t routes = routes_of(lineage);
  std::vector<std::string> lines{fmt::format(
      "{} of {} allowed routes were used in the {} before the first fault{}", used, routes,
      spec::human_duration(lineage.baseline),
      used == routes ? "" : "; nothing shows that the idle ones work before they are needed")};
  for (const verdict::FlowUse& flow : lineage.flows)
    if (!flow.idle.empty()) lines.push_back(flow_line(flow));
  return lines;
}

std::string lineage_markdown(const verdict::Lineage& lineage) {
  std::string out;
  for (const std::string& line : lineage_lines(lineage))
    out += out.empty() ? fmt::format("\n## Lineage\n\n{}\n\n", markdown_text(line))
                       : fmt::format("- {}\n", markdown_text(line));
  return out;
}

}  // namespace nospof::report
