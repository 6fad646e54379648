// A stack's report for people and for programs.

#include <algorithm>
#include <cmath>
#include <set>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "analysis/stack_report.hpp"
#include "analysis/structure_json.hpp"
#include "analysis/user_path.hpp"

namespace nospof::analysis {

namespace json = boost::json;

namespace {

constexpr int analysis_schema = 1;
const char* const names_of_orders[] = {"", "single points of failure", "pairs", "triples"};

std::string joined(const std::vector<std::string>& names, const char* between) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : between) + name;
  return text;
}

std::vector<std::string> names_in(const StackModel& model, const NamedCutSet& set) {
  std::vector<std::string> names;
  for (const NodeId event : set.components) names.push_back(model.components[event].name);
  return names;
}

std::set<int> lines_of(const StackModel& model, const NamedCutSet& set) {
  std::set<int> lines;
  for (const NodeId event : set.components)
    if (model.components[event].mark.line > 0) lines.insert(model.components[event].mark.line);
  return lines;
}

std::string set_text(const StackModel& model, const NamedCutSet& set) {
  std::string lines;
  for (const int line : lines_of(model, set))
    lines += (lines.empty() ? "" : ", ") + std::to_string(line);
  return fmt::format("    {}  (line {}; {:.2g} of the time)\n", joined(names_in(model, set), " + "),
                     lines, set.probability);
}

std::string tiers_text(const spec::Topology& topology, const spec::UserFunction& function) {
  const std::vector<PathTier> path = user_path(topology);
  std::string text;
  for (const std::string& name : function.tiers) {
    const spec::Tier* tier = topology.find_tier(name);
    text += fmt::format("{}{} ({} of {})", text.empty() ? "" : ", ", name,
                        needed_hosts(function, *tier), tier->hosts.size());
    if (const auto ways = only_ways_in(path, *tier); !ways.empty())
      text += fmt::format(", reached by way of {} alone", joined(ways, ", "));
  }
  return text;
}

std::string sets_text(const FunctionReport& function, unsigned order, std::size_t most) {
  const auto& sets = function.sets[order];
  std::string text =
      fmt::format("  {}: {}\n", names_of_orders[order],
                  function.counts[order].text() == "0" ? "none" : function.counts[order].text());
  for (std::size_t i = 0; i < sets.size() && i < most; ++i)
    text += set_text(function.model, sets[i]);
  if (sets.size() > most)
    text += fmt::format("    ... the likeliest {} of {}; --json has more\n", most,
                        function.counts[order].text());
  return text;
}

json::object downtime_json(const Downtime& downtime) {
  json::object object;
  object["unavailability"] = downtime.unavailability;
  object["availability"] = 1 - downtime.unavailability;
  // JSON knows no infinity: what never fails has no number of nines.
  object["nines"] = downtime.unavailability > 0 ? json::value(downtime.nines()) : json::value();
  object["minutes_per_year"] = downtime.minutes_per_year();
  return object;
}

json::array sets_json(const FunctionReport& function) {
  json::array list;
  for (const auto& sets : function.sets)
    for (const NamedCutSet& set : sets) {
      json::array components;
      for (const std::string& name : names_in(function.model, set)) components.emplace_back(name);
      json::array lines;
      for (const NodeId event : set.components)
        lines.emplace_back(function.model.components[event].mark.line);
      list.push_back(json::object{{"order", set.components.size()},
                                  {"components", std::move(components)},
                                  {"lines", std::move(lines)},
                                  {"probability", set.probability}});
    }
  return list;
}

json::object function_json(const spec::Topology& topology, const FunctionReport& function) {
  json::object object;
  json::array names;
  for (const std::string& name : function.names) names.emplace_back(name);
  object["names"] = std::move(names);
  json::array tiers;
  for (const std::string& name : function.model.function.tiers) {
    const spec::Tier* tier = topology.find_tier(name);
    tiers.push_back(json::object{{"tier", name},
                                 {"needs", needed_hosts(function.model.function, *tier)},
                                 {"hosts", tier->hosts.size()}});
  }
  object["tiers"] = std::move(tiers);
  json::array counts;
  for (unsigned order = 1; order <= most_orders; ++order)
    counts.push_back(json::object{{"order", order}, {"count", function.counts[order].text()}});
  object["cut_set_counts"] = std::move(counts);
  object["cut_sets"] = sets_json(function);
  object["claim"] = downtime_json(function.claim);
  object["everything"] = downtime_json(function.everything);
  return object;
}

json::object component_json(const Component& component) {
  json::object object;
  object["name"] = component.name;
  object["kind"] = component_kind_name(component.kind);
  object["host"] = component.host;
  object["service"] = component.service;
  object["line"] = component.mark.line;
  object["unavailability"] = component.unavailability();
  return object;
}

}  // namespace

std::string minutes_text(double minutes) {
  return std::abs(minutes) >= 100 ? fmt::format("{:.0f}", minutes) : fmt::format("{:.3g}", minutes);
}

std::string downtime_text(const Downtime& downtime) {
  if (downtime.unavailability <= 0) return "100%, no downtime in this model";
  // As many digits as tell it from 100%.
  const int digits = std::max(2, static_cast<int>(std::ceil(downtime.nines() - 1e-9)));
  const double minutes = downtime.minutes_per_year();
  const std::string down = minutes < 1 ? fmt::format("{:.2g} s/year", minutes * 60)
                                       : minutes_text(minutes) + " min/year";
  return fmt::format("{:.{}f}%, {:.1f} nines, down {}", 100 * (1 - downtime.unavailability), digits,
                     downtime.nines(), down);
}

std::string stack_text(const spec::Topology& topology, const StackReport& report,
                       std::size_t most) {
  std::string text = fmt::format("{}: {}\n", topology.file,
                                 topology.title.empty() ? topology.name : topology.title);
  for (const FunctionReport& function : report.functions) {
    text += fmt::format("\n{}: {}\n", joined(function.names, ", "),
                        tiers_text(topology, function.model.function));
    for (unsigned order = 1; order <= most_orders; ++order)
      text += sets_text(function, order, most);
    text +=
        fmt::format("  availability, of what a proof covers: {}\n", downtime_text(function.claim));
    if (!report.assumed.empty())
      text += fmt::format("  availability, with what it takes for granted: {}\n",
                          downtime_text(function.everything));
  }
  std::vector<std::string> assumed;
  for (const Component& component : report.assumed) assumed.push_back(component.name);
  if (!assumed.empty())
    text += fmt::format("\ntaken for granted, not part of the claim: {}\n", joined(assumed, ", "));
  text += "\n" + structure_text(topology, all_findings(report));
  text += report.fails() ? "\nThis topology cannot be free of single points of failure.\n"
                         : "\nNo single point of failure in this model of the topology.\n";
  return text;
}

json::object stack_json(const spec::Topology& topology, const StackReport& report) {
  json::object object;
  object["kind"] = "analysis";
  object["schema"] = analysis_schema;
  object["tool"] = std::string("nospof ") + NOSPOF_VERSION;
  object["topology"] = {
      {"name", topology.name}, {"file", topology.file}, {"sha256", topology.sha256}};
  object["fails"] = report.fails();
  json::array points;
  for (const SinglePoint& point : report.single_points) {
    json::object entry = component_json(point.component);
    json::array functions;
    for (const std::string& name : point.functions) functions.emplace_back(name);
    entry["functions"] = std::move(functions);
    points.push_back(std::move(entry));
  }
  object["single_points"] = std::move(points);
  json::array assumed;
  for (const Component& component : report.assumed) assumed.push_back(component_json(component));
  object["assumed"] = std::move(assumed);
  object["structure"] = findings_json(report.findings);
  json::array functions;
  for (const FunctionReport& function : report.functions)
    functions.push_back(function_json(topology, function));
  object["functions"] = std::move(functions);
  return object;
}

}  // namespace nospof::analysis
