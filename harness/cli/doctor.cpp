// nospof faults, nospof doctor

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/verbs.hpp"
#include "lab/accounts.hpp"
#include "spec/reader.hpp"
#include "system/capabilities.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

constexpr int exit_missing = 4;

std::vector<std::string> missing_needs(const kinds::FaultKind& kind,
                                       const std::vector<Capability>& capabilities) {
  std::vector<std::string> missing;
  for (const std::string& need : kind.info().needs)
    if (!has_capability(capabilities, need)) missing.push_back(need);
  if (std::string more = kind.missing_here(); !more.empty()) missing.push_back(std::move(more));
  return missing;
}

const char* type_name(spec::ParameterType type) {
  switch (type) {
    case spec::ParameterType::boolean:
      return "true or false";
    case spec::ParameterType::integer:
      return "whole number";
    case spec::ParameterType::text:
      return "text";
    case spec::ParameterType::duration:
      return "duration";
    case spec::ParameterType::rate:
      return "rate";
    case spec::ParameterType::percent:
      return "percentage";
    case spec::ParameterType::bandwidth:
      return "bandwidth";
    case spec::ParameterType::text_list:
      return "list";
  }
  return "?";
}

std::string described(const spec::ParameterInfo& parameter) {
  std::string text = parameter.choices.empty()
                         ? std::string(type_name(parameter.type))
                         : fmt::format("{}", fmt::join(parameter.choices, " | "));
  if (parameter.required)
    text += ", required";
  else if (!parameter.default_text.empty())
    text += ", default " + parameter.default_text;
  return fmt::format("    {:<22} {}. {}\n", parameter.name, text, parameter.doc);
}

void print_fault(const kinds::FaultKind& fault, const std::vector<Capability>& capabilities) {
  const spec::KindInfo& kind = fault.info();
  fmt::print("{}  (acts on a {})\n    {}\n", kind.name,
             kind.target == spec::TargetType::host ? "host" : "service", kind.summary);
  for (const spec::ParameterInfo& parameter : kind.parameters)
    fmt::print("{}", described(parameter));
  std::vector<std::string> variants;
  for (const spec::ProveVariant& variant : kind.prove_variants)
    variants.push_back(variant.label.empty() ? "as it is" : variant.label);
  fmt::print("    in a proof: {}\n",
             variants.empty() ? std::string("no") : fmt::format("{}", fmt::join(variants, ", ")));
  const auto missing = missing_needs(fault, capabilities);
  if (const std::string never = fault.never_possible(); !never.empty())
    fmt::print("    here: does NOT work, nor anywhere else: {}\n", never);
  else if (missing.empty())
    fmt::print("    here: works\n");
  else
    fmt::print("    here: does NOT work, missing: {} (see `nospof doctor`)\n",
               fmt::join(missing, ", "));
}

// What the services of a topology need of this machine: programs and users. A line for each that is
// not there.
std::vector<std::string> missing_for_stack(const spec::Topology& topology) {
  std::vector<std::string> missing;
  const auto attempt = [&](const std::string& service, const auto& look) {
    try {
      look();
    } catch (const std::exception& e) {
      missing.push_back(fmt::format("service {}: {}", service, e.what()));
    }
  };
  for (const spec::Service& service : topology.services) {
    std::vector<std::string> programs{service.command.front()};
    for (const auto& words : service.prepare) programs.push_back(words.front());
    for (const std::string& program : programs)
      // A program of the stack's own, rendered when the lab comes up.
      if (program.find("{{") == std::string::npos && program.find("{%") == std::string::npos)
        attempt(service.name, [&] { find_program(program); });
    attempt(service.name, [&] { lab::find_account(service.user); });
  }
  for (const spec::Host& host : topology.hosts)
    if (host.transport != spec::TransportKind::lab)
      missing.push_back(fmt::format(
          "host {}: only hosts with transport lab can be driven by this version", host.name));
  return missing;
}

// Kinds of faults by what disables them.
std::map<std::string, std::vector<std::string>> disabled_by(
    const kinds::Registry& registry, const std::vector<Capability>& capabilities) {
  std::map<std::string, std::vector<std::string>> disabled;
  const spec::Catalogue catalogue = registry.catalogue();
  for (const spec::KindInfo& kind : catalogue.faults)
    for (const std::string& need : missing_needs(registry.fault(kind.name), capabilities))
      disabled[need].push_back(kind.name);
  return disabled;
}

}  // namespace

int faults_command(const std::string& only, const kinds::Registry& registry) {
  const spec::Catalogue catalogue = registry.catalogue();
  const std::vector<Capability> capabilities = find_capabilities();
  if (!only.empty() && catalogue.find_fault(only) == nullptr) {
    std::vector<std::string> names;
    for (const spec::KindInfo& kind : catalogue.faults) names.push_back(kind.name);
    throw Error(fmt::format("there is no fault '{}'; there are: {}", only, fmt::join(names, ", ")));
  }
  bool first = true;
  for (const spec::KindInfo& kind : catalogue.faults) {
    if (!only.empty() && kind.name != only) continue;
    if (!first) fmt::print("\n");
    first = false;
    print_fault(registry.fault(kind.name), capabilities);
  }
  return 0;
}

int doctor_command(const std::string& topology_file, const kinds::Registry& registry) {
  std::vector<std::string> stack;
  if (!topology_file.empty()) stack = missing_for_stack(spec::read_topology(topology_file));
  const std::vector<Capability> capabilities = find_capabilities();
  for (const Capability& each : capabilities) {
    fmt::print("{:<8} {:<16} {}\n", each.present ? "ok" : "missing", each.name, each.what);
    if (!each.present) fmt::print("{:25} {}; {}\n", "", each.missing, each.remedy);
  }
  const auto disabled = disabled_by(registry, capabilities);
  fmt::print("\n");
  for (const auto& [need, kinds] : disabled)
    fmt::print("without {} these faults do not work: {}\n", need, fmt::join(kinds, ", "));
  std::size_t possible = 0;
  for (const spec::KindInfo& kind : registry.catalogue().faults) {
    const std::string never = registry.fault(kind.name).never_possible();
    if (never.empty())
      ++possible;
    else
      fmt::print("{} works nowhere: {}\n", kind.name, never);
  }
  if (disabled.empty())
    fmt::print("all {} other faults work here{}\n", possible,
               has_capability(capabilities, "sch_netem")
                   ? ""
                   : "; netem without sch_netem: in user space, up to some 50,000 packets/s");
  for (const std::string& line : stack) fmt::print("{}\n", line);
  if (!topology_file.empty() && stack.empty())
    fmt::print("everything that the services of {} need is installed\n", topology_file);
  return disabled.empty() && stack.empty() ? 0 : exit_missing;
}

}  // namespace nospof::cli
