#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "analysis/certificate.hpp"
#include "analysis/draw.hpp"
#include "analysis/mef.hpp"
#include "analysis/stack_report.hpp"
#include "analysis/structure_json.hpp"
#include "cli/analyze.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/pretty_json.hpp"

namespace nospof::cli {

namespace {

constexpr std::size_t listed_by_default = 20;

const analysis::StackModel& chosen_model(const analysis::StackReport& report,
                                         const std::string& function) {
  std::string known;
  for (const analysis::FunctionReport& each : report.functions) {
    if (function.empty() || std::ranges::find(each.names, function) != each.names.end())
      return each.model;
    for (const std::string& name : each.names) known += (known.empty() ? "" : ", ") + name;
  }
  throw Error(
      fmt::format("--function {}: there is no such function; known are {}", function, known));
}

}  // namespace

int analyze_topology(const AnalyzeArguments& arguments) {
  const spec::Topology topology = spec::read_topology(arguments.topology_file);
  const analysis::StackReport report = analysis::report_stack(topology);
  const analysis::FaultTree& tree = chosen_model(report, arguments.function).tree;
  if (!arguments.mef_out.empty()) write_file(arguments.mef_out, analysis::mef_text(tree));
  if (!arguments.certificate_file.empty())
    write_file(arguments.certificate_file,
               boost::json::serialize(analysis::certificate_json(analysis::certify(tree))) + "\n");
  if (arguments.dot || arguments.mermaid) {
    fmt::print("{}", arguments.dot ? analysis::dot_text(tree) : analysis::mermaid_text(tree));
    return 0;
  }
  if (arguments.json)
    fmt::print("{}", pretty_json(analysis::stack_json(topology, report)));
  else if (arguments.sarif)
    fmt::print("{}", pretty_json(analysis::sarif_log(topology, analysis::all_checks(),
                                                     analysis::all_findings(report))));
  else
    fmt::print(
        "{}", analysis::stack_text(topology, report, arguments.listed.value_or(listed_by_default)));
  return report.fails() ? 1 : 0;
}

}  // namespace nospof::cli
