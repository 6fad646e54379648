#include "cli/analyze.hpp"

#include "system/check.hpp"

namespace nospof::cli {

int analyze_command(const AnalyzeArguments& arguments) {
  if (arguments.mef_file.empty() == arguments.topology_file.empty())
    throw Error("analyze: expected a topology, or --mef FILE");
  if (arguments.dot + arguments.mermaid + arguments.json + arguments.sarif > 1)
    throw Error("analyze: only one of --json, --sarif, --dot and --mermaid at a time");
  if (!arguments.topology_file.empty()) {
    if (!arguments.top.empty()) throw Error("analyze: --top is of a fault tree in a file (--mef)");
    return analyze_topology(arguments);
  }
  if (arguments.sarif || !arguments.function.empty() || !arguments.mef_out.empty())
    throw Error("analyze: --sarif, --function and --mef-out are of a topology, not of --mef");
  return analyze_mef(arguments);
}

}  // namespace nospof::cli
