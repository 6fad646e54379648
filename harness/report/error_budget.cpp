#include "report/error_budget.hpp"

#include "report/words.hpp"

namespace nospof::report {

namespace json = boost::json;

namespace {

json::object budget_json(const verdict::ErrorBudget& budget) {
  json::object object;
  object["requests"] = budget.requests;
  object["budget"] = budget.allowed;
  object["spent"] = budget.spent;
  object["burn_rate"] = budget.burn_rate ? json::value(*budget.burn_rate) : json::value();
  return object;
}

}  // namespace

json::value error_budget_json(const verdict::RunResult& result) {
  if (!result.budget) return {};
  json::object object;
  object["slo_availability"] = result.budget->slo.fraction;
  object["run"] = budget_json(*result.budget);
  object["worst_cell"] = nullptr;
  if (result.worst) {
    json::object worst{{"cell", result.worst->id}};
    for (const auto& entry : budget_json(result.worst->budget)) worst.insert(entry);
    object["worst_cell"] = std::move(worst);
  }
  return object;
}

json::value bound_json(const verdict::RunResult& result) {
  if (!result.failure_bound) return {};
  json::object object;
  object["passed"] = result.trials;
  object["confidence"] = verdict::confidence;
  object["failure_probability_at_most"] = *result.failure_bound;
  object["text"] = bound_text(result);
  return object;
}

}  // namespace nospof::report
