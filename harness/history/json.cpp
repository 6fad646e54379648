#include "history/text.hpp"

namespace nospof::history {

namespace {

namespace json = boost::json;

json::value value_json(const Value& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

template <typename Number>
json::value number_json(const std::optional<Number>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

std::string outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok:
      return "ok";
    case Outcome::failed:
      return "fail";
    case Outcome::unknown:
      return "info";
  }
  return "";
}

json::object operation_json(const Operation& operation) {
  json::object object;
  object["process"] = operation.process;
  object["f"] = name_of(operation.function);
  object["text"] = describe(operation);
  object["outcome"] = outcome_text(operation.outcome);
  object["value"] = value_json(operation.value);
  if (operation.function == Function::cas) object["expected"] = value_json(operation.expected);
  object["invoked_ns"] = number_json(operation.invoked_ns);
  object["returned_ns"] = number_json(operation.returned_ns);
  object["line"] = operation.line;
  object["return_line"] =
      operation.return_line > 0 ? json::value(operation.return_line) : json::value(nullptr);
  return object;
}

json::array registers_json(const Judgement& judgement) {
  json::array registers;
  for (const RegisterResult& result : judgement.registers) {
    json::array violation;
    for (const Operation& operation : result.violation)
      violation.push_back(operation_json(operation));
    registers.push_back({{"key", result.key},
                         {"verdict", verdict_text(result.verdict, judgement.model)},
                         {"operations", result.operations},
                         {"states", result.states},
                         {"violation", std::move(violation)}});
  }
  return registers;
}

json::object ledger_json(const History& history, const Judgement& judgement) {
  const LedgerReport& report = *judgement.ledger;
  json::array findings;
  for (const LedgerFinding& finding : report.findings) {
    json::object object;
    object["what"] = name_of(finding.what);
    object["id"] = finding.id;
    object["found"] = value_json(finding.found);
    object["read"] = operation_json(history.operations[judgement.reads_of[finding.read]]);
    object["write"] =
        finding.write
            ? json::value(operation_json(history.operations[judgement.writes_of[*finding.write]]))
            : json::value(nullptr);
    findings.push_back(std::move(object));
  }
  return {{"ok", report.ok},
          {"lost", report.lost},
          {"duplicated", report.duplicated},
          {"never_written", report.never_written},
          {"unacknowledged", report.unacknowledged},
          {"absent", report.absent},
          {"unjudged", report.unjudged},
          {"stale_own", report.stale_own},
          {"stale_other", report.stale_other},
          {"findings", std::move(findings)}};
}

}  // namespace

json::object judgement_json(const std::string& file, const History& history,
                            const Judgement& judgement) {
  json::object object;
  object["file"] = file;
  object["format"] = name_of(history.format);
  object["model"] = name_of(judgement.model);
  object["verdict"] = verdict_text(judgement.verdict, judgement.model);
  object["exit_code"] = exit_code(judgement.verdict);
  object["reason"] = judgement.reason;
  object["operations"] = judgement.operations;
  object["failed"] = judgement.failed;
  object["unfinished"] = judgement.unfinished;
  object["passed_over"] = judgement.passed_over;
  if (judgement.ledger)
    object["ledger"] = ledger_json(history, judgement);
  else
    object["registers"] = registers_json(judgement);
  return object;
}

}  // namespace nospof::history
