#include "report/predictions.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "report/text.hpp"

namespace nospof::report {

namespace json = boost::json;

namespace {

struct Matrix {
  std::size_t survived = 0;         // as predicted
  std::size_t broke = 0;            // as predicted
  std::size_t fake_redundancy = 0;  // predicted to survive
  std::size_t too_pessimistic = 0;  // predicted to break
  std::size_t undecided = 0;        // predicted, but nothing is known of what happened
  std::size_t agreeing() const { return survived + broke; }
  std::size_t decided() const { return agreeing() + fake_redundancy + too_pessimistic; }
  std::size_t all() const { return decided() + undecided; }
};

Matrix matrix_of(const verdict::RunResult& result) {
  Matrix matrix;
  for (const verdict::CellResult& cell : result.cells) {
    if (cell.plan.predicted.empty()) continue;
    if (!cell.agreement) {
      ++matrix.undecided;
      continue;
    }
    switch (*cell.agreement) {
      case verdict::Agreement::agrees:
        ++(cell.plan.predicted == "breaks" ? matrix.broke : matrix.survived);
        break;
      case verdict::Agreement::fake_redundancy:
        ++matrix.fake_redundancy;
        break;
      case verdict::Agreement::too_pessimistic:
        ++matrix.too_pessimistic;
        break;
    }
  }
  return matrix;
}

bool disagrees(const verdict::CellResult& cell) {
  return cell.agreement && *cell.agreement != verdict::Agreement::agrees;
}

std::string disagreement(const verdict::CellResult& cell) {
  return fmt::format("{}: {}, predicted: {}, {}", cell.plan.id,
                     verdict::agreement_name(*cell.agreement), cell.plan.predicted,
                     *cell.agreement == verdict::Agreement::fake_redundancy
                         ? "outage " + verdict::interval_text(cell.longest)
                         : "but users were served");
}

}  // namespace

json::object predictions_json(const verdict::RunResult& result) {
  const Matrix matrix = matrix_of(result);
  json::object object;
  object["predicted"] = matrix.all();
  object["agree"] = matrix.agreeing();
  object["undecided"] = matrix.undecided;
  object["survives_and_survived"] = matrix.survived;
  object["survives_but_broke"] = matrix.fake_redundancy;
  object["breaks_but_survived"] = matrix.too_pessimistic;
  object["breaks_and_broke"] = matrix.broke;
  json::array findings;
  for (const verdict::CellResult& cell : result.cells)
    if (disagrees(cell))
      findings.push_back(json::object{{"cell", cell.plan.id},
                                      {"finding", verdict::agreement_name(*cell.agreement)},
                                      {"predicted", cell.plan.predicted},
                                      {"detail", valid_utf8(disagreement(cell))}});
  object["disagreements"] = std::move(findings);
  return object;
}

std::string predictions_markdown(const verdict::RunResult& result) {
  const Matrix matrix = matrix_of(result);
  if (matrix.all() == 0) return "";
  std::string text =
      "\n## Predictions\n\n| cells predicted to | survived | broke |\n|---|---|---|\n";
  text += fmt::format("| survive | {} | {} (fake redundancy) |\n", matrix.survived,
                      matrix.fake_redundancy);
  text += fmt::format("| break | {} (model too pessimistic) | {} |\n", matrix.too_pessimistic,
                      matrix.broke);
  if (matrix.undecided > 0)
    text += fmt::format("\n{} more were inconclusive, or failed without an outage.\n",
                        matrix.undecided);
  bool first = true;
  for (const verdict::CellResult& cell : result.cells) {
    if (!disagrees(cell)) continue;
    text += fmt::format("{}- {}\n", first ? "\n" : "", markdown_text(disagreement(cell)));
    first = false;
  }
  return text;
}

std::vector<std::string> predictions_lines(const verdict::RunResult& result) {
  const Matrix matrix = matrix_of(result);
  if (matrix.all() == 0) return {};
  std::string summary = fmt::format("as the topology's fault tree predicted: {} of {} cells",
                                    matrix.agreeing(), matrix.decided());
  if (matrix.undecided > 0) summary += fmt::format(", {} undecided", matrix.undecided);
  std::vector<std::string> lines = {std::move(summary)};
  for (const verdict::CellResult& cell : result.cells)
    if (disagrees(cell)) lines.push_back(plain_text(disagreement(cell)));
  return lines;
}

}  // namespace nospof::report
