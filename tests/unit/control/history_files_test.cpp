// What a ledger probe tells -> files that harness/history reads.

#include "control/history_files.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "control/recorder.hpp"
#include "history/judge.hpp"
#include "system/check.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::control {
namespace {

using kinds::Operation;
using Event = Operation::Event;
using Function = Operation::Function;

Operation on_ledger(std::int64_t at_ns, std::int64_t process, Event event, Function function,
                    std::optional<std::int64_t> row, std::vector<Operation::Row> rows = {}) {
  return {at_ns, process, event, function, "", {}, row, std::move(rows)};
}
Operation on_register(std::int64_t at_ns, std::int64_t process, Event event, Function function,
                      std::optional<std::int64_t> value) {
  return {at_ns, process, event, function, "m-r0", value, {}, {}};
}

std::vector<Operation> a_history() {
  return {on_ledger(1, 0, Event::invoke, Function::add, 0),
          on_register(2, 1, Event::invoke, Function::read, {}),
          on_ledger(3, 0, Event::ok, Function::add, 0),
          on_register(4, 1, Event::ok, Function::read, {}),
          on_ledger(5, 0, Event::invoke, Function::add, 1),
          on_register(6, 1, Event::invoke, Function::write, 7),
          on_ledger(7, 0, Event::info, Function::add, 1),
          on_register(8, 1, Event::ok, Function::write, 7),
          on_ledger(9, 2, Event::invoke, Function::read, 0),
          on_register(10, 1, Event::invoke, Function::read, {}),
          on_ledger(11, 2, Event::ok, Function::read, 0, {{0, {}}}),
          on_register(12, 1, Event::ok, Function::read, 7),
          on_ledger(13, 2, Event::invoke, Function::read, {}),
          on_ledger(14, 2, Event::ok, Function::read, {}, {{0, {}}, {1, -1}})};
}

TEST(OperationJson, ComesBackTheSame) {
  for (const Operation& operation : a_history())
    EXPECT_EQ(kinds::operation_from_json(kinds::operation_json(operation)), operation);
  EXPECT_ANY_THROW(kinds::operation_from_json({1, 2, "began", "add", "", nullptr, 0, {}}));
  EXPECT_ANY_THROW(kinds::operation_from_json({1, 2}));
}

TEST(HistoryFiles, AreReadAsWhatWasTold) {
  const test::TemporaryFolder folder;
  HistoryFiles files(folder.path(), "-2");
  for (const Operation& operation : a_history()) files.add({operation});
  for (const char* ending : {"jsonl", "edn"}) {
    SCOPED_TRACE(ending);
    const history::History ledger = history::read_history(folder / "ledger-2." + ending);
    EXPECT_EQ(ledger.model, history::Model::ledger);
    ASSERT_EQ(ledger.operations.size(), 4U);
    EXPECT_EQ(ledger.operations[1].outcome, history::Outcome::unknown);
    EXPECT_EQ(ledger.operations[2].key, "0");
    EXPECT_EQ(ledger.operations[2].invoked_ns, 9);
    EXPECT_EQ(ledger.operations[3].rows, (std::vector<history::Row>{{0, {}}, {1, -1}}));
    const history::History registers = history::read_history(folder / "register-2." + ending);
    EXPECT_EQ(registers.model, history::Model::cas_register);
    ASSERT_EQ(registers.operations.size(), 3U);
    EXPECT_EQ(registers.operations[0].key, "m-r0");
    EXPECT_EQ(registers.operations[2].value, 7);
    EXPECT_EQ(history::judge(registers, {}).verdict, history::Verdict::ok);
  }
}

TEST(HistoryFiles, AreMadeWhenThereIsSomethingToWrite) {
  const test::TemporaryFolder folder;
  HistoryFiles files(folder.path(), "");
  files.add({});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  files.add({a_history().front()});
  EXPECT_TRUE(std::filesystem::exists(folder / "ledger.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder / "register.jsonl"));
}

TEST(HistoryFiles, EveryStartOfAProbeHasItsOwn) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder recorder(folder.path(), "run", clock);
  for (int i = 0; i < 2; ++i) recorder.begin_history().add(a_history());
  EXPECT_TRUE(std::filesystem::exists(recorder.folder() + "/ledger.jsonl"));
  EXPECT_TRUE(std::filesystem::exists(recorder.folder() + "/register.edn"));
  EXPECT_TRUE(std::filesystem::exists(recorder.folder() + "/ledger-2.edn"));
}

}  // namespace
}  // namespace nospof::control
