#include "control/history_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "history/write.hpp"

namespace nospof::control {

namespace {

history::Function function_of(kinds::Operation::Function function) {
  switch (function) {
    case kinds::Operation::Function::add:
      return history::Function::add;
    case kinds::Operation::Function::read:
      return history::Function::read;
    case kinds::Operation::Function::write:
      return history::Function::write;
  }
  return history::Function::read;
}

history::Outcome outcome_of(kinds::Operation::Event event) {
  switch (event) {
    case kinds::Operation::Event::ok:
      return history::Outcome::ok;
    case kinds::Operation::Event::fail:
      return history::Outcome::failed;
    case kinds::Operation::Event::invoke:
    case kinds::Operation::Event::info:
      break;
  }
  return history::Outcome::unknown;
}

history::Operation half_of(const kinds::Operation& told) {
  history::Operation operation;
  operation.process = told.process;
  operation.function = function_of(told.function);
  operation.outcome = outcome_of(told.event);
  operation.value = told.value;
  operation.key = told.register_key;
  operation.invoked_ns = operation.returned_ns = told.at_ns;
  if (told.function == kinds::Operation::Function::add)
    operation.rows.push_back({told.row.value_or(0), {}});
  else if (told.row)
    operation.key = fmt::format("{}", *told.row);
  for (const kinds::Operation::Row& row : told.rows) operation.rows.push_back({row.id, row.value});
  return operation;
}

std::string line_of(const kinds::Operation& told, bool ledger, bool edn) {
  const history::Model model = ledger ? history::Model::ledger : history::Model::cas_register;
  const history::Half half = told.event == kinds::Operation::Event::invoke
                                 ? history::Half::invocation
                                 : history::Half::completion;
  return edn ? history::edn_line(half_of(told), half, model)
             : history::json_line(half_of(told), half, model);
}

}  // namespace

void HistoryFiles::add(const std::vector<kinds::Operation>& operations) {
  for (File& file : files_) {
    std::string text;
    for (const kinds::Operation& told : operations)
      if (told.register_key.empty() == file.ledger) text += line_of(told, file.ledger, file.edn);
    if (!text.empty()) write(file, text);
  }
}

void HistoryFiles::write(File& file, const std::string& text) {
  const std::string path =
      fmt::format("{}/{}{}.{}", folder_, file.name, suffix_, file.edn ? "edn" : "jsonl");
  if (!file.fd) file.fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  write_all(file.fd.get(), text, path);
}

}  // namespace nospof::control
