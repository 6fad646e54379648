#include "cli/analyze.hpp"

#include "cli/verbs.hpp"
#include "system/check.hpp"

namespace nospof::cli {

int analyze_command(const AnalyzeArguments& arguments) {
  if (arguments.mef_file.empty() && arguments.topology_file.empty())
    throw Error("analyze: expected a topology, or --mef FILE");
  if (!arguments.mef_file.empty() && !arguments.topology_file.empty())
    throw Error("analyze: a topology or --mef FILE, not both");
  if (arguments.dot + arguments.mermaid + arguments.json + arguments.sarif > 1)
    throw Error("analyze: only one of --json, --sarif, --dot and --mermaid at a time");
  const std::string& input =
      arguments.mef_file.empty() ? arguments.topology_file : arguments.mef_file;
  refuse_own_input(arguments.mef_out, input);
  refuse_own_input(arguments.certificate_file, input);
  if (!arguments.topology_file.empty()) {
    if (!arguments.top.empty() || arguments.count || arguments.order)
      throw Error("analyze: --top, --order and --count are of a fault tree in a file (--mef)");
    return analyze_topology(arguments);
  }
  if (arguments.sarif || !arguments.function.empty() || !arguments.mef_out.empty())
    throw Error("analyze: --sarif, --function and --mef-out are of a topology, not of --mef");
  if ((arguments.dot || arguments.mermaid) && !arguments.certificate_file.empty())
    throw Error("analyze: --certificate does not go with a drawing of --mef");
  return analyze_mef(arguments);
}

}  // namespace nospof::cli
