// A comparison for people and for programs.

#include <cmath>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "analysis/compare.hpp"

namespace nospof::analysis {

namespace json = boost::json;

namespace {

constexpr int comparison_schema = 1;

std::string single_points(const Compared& one) {
  std::string text;
  std::size_t shown = 0;
  constexpr std::size_t most = 6;
  for (const SinglePoint& point : one.report.single_points) {
    if (point.component.kind != ComponentKind::host && point.component.kind != ComponentKind::zone)
      continue;  // links and services of a host go with it
    if (shown++ < most) text += (text.empty() ? "" : ", ") + point.component.name;
  }
  if (shown > most) text += fmt::format(" and {} more", shown - most);
  if (text.empty() && !one.report.single_points.empty())
    text = one.report.single_points.front().component.name;
  return text.empty() ? "none" : text;
}

std::string money(double amount, const std::string& currency) {
  return currency.empty() ? "not known" : fmt::format("{:.0f} {}", amount, currency);
}

std::string minutes(const Downtime& downtime) {
  return minutes_text(downtime.minutes_per_year());
}

std::string percent(const Downtime& downtime) {
  return fmt::format("{:.5f}%", 100 * (1 - downtime.unavailability));
}

std::string hosts(const spec::Topology& topology) {
  std::size_t count = 0;
  for (const spec::Host& host : topology.hosts) count += host.observer ? 0U : 1U;
  return std::to_string(count);
}

void row(std::string& text, const std::string& what, const std::string& a, const std::string& b) {
  text += fmt::format("| {} | {} | {} |\n", what, a, b);
}

std::string costs_text(const Comparison& c) {
  std::string text;
  const StackCost& a = c.a.cost;
  const StackCost& b = c.b.cost;
  const auto part = [&](const char* what, double StackCost::*member) {
    row(text, what, money(a.*member, a.currency), money(b.*member, b.currency));
  };
  part("hardware per year", &StackCost::hardware);
  part("set-up per year", &StackCost::setup);
  part("power per year", &StackCost::power);
  part("maintenance per year", &StackCost::maintenance);
  part("administration per year", &StackCost::administration);
  row(text, "**cost per year**", money(a.per_year(), a.currency), money(b.per_year(), b.currency));
  return text;
}

std::string steps_text(const Compared& one) {
  std::string text = fmt::format(
      "\nOne more host in {}:\n\n| tier | then needs | saves | costs "
      "more |\n|---|---|---|---|\n",
      one.topology->name);
  for (const ScalingStep& step : one.steps) {
    // What is smaller than the rounding of the figures says nothing.
    const double saved = std::abs(step.minutes_saved) < 1e-9 ? 0 : step.minutes_saved;
    text += fmt::format("| {} | {} of {} | {} min/year | {} |\n", step.tier, step.needs, step.hosts,
                        minutes_text(saved),
                        step.cost ? money(*step.cost, one.cost.currency) + "/year" : "not known");
  }
  return text;
}

std::string without_text(const Compared& one) {
  if (one.cost.without.empty()) return "";
  std::string names;
  for (const std::string& name : one.cost.without) names += (names.empty() ? "" : ", ") + name;
  return fmt::format("\n{}: no cost is given for {}; the sums leave them out.\n",
                     one.topology->name, names);
}

json::object side_json(const Compared& one) {
  json::object object;
  object["topology"] = {
      {"name", one.topology->name}, {"file", one.topology->file}, {"sha256", one.topology->sha256}};
  json::array points;
  for (const SinglePoint& point : one.report.single_points)
    points.emplace_back(point.component.name);
  object["single_points"] = std::move(points);
  json::array counts;
  for (unsigned order = 1; order <= most_orders; ++order)
    counts.push_back(json::object{{"order", order}, {"count", one.count(order)}});
  object["cut_set_counts"] = std::move(counts);
  object["claim_minutes_per_year"] = one.claim().minutes_per_year();
  object["everything_minutes_per_year"] = one.everything().minutes_per_year();
  json::object cost;
  cost["currency"] = one.cost.currency;
  cost["hardware"] = one.cost.hardware;
  cost["setup"] = one.cost.setup;
  cost["power"] = one.cost.power;
  cost["maintenance"] = one.cost.maintenance;
  cost["administration"] = one.cost.administration;
  cost["per_year"] = one.cost.per_year();
  cost["hosts_without"] = json::array(one.cost.without.begin(), one.cost.without.end());
  object["cost"] = std::move(cost);
  json::array steps;
  for (const ScalingStep& step : one.steps)
    steps.push_back(
        json::object{{"tier", step.tier},
                     {"needs", step.needs},
                     {"hosts", step.hosts},
                     {"minutes_saved_per_year", step.minutes_saved},
                     {"cost_per_year", step.cost ? json::value(*step.cost) : json::value()}});
  object["one_more_host"] = std::move(steps);
  return object;
}

}  // namespace

std::string comparison_text(const Comparison& c) {
  std::string text =
      fmt::format("| | {} | {} |\n|---|---|---|\n", c.a.topology->name, c.b.topology->name);
  row(text, "hosts", hosts(*c.a.topology), hosts(*c.b.topology));
  row(text, "single points of failure", single_points(c.a), single_points(c.b));
  for (unsigned order = 1; order <= most_orders; ++order)
    row(text, fmt::format("minimal cut sets of {}", order), c.a.count(order), c.b.count(order));
  row(text, "availability, what a proof covers", percent(c.a.claim()), percent(c.b.claim()));
  row(text, "minutes down per year", minutes(c.a.claim()), minutes(c.b.claim()));
  row(text, "the same with what it takes for granted", minutes(c.a.everything()),
      minutes(c.b.everything()));
  text += costs_text(c);
  text += without_text(c.a) + without_text(c.b);
  if (c.cost_per_minute)
    text += fmt::format(
        "\nFrom {} to {}: {:.2f} {} for each minute of "
        "downtime less per year.\n",
        c.a.topology->name, c.b.topology->name, *c.cost_per_minute, c.b.cost.currency);
  text += fmt::format("\nWhat is paid once is spread over {:g} years.\n", c.years);
  return text + steps_text(c.a) + steps_text(c.b);
}

json::object comparison_json(const Comparison& c) {
  json::object object;
  object["kind"] = "comparison";
  object["schema"] = comparison_schema;
  object["tool"] = std::string("nospof ") + NOSPOF_VERSION;
  object["years"] = c.years;
  object["a"] = side_json(c.a);
  object["b"] = side_json(c.b);
  object["cost_per_minute_saved"] =
      c.cost_per_minute ? json::value(*c.cost_per_minute) : json::value();
  return object;
}

}  // namespace nospof::analysis
