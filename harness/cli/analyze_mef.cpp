#include <algorithm>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>

#include "analysis/answer_text.hpp"
#include "analysis/certificate.hpp"
#include "analysis/draw.hpp"
#include "analysis/full_set.hpp"
#include "analysis/mef.hpp"
#include "cli/analyze.hpp"
#include "spec/problems.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

using analysis::FaultTree;

constexpr unsigned usual_order = 2;

// Of such trees only the probability can be said.
int incoherent(const FaultTree& tree, const AnalyzeArguments& arguments) {
  if (!tree.quantified())
    throw Error(
        fmt::format("{}: the tree has not, xor or iff gates: minimal cut sets are not "
                    "defined for it, and not every event has a probability",
                    arguments.mef_file));
  const double probability = analysis::FullSet(tree).probability();
  if (arguments.json)
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"schema", 1},
                                                                  {"tree", tree.name()},
                                                                  {"state", "not-coherent"},
                                                                  {"exit_code", 3},
                                                                  {"probability", probability}}));
  else
    fmt::print(
        "{}: not coherent (it has not, xor or iff gates), so minimal cut sets are not defined\n"
        "probability of the top event: {:.9g}\n",
        tree.name(), probability);
  return 3;
}

void write_certificate(const FaultTree& tree, const std::string& path) {
  std::ofstream file(path);
  file << boost::json::serialize(analysis::certificate_json(analysis::certify(tree))) << '\n';
  if (!file.flush()) throw SystemError("write the certificate " + path, errno);
}

}  // namespace

int analyze_mef(const AnalyzeArguments& arguments) {
  const FaultTree tree = analysis::read_mef(arguments.mef_file, {arguments.top});
  if (arguments.dot || arguments.mermaid) {
    fmt::print("{}", arguments.dot ? analysis::dot_text(tree) : analysis::mermaid_text(tree));
    return 0;
  }
  if (!tree.coherent()) return incoherent(tree, arguments);
  analysis::AnswerOptions options;
  const unsigned order = arguments.order.value_or(usual_order);
  options.order = std::min(order, analysis::most_low_orders);
  const analysis::Answer answer = analysis::minimal_cut_sets(tree, options);
  const analysis::AnswerShown shown{order, arguments.count, arguments.listed.value_or(1000)};
  if (!arguments.certificate_file.empty()) write_certificate(tree, arguments.certificate_file);
  if (arguments.json)
    fmt::print("{}\n", boost::json::serialize(analysis::answer_json(tree, answer, shown)));
  else
    fmt::print("{}", analysis::answer_text(tree, answer, shown));
  return analysis::exit_code(answer);
}

}  // namespace nospof::cli
