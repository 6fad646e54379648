#include "spec/experiment_table.hpp"

#include <algorithm>
#include <filesystem>

#include "spec/parameters.hpp"
#include "spec/topology_table.hpp"

namespace nospof::spec {

namespace {

using namespace std::chrono_literals;

constexpr const char* bound_pattern = "([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d|%)?)";

// ----- figures and tolerances -----

Format<Figure> figure_format(const std::vector<Figure>& figures) {
  std::vector<std::pair<std::string, Figure>> entries;
  for (const Figure figure : figures) entries.emplace_back(figure_name(figure), figure);
  return one_of(std::move(entries));
}

Format<Figure> any_figure() {
  std::vector<Figure> all;
  for (const std::string& name : figure_names()) all.push_back(*parse_figure(name));
  return figure_format(all);
}

/// Only the text: what it means depends on the figure.
Format<Tolerance> tolerance_format() {
  Format<Tolerance> format;
  format.shape.expected =
      "a tolerance such as '<= 3s', '>= 99.9%', '== 0' or 'between 1ms and 50ms'";
  format.shape.pattern = std::string(" *((<|<=|==|>=|>) *") + bound_pattern + "|between +" +
                         bound_pattern + " +and +" + bound_pattern + ") *";
  format.read = [plain = text(1, 100).read, expected = format.shape.expected](
                    Context& context, const Node& node, Tolerance& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, expected);
    return plain(context, node, out.text);
  };
  return format;
}

void resolve_tolerance(Context& context, const Node& node, const std::string& key, Figure figure,
                       Tolerance& tolerance) {
  try {
    tolerance = parse_tolerance(figure, tolerance.text);
  } catch (const Error& error) {
    context.problem(node.mark_of(key),
                    fmt::format("'{}' of {}: {}", key, context.subject, error.what()));
  }
}

Format<std::string> probe_format() {
  Format<std::string> format;
  format.shape.expected = "the name of a probe";
  format.read = [](Context& context, const Node& node, std::string& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, "the name of a probe");
    out = node.text;
    if (!check_known(context, node.mark, "probe", node.text, names_of(context.catalogue->probes)))
      return false;
    if (out == Hypothesis{}.probe) return true;
    context.problem(node.mark, fmt::format("{}: the samples of {} are not kept; only those of {} "
                                           "can be held against a tolerance",
                                           context.subject, quote(out), Hypothesis{}.probe));
    return false;
  };
  return format;
}

Format<std::string> outcome_format() {
  Format<std::string> format;
  format.shape.expected = "the name of an outcome";
  format.read = [expected = format.shape.expected](Context& context, const Node& node,
                                                   std::string& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, expected);
    out = node.text;
    return check_known(context, node.mark, "outcome", node.text, context.catalogue->outcomes);
  };
  return format;
}

void check_outcome(Context& context, const Node& node, const Hypothesis& found) {
  const std::string figure = figure_name(found.figure);
  if (found.figure == Figure::count && found.outcome.empty())
    context.problem(node.mark,
                    fmt::format("{}: figure {} needs the key 'outcome'", context.subject, figure));
  else if (found.figure != Figure::count && !found.outcome.empty())
    context.problem(
        node.mark_of("outcome"),
        fmt::format("{}: only figure count has an 'outcome', not {}", context.subject, figure));
}

Format<std::vector<Hypothesis>> hypothesis_format(const Catalogue& catalogue) {
  const Section<Hypothesis> hypothesis{
      {
          optional("probe", &Hypothesis::probe, probe_format(), "https",
                   "The probe that measures."),
          required("figure", &Hypothesis::figure, any_figure(), "What is compared."),
          optional("outcome", &Hypothesis::outcome, outcome_format(), "",
                   "For figure count: which outcome is counted."),
          required("tolerance", &Hypothesis::tolerance, tolerance_format(),
                   "Must hold at the end of the experiment."),
      },
      [](Context& context, const Node& node, Hypothesis& found) {
        resolve_tolerance(context, node, "tolerance", found.figure, found.tolerance);
        check_outcome(context, node, found);
      },
  };
  Format<Hypothesis> format = object(hypothesis);
  format.shape.cases = {{"figure",
                         figure_name(Figure::count),
                         {{"outcome", one_of_texts(catalogue.outcomes).shape, true, "",
                           "Which outcome is counted."}}}};
  return list_of(format, 1, "hypothesis");
}

Format<std::vector<Abort>> abort_format() {
  // Only what is known while the experiment runs.
  const Format<Figure> figure =
      figure_format({Figure::availability, Figure::longest_outage, Figure::failed});
  const Section<Abort> abort{
      {
          optional("probe", &Abort::probe, probe_format(), "https", "The probe that measures."),
          required("figure", &Abort::figure, figure, "What is watched."),
          required("when", &Abort::when, tolerance_format(),
                   "The experiment is aborted and healed as soon as this holds."),
      },
      [](Context& context, const Node& node, Abort& found) {
        resolve_tolerance(context, node, "when", found.figure, found.when);
      },
  };
  return list_of(object(abort), 0, "abort condition");
}

// ----- faults -----

/// A host, a tier or a role; never an observer.
bool check_target(Context& context, Mark mark, const std::string& found) {
  const Topology& topology = *context.known;
  if (const Host* host = topology.find_host(found)) {
    if (!host->observer) return true;
    context.problem(mark, fmt::format("{}: host {} is an observer, which is never a target",
                                      context.subject, quote(found)));
    return false;
  }
  if (topology.find_tier(found) != nullptr || topology.find_role(found) != nullptr) return true;
  if (topology.find_vip(found) != nullptr) {
    context.problem(mark, fmt::format("{}: {} is a VIP; name the host, the tier or the role that "
                                      "holds it",
                                      context.subject, quote(found)));
    return false;
  }
  std::vector<std::string> known = names_of(topology.tiers);
  for (const Role& role : topology.roles) known.push_back(role.name);
  for (const Host& host : topology.hosts) {
    if (!host.observer) known.push_back(host.name);
  }
  return check_known(context, mark, "host, tier or role", found, known);
}

Format<std::vector<std::string>> targets_format() {
  Format<std::string> item;
  item.shape.expected = "a host, a tier or a role";
  item.read = [](Context& context, const Node& node, std::string& out) {
    if (node.kind != Node::Kind::scalar) return refuse(context, node, "a host, a tier or a role");
    out = node.text;
    return context.known == nullptr || check_target(context, node.mark, node.text);
  };
  Format<std::vector<std::string>> format = one_or_more(item);
  format.read = [list = distinct(item, 1).read, one = item.read](Context& context, const Node& node,
                                                                 std::vector<std::string>& out) {
    if (node.kind == Node::Kind::list) return list(context, node, out);
    return one(context, node, out.emplace_back());
  };
  return format;
}

/// The hosts that a target can turn out to be.
std::vector<std::string> candidates(const Topology& topology, const std::string& target) {
  if (const Tier* tier = topology.find_tier(target)) return tier->hosts;
  if (const Role* role = topology.find_role(target)) return role->among;
  return {target};
}

void check_service(Context& context, const Node& node, const FaultSpec& fault,
                   const KindInfo& kind) {
  if (kind.target == TargetType::host) {
    if (fault.service.empty()) return;
    context.problem(
        node.mark_of("service"),
        fmt::format("{}: {} acts on hosts and takes no 'service'", context.subject, kind.name));
    return;
  }
  if (fault.service.empty()) {
    context.problem(node.mark, fmt::format("{}: {} acts on a service and needs the key 'service'",
                                           context.subject, kind.name));
    return;
  }
  if (context.known == nullptr) return;
  for (const std::string& target : fault.targets) {
    for (const std::string& name : candidates(*context.known, target)) {
      const Host* host = context.known->find_host(name);
      if (host == nullptr ||
          std::ranges::find(host->services, fault.service) != host->services.end()) {
        continue;
      }
      context.problem(node.mark_of("service"),
                      fmt::format("{}: host '{}' runs no {}; it runs {}", context.subject, name,
                                  quote(fault.service), either(host->services)));
      break;
    }
  }
}

void check_fault(Context& context, const Node& node, FaultSpec& fault) {
  const KindInfo* kind = context.catalogue->find_fault(fault.kind);
  if (kind == nullptr) return;
  check_service(context, node, fault, *kind);
  complete_parameters(context, node, *kind, fault.parameters);
}

Field<FaultSpec> parameters_field() {
  Field<FaultSpec> result;
  result.info.key = "with";
  result.info.shape.kind = Shape::Kind::map;
  result.info.shape.expected = "a map with the parameters of the kind";
  result.info.doc = "Parameters of the kind.";
  result.set = [](Context& context, const Node& node, FaultSpec& out) {
    const KindInfo* kind = context.catalogue->find_fault(out.kind);
    if (kind != nullptr) read_parameters(context, node, *kind, out.parameters);
  };
  return result;
}

/// What `with` and `service` look like depends on the kind.
std::vector<ShapeCase> kind_cases(const Catalogue& catalogue) {
  std::vector<ShapeCase> cases;
  for (const KindInfo& kind : catalogue.faults) {
    FieldInfo parameters{"with", {}, false, "", kind.summary};
    parameters.shape.kind = Shape::Kind::object;
    parameters.shape.expected = "parameters of " + kind.name;
    for (const ParameterInfo& info : kind.parameters) {
      parameters.shape.fields.push_back(parameter_field(info));
      parameters.required = parameters.required || info.required;
    }
    ShapeCase found{"kind", kind.name, {parameters}};
    if (kind.target == TargetType::service) {
      found.fields.push_back(
          {"service", service_name().shape, true, "", "The service it acts on."});
    }
    cases.push_back(std::move(found));
  }
  return cases;
}

Format<std::vector<FaultSpec>> faults_format(const Catalogue& catalogue) {
  const Section<FaultSpec> fault{
      {
          optional("id", &FaultSpec::id, name("name of a fault", 60), "",
                   "Unique in the file; without it made from kind and target."),
          required("kind", &FaultSpec::kind, one_of_texts(names_of(catalogue.faults)),
                   "What is done; `nospof schema experiment` lists all kinds."),
          optional("at", &FaultSpec::at, duration(0s, 1h), "0s", "When, after the baseline."),
          required("duration", &FaultSpec::duration, duration(1ms, 1h),
                   "How long, until it is healed."),
          required("on", &FaultSpec::targets, targets_format(), "Where."),
          optional("service", &FaultSpec::service, service_name(), "",
                   "The service, for kinds that act on one."),
          parameters_field(),
      },
      check_fault,
  };
  Format<FaultSpec> format = object(fault);
  format.shape.cases = kind_cases(catalogue);
  return list_of(format, 1, "fault");
}

// ----- the whole file -----

Field<Experiment> topology_field(TopologyLoader loader) {
  Field<Experiment> result;
  const auto path = text(1, 500);
  result.info = {"topology", path.shape, true, "",
                 "Topology file, relative to this file's folder."};
  result.info.shape.expected = "a path such as topology.yaml";
  result.set = [read = path.read, loader = std::move(loader)](Context& context, const Node& node,
                                                              Experiment& out) {
    std::string written;
    if (!read(context, node, written)) return;
    out.topology_file = (std::filesystem::path(context.folder) / written).lexically_normal();
    if (loader) loader(context, node.mark, out.topology_file);
  };
  return result;
}

/// A map whose keys are members of the experiment itself.
Field<Experiment> inline_section(std::string key, Section<Experiment> section, std::string doc) {
  Format<Experiment> format = object(std::move(section));
  Field<Experiment> result;
  result.info = {std::move(key), std::move(format.shape), false, "", std::move(doc)};
  result.set = [read = std::move(format.read)](Context& context, const Node& node,
                                               Experiment& out) { read(context, node, out); };
  return result;
}

}  // namespace

Section<Experiment> experiment_table(const Catalogue& catalogue, TopologyLoader loader) {
  const Section<Experiment> recovery{
      {
          optional(
              "deadline", &Experiment::recovery_deadline, duration(1s, 1h), "60s",
              "After the last fault is healed the stack must be whole again within this time."),
          optional("settle", &Experiment::settle, duration(100ms, 10min), "1s",
                   "Recovered means served without a failure for this long."),
      },
      [](Context& context, const Node& node, Experiment& out) {
        if (out.settle < out.recovery_deadline) return;
        context.problem(
            node.mark_of("settle"),
            fmt::format("{}: expected 'settle' below 'deadline' ({}), found {}", context.subject,
                        format_duration(out.recovery_deadline), format_duration(out.settle)));
      },
  };
  const std::vector<std::pair<std::string, ConnectionMode>> modes = {
      {"fresh", ConnectionMode::fresh}, {"keep-alive", ConnectionMode::keep_alive}};
  const Section<Experiment> workload{
      {
          optional("rate", &Experiment::rate, maybe(spec::rate()), "",
                   "Requests, on a fixed schedule."),
          optional("connection", &Experiment::connection, maybe(one_of(modes)), "",
                   "A new connection for each request, or kept ones."),
      },
      nullptr,
  };
  Section<Experiment> table;
  table.fields = header_fields<Experiment>("experiment");
  std::vector<Field<Experiment>> fields = {
      required("title", &Experiment::title, text(1, 200), "What is tried, in one line."),
      topology_field(std::move(loader)),
      optional("baseline", &Experiment::baseline, duration(100ms, 10min), "2s",
               "Traffic before the first fault, which must be served."),
      required("hypothesis", &Experiment::hypothesis, hypothesis_format(catalogue),
               "What must hold if there is no single point of failure."),
      required("faults", &Experiment::faults, faults_format(catalogue),
               "What is broken, and when."),
      optional("abort", &Experiment::aborts, abort_format(), "", "When to stop early."),
      inline_section("recovery", recovery, "When the stack counts as recovered."),
      inline_section("workload", workload, "Replaces parts of the topology's workload."),
  };
  for (auto& item : fields) table.fields.push_back(std::move(item));
  return table;
}

}  // namespace nospof::spec
