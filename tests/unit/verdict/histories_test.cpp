// What the ledger's clients recorded -> the run's verdict and its reports.

#include "verdict/histories.hpp"

#include <filesystem>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.hpp"
#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/verdict/run_folder.hpp"
#include "tests/unit/verdict/scenario.hpp"

namespace nospof::verdict {
namespace {

namespace json = boost::json;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string line(int process, const char* type, const char* f, const std::string& value,
                 const char* key = "") {
  return "{\"process\":" + std::to_string(process) + ",\"type\":\"" + type + "\",\"f\":\"" + f +
         "\",\"value\":" + value + (*key != 0 ? std::string(",\"key\":\"") + key + "\"" : "") +
         "}\n";
}
std::string call(int process, const char* f, const std::string& value, const char* key = "") {
  return line(process, "invoke", f, value, key) + line(process, "ok", f, value, key);
}

const std::string two_rows = call(0, "add", "0") + call(1, "add", "1") +
                             line(2, "invoke", "add", "2") + line(2, "info", "add", "2");
const std::string good_ledger = two_rows + call(3, "read", "[0,1,2]");
const std::string good_register = call(0, "write", "1", "m-r0") + call(1, "read", "1", "m-r0");

class Histories : public testing::Test {
 protected:
  Histories() { test::write_run_folder(folder_.path(), test::one_cell_run(test::always_ok)); }
  RunResult judged() { return report::write_reports(folder_.path()); }
  void write(const std::string& name, const std::string& text) { write_file(folder_ / name, text); }
  json::object result_json() { return json::parse(read_file(folder_ / "result.json")).as_object(); }
  TemporaryFolder folder_;
};

TEST_F(Histories, GoodOnesChangeNothing) {
  write("ledger.jsonl", good_ledger);
  write("register.jsonl", good_register);
  const RunResult result = judged();
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_THAT(result.findings, IsEmpty());
  ASSERT_EQ(result.histories.size(), 2U);
  EXPECT_EQ(result.histories[0].ledger->ok, 2U);
  EXPECT_EQ(result.histories[0].ledger->unacknowledged, 1U);
  EXPECT_EQ(result.histories[1].registers, 1U);
  const json::array histories = result_json().at("histories").as_array();
  EXPECT_EQ(histories.at(0).at("file"), "ledger.jsonl");
  EXPECT_EQ(histories.at(0).at("verdict"), "ok");
  EXPECT_EQ(histories.at(0).at("ledger").at("lost"), 0);
  EXPECT_EQ(histories.at(0).at("ledger").at("unacknowledged"), 1);
  EXPECT_EQ(histories.at(1).at("verdict"), "linearizable");
  EXPECT_THAT(read_file(folder_ / "summary.md"), HasSubstr("## Histories"));
}

TEST_F(Histories, WhatIsMissingInAStackThatIsNotWholeIsADoubt) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.cells.at(0).redundant->ok = false;
  const TemporaryFolder other;
  test::write_run_folder(other.path(), run);
  write_file(other / "ledger.jsonl", two_rows + call(3, "read", "[0]"));
  const RunResult result = report::write_reports(other.path());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.findings, IsEmpty());
  EXPECT_THAT(result.reasons, testing::Contains(HasSubstr("not seen whole")));
}

TEST_F(Histories, ALedgerWithoutAHistoryProvesNothing) {
  RunRecord run = test::one_cell_run(test::always_ok);
  run.observers = {{"ledger", "ledger", "client"}};
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.reasons, testing::Contains(HasSubstr("history is missing")));
}

TEST_F(Histories, WhatIsLostFailsTheRun) {
  write("ledger.jsonl", two_rows + call(3, "read", "[0]"));
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].what, "lost-write");
  EXPECT_THAT(result.findings[0].detail, HasSubstr("1 of 2 acknowledged writes"));
  EXPECT_THAT(result.findings[0].hosts, ElementsAre("client"));
}

TEST_F(Histories, ValuesOfNobodyFailTheRun) {
  write("ledger.jsonl", two_rows + call(3, "read", "[0,[1,-1]]"));
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].what, "wrong-value");
}

TEST_F(Histories, StaleReadsAreOnlyCounted) {
  write("ledger.jsonl", call(0, "add", "0") + line(1, "invoke", "read", "null", "0") +
                            line(1, "ok", "read", "[]", "0") + call(2, "read", "[0]"));
  const RunResult result = judged();
  EXPECT_EQ(result.verdict, Verdict::pass);
  EXPECT_EQ(result_json().at("histories").at(0).at("ledger").at("stale_reads"), 1);
}

TEST_F(Histories, ARegisterThatIsNotLinearizableFailsTheRun) {
  write("register.jsonl", good_register + call(0, "write", "2", "m-r1") +
                              call(0, "write", "3", "m-r1") + call(1, "read", "2", "m-r1"));
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].what, "not-linearizable");
  EXPECT_THAT(result.findings[0].subject, HasSubstr("m-r1"));
  EXPECT_THAT(result.findings[0].detail, HasSubstr("read 2 (client 1, line 9)"));
  const json::object history = result_json().at("histories").at(0).as_object();
  EXPECT_EQ(history.at("registers"), 2);
  EXPECT_EQ(history.at("not_ok").as_array().size(), 1U);
  EXPECT_GE(history.at("not_ok").at(0).at("violation").as_array().size(), 2U);
  EXPECT_THAT(read_file(folder_ / "summary.md"), HasSubstr("read 2"));
}

TEST_F(Histories, ALedgerWithoutItsLastReadIsNoPass) {
  write("ledger.jsonl", two_rows);
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("ledger.jsonl is undecided: 2 rows were")));
}

TEST_F(Histories, ATornOneIsReadAndIsNoPass) {
  write("ledger.jsonl", good_ledger.substr(0, good_ledger.size() - 5));
  write("register.jsonl", good_register);
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 3);
  ASSERT_EQ(result.histories.size(), 2U);
  EXPECT_THAT(result.reasons.front(), HasSubstr("ledger.jsonl: the last line is torn"));
}

TEST_F(Histories, OnesThatCannotBeReadAreDamage) {
  write("register.jsonl", "{\"process\":0}\n");
  const RunResult result = judged();
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.histories, IsEmpty());
  EXPECT_THAT(result.reasons, ElementsAre(HasSubstr("register.jsonl:1:1")));
}

TEST_F(Histories, ThoseOfEveryStartAreJudged) {
  write("ledger.jsonl", good_ledger);
  write("ledger-2.jsonl", two_rows + call(3, "read", "[1]"));
  write("register-2.jsonl", good_register);
  const RunResult result = judged();
  EXPECT_EQ(result.histories.size(), 3U);
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].subject, "ledger-2.jsonl");
}

}  // namespace
}  // namespace nospof::verdict
