#include <algorithm>
#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

#include "history/event.hpp"
#include "spec/problems.hpp"

namespace nospof::history {

namespace {

bool holds_value(const Datum& datum) {
  return datum.kind == Datum::Kind::nil || datum.kind == Datum::Kind::integer;
}

Value value_of(const Datum& datum) {
  return datum.kind == Datum::Kind::integer ? Value(datum.integer) : Value();
}

bool is_pair(const Datum& datum) {
  return datum.kind == Datum::Kind::list && datum.items.size() == 2;
}

// Pairs invocations with returns and gives the values their meaning.
class Assembler {
 public:
  Assembler(Model model, const std::string& file) : file_(file) { history_.model = model; }

  void take(Event& event) {
    if (event.type == EventType::invoke)
      invoke(event);
    else
      finish(event);
    ++history_.events;
  }

  History history() { return std::move(history_); }

 private:
  bool is_ledger() const { return history_.model == Model::ledger; }

  void invoke(Event& event) {
    const auto open = open_.find(event.process);
    if (open != open_.end())
      refuse(file_, event.mark,
             fmt::format("process {} invokes again, but its operation of line {} has no return",
                         event.process, history_.operations[open->second].line));
    check_function(event);
    Operation operation;
    operation.process = event.process;
    operation.function = event.function;
    operation.invoked = history_.events;
    operation.invoked_ns = event.time_ns;
    operation.line = event.mark.line;
    operation.key = take_key(event);
    if (is_ledger() && !operation.key.empty()) check_row_key(operation, event.key->mark);
    read_arguments(operation, event.value);
    open_.emplace(event.process, history_.operations.size());
    history_.operations.push_back(std::move(operation));
  }

  void finish(Event& event) {
    const auto open = open_.find(event.process);
    if (open == open_.end())
      refuse(file_, event.mark,
             fmt::format("a return of process {}, which has invoked nothing", event.process));
    Operation& operation = history_.operations[open->second];
    if (operation.function != event.function)
      refuse(file_, event.mark,
             fmt::format("process {} returns from {}, but invoked {} in line {}", event.process,
                         name_of(event.function), name_of(operation.function), operation.line));
    operation.returned = history_.events;
    operation.returned_ns = event.time_ns;
    operation.return_line = event.mark.line;
    if (event.type == EventType::fail) operation.outcome = Outcome::failed;
    if (event.type == EventType::ok) {
      operation.outcome = Outcome::ok;
      read_answer(operation, event);
    }
    open_.erase(open);
  }

  void check_function(const Event& event) const {
    const bool fits =
        event.function == Function::read || (event.function == Function::add) == is_ledger();
    if (!fits)
      refuse(file_, event.mark,
             fmt::format("'{}' in a history with 'add'; a ledger has 'add' and 'read' only",
                         name_of(event.function)));
  }

  // From the field of its own, or from Jepsen's tuples [key value]: a register's value is never a
  // list, that of a cas is one of two values. What is left in the event is the value alone.
  std::string take_key(Event& event) const {
    if (event.key && event.key->kind != Datum::Kind::nil) return key_text(*event.key);
    if (is_ledger() || !is_pair(event.value)) return {};
    const Datum& second = event.value.items[1];
    const bool is_cas = event.function == Function::cas;
    if (is_cas && second.kind != Datum::Kind::list) return {};
    std::string key = key_text(event.value.items[0]);
    Datum value = std::move(event.value.items[1]);
    event.value = std::move(value);
    return key;
  }

  std::string key_text(const Datum& datum) const {
    if (datum.kind == Datum::Kind::integer) return fmt::format("{}", datum.integer);
    const bool is_name = datum.kind == Datum::Kind::text || datum.kind == Datum::Kind::word;
    if (!is_name || datum.text.empty())
      refuse(file_, datum.mark,
             "the key is " + kind_text(datum) + "; expected an integer or a name");
    return datum.text;
  }

  void read_arguments(Operation& operation, const Datum& value) const {
    switch (operation.function) {
      case Function::read:
        return;
      case Function::write:
        operation.value = single_value("write", value);
        return;
      case Function::cas:
        if (!is_pair(value) || !holds_value(value.items[0]) || !holds_value(value.items[1]))
          refuse(file_, value.mark,
                 fmt::format("the value of a cas is {}; expected [expected new], each an integer "
                             "or nil",
                             kind_text(value)));
        operation.expected = value_of(value.items[0]);
        operation.value = value_of(value.items[1]);
        return;
      case Function::add:
        operation.rows.push_back(row_of(value));
        return;
    }
  }

  void read_answer(Operation& operation, Event& event) const {
    const std::string key = take_key(event);
    if (!key.empty() && key != operation.key)
      refuse(
          file_, event.mark,
          fmt::format("the return has key {}, but the invocation in line {} {}", spec::quote(key),
                      operation.line, operation.key.empty() ? "none" : spec::quote(operation.key)));
    if (operation.function == Function::read && is_ledger())
      operation.rows = rows_of(event.value);
    else if (operation.function == Function::read)
      operation.value = single_value("read", event.value);
    else if (event.value.kind != Datum::Kind::nil)
      check_same(operation, event);
  }

  // A write, a cas or an add returns what was asked for, or nil.
  void check_same(const Operation& operation, const Event& event) const {
    Operation answered;
    answered.function = operation.function;
    read_arguments(answered, event.value);
    if (answered.value != operation.value || answered.expected != operation.expected ||
        answered.rows != operation.rows)
      refuse(file_, event.value.mark,
             fmt::format("the return of '{}' says '{}', which is not what was invoked in line {}",
                         describe(operation), describe(answered), operation.line));
  }

  Value single_value(const char* function, const Datum& value) const {
    if (!holds_value(value))
      refuse(file_, value.mark,
             fmt::format("the value of a {} is {}; expected an integer or nil", function,
                         kind_text(value)));
    return value_of(value);
  }

  Row row_of(const Datum& datum) const {
    if (datum.kind == Datum::Kind::integer) return {datum.integer, {}};
    if (!is_pair(datum) || datum.items[0].kind != Datum::Kind::integer ||
        !holds_value(datum.items[1]))
      refuse(file_, datum.mark,
             "a row is " + kind_text(datum) + "; expected its id, or [id value]");
    return {datum.items[0].integer, value_of(datum.items[1])};
  }

  std::vector<Row> rows_of(const Datum& datum) const {
    if (datum.kind != Datum::Kind::list)
      refuse(file_, datum.mark,
             "a ledger's read returns " + kind_text(datum) + "; expected a list of rows");
    std::vector<Row> rows;
    rows.reserve(datum.items.size());
    for (const Datum& item : datum.items) rows.push_back(row_of(item));
    return rows;
  }

  void check_row_key(const Operation& operation, Mark mark) const {
    if (operation.function == Function::add)
      refuse(file_, mark, "an add has no key; expected its row, with its id, as the value");
    const std::string& key = operation.key;
    std::int64_t id = 0;
    const char* end = key.data() + key.size();
    const auto [rest, error] = std::from_chars(key.data(), end, id);
    if (error != std::errc() || rest != end)
      refuse(file_, mark,
             "the key of a ledger's read is " + spec::quote(key) +
                 "; expected the id of a row, an integer");
  }

  const std::string& file_;
  History history_;
  std::unordered_map<std::int64_t, std::size_t> open_;  // process -> index of its operation
};

}  // namespace

History assemble(Events events, const std::string& file) {
  const bool adds = std::ranges::any_of(
      events.list, [](const Event& event) { return event.function == Function::add; });
  Assembler assembler(adds ? Model::ledger : Model::cas_register, file);
  for (Event& event : events.list) {
    assembler.take(event);
    event.value = {};
  }
  History history = assembler.history();
  history.passed_over = events.passed_over;
  return history;
}

}  // namespace nospof::history
