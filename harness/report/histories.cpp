#include "report/histories.hpp"

#include <filesystem>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "history/history.hpp"
#include "spec/problems.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::report {

namespace json = boost::json;

namespace {

json::object ledger_json(const history::LedgerReport& ledger) {
  return {{"ok", ledger.ok},
          {"lost", ledger.lost},
          {"duplicated", ledger.duplicated},
          {"never_written", ledger.never_written},
          {"unacknowledged", ledger.unacknowledged},
          {"absent", ledger.absent},
          {"unjudged", ledger.unjudged},
          {"stale_reads", ledger.stale_own + ledger.stale_other}};
}

// Only the registers that are not as they should be: there is one every few seconds.
json::array registers_json(const std::vector<history::RegisterResult>& registers) {
  json::array list;
  for (const history::RegisterResult& one : registers) {
    json::array violation;
    for (const history::Operation& operation : one.violation)
      violation.push_back({{"process", operation.process},
                           {"text", history::describe(operation)},
                           {"line", operation.line},
                           {"return_line", operation.return_line}});
    list.push_back({{"key", one.key},
                    {"verdict", history::verdict_text(one.verdict, history::Model::cas_register)},
                    {"operations", one.operations},
                    {"violation", std::move(violation)}});
  }
  return list;
}

json::object history_json(const verdict::HistoryResult& result) {
  json::object object;
  object["file"] = result.file;
  object["model"] = history::name_of(result.model);
  object["verdict"] = history::verdict_text(result.verdict, result.model);
  object["reason"] = result.reason;
  object["operations"] = result.operations;
  object["unfinished"] = result.unfinished;
  if (result.ledger) {
    object["ledger"] = ledger_json(*result.ledger);
  } else {
    object["registers"] = result.registers;
    object["not_ok"] = registers_json(result.not_ok);
  }
  return object;
}

void read_history(const std::string& run_folder, const std::string& file, verdict::RunRecord& run) {
  std::string text = read_file(run_folder + "/" + file);
  if (!text.ends_with('\n')) {
    run.damage.push_back(file + ": the last line is torn");
    text.resize(text.rfind('\n') + 1);  // nothing, where there is none
  }
  if (text.empty()) return;
  try {
    run.histories.push_back({file, history::parse_history(text, history::Format::json, file)});
  } catch (const spec::SpecError& e) {
    run.damage.push_back(e.what());
  }
}

}  // namespace

void load_histories(const std::string& run_folder, verdict::RunRecord& run) {
  for (int number = 1;; ++number) {
    const std::string suffix = number == 1 ? "" : fmt::format("-{}", number);
    bool any = false;
    for (const char* name : {"ledger", "register"}) {
      const std::string file = fmt::format("{}{}.jsonl", name, suffix);
      if (!std::filesystem::exists(run_folder + "/" + file)) continue;
      any = true;
      read_history(run_folder, file, run);
    }
    if (!any) return;
  }
}

json::array histories_json(const std::vector<verdict::HistoryResult>& results) {
  json::array list;
  for (const verdict::HistoryResult& result : results) list.push_back(history_json(result));
  return list;
}

}  // namespace nospof::report
