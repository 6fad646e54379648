// Reads and judges each file of tests/histories and compares with what expected.txt there says.

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "history/judge.hpp"
#include "history/text.hpp"
#include "history/write.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"
#include "tests/unit/history/support.hpp"

namespace nospof::history::test {
namespace {

namespace fs = std::filesystem;

struct Expected {
  std::string name;
  std::string what;
};

void PrintTo(const Expected& expected, std::ostream* out) {
  *out << expected.name;
}

// Lines "NAME: WHAT"; those that begin with # say what WHAT may be.
std::vector<Expected> expectations() {
  std::istringstream lines(read_file(history_file("expected.txt")));
  std::vector<Expected> all;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t colon = line.find(": ");
    all.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return all;
}

// "ok", "undecided", "violation 3", "violation lost row 1", or "LINE:COLUMN: MESSAGE".
std::string outcome_of(const std::string& name) {
  try {
    const History history = read_history(history_file(name));
    const Judgement judgement = judge(history, {});
    if (judgement.verdict == Verdict::ok) return "ok";
    if (judgement.verdict == Verdict::undecided) return "undecided: " + judgement.reason;
    if (judgement.ledger)
      return fmt::format("violation {} row {}", name_of(judgement.ledger->findings.at(0).what),
                         judgement.ledger->findings.at(0).id);
    for (const RegisterResult& result : judgement.registers)
      if (result.verdict == Verdict::violation)
        return fmt::format("violation {}", result.violation.size());
    return "a violation of nothing";
  } catch (const spec::SpecError& error) {
    const spec::Problem& problem = error.problems().at(0);
    EXPECT_EQ(problem.file, history_file(name));
    return fmt::format("{}:{}: {}", problem.mark.line, problem.mark.column, problem.message);
  }
}

class HistoryFile : public testing::TestWithParam<Expected> {};

TEST_P(HistoryFile, IsJudgedAsExpected) {
  EXPECT_THAT(outcome_of(GetParam().name), testing::StartsWith(GetParam().what));
}

// Whatever is read is read the same from what is written of it.
TEST_P(HistoryFile, SurvivesBeingWritten) {
  if (GetParam().name.starts_with("bad-")) return;
  const History history = read_history(history_file(GetParam().name));
  if (history.operations.empty()) return;
  const auto without_lines = [](std::vector<Operation> operations) {
    for (Operation& operation : operations) operation.line = operation.return_line = 0;
    return operations;
  };
  for (const auto& [format, text] :
       {std::pair(Format::edn, edn_text(history)), std::pair(Format::json, json_lines(history))}) {
    const History again = parse_history(text);
    EXPECT_EQ(again.format, format) << text;
    EXPECT_EQ(again.model, history.model) << text;
    EXPECT_EQ(again.events, history.events) << text;
    EXPECT_EQ(without_lines(again.operations), without_lines(history.operations)) << text;
  }
}

std::string test_name(const testing::TestParamInfo<Expected>& file) {
  std::string name = file.param.name;
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, HistoryFile, testing::ValuesIn(expectations()), test_name);

TEST(HistoryFiles, AreAllExpectedOfEachKind) {
  std::vector<std::string> there;
  for (const auto& entry : fs::directory_iterator(history_file("")))
    if (entry.path().filename() != "expected.txt")
      there.push_back(entry.path().filename().string());
  std::vector<std::string> expected;
  std::size_t ok = 0;
  std::size_t violations = 0;
  for (const Expected& file : expectations()) {
    expected.push_back(file.name);
    ok += file.what == "ok" ? 1 : 0;
    violations += file.what.starts_with("violation") ? 1 : 0;
  }
  EXPECT_THAT(there, testing::UnorderedElementsAreArray(expected));
  EXPECT_GE(expected.size(), 60U);
  EXPECT_GE(ok, 15U);
  EXPECT_GE(violations, 15U);
}

}  // namespace
}  // namespace nospof::history::test
