// The verb check-history of the built program: what it prints where, and its exit codes.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/process.hpp"
#include "tests/support/places.hpp"

namespace nospof {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string file(const std::string& name) {
  return std::string(test::source_folder) + "/tests/histories/" + name;
}

CommandResult check_history(std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = {test::built_program, "check-history"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  return run_command(std::move(options), std::chrono::seconds(60));
}

TEST(CheckHistory, ZeroForALinearizableHistory) {
  const CommandResult result =
      check_history({file("log-sequential.log"), file("edn-keyed.edn"), file("ledger-ok.jsonl")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, StartsWith(file("log-sequential.log") + ": linearizable (register"));
  EXPECT_THAT(result.output, HasSubstr(file("ledger-ok.jsonl") + ": ok (ledger"));
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(CheckHistory, OneForAViolationWhateverElseIsFine) {
  const CommandResult result = check_history(
      {file("log-stale-read.log"), file("log-sequential.log"), file("edn-no-operations.edn")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("no order explains 2 of its 3 operations"));
  EXPECT_THAT(result.output, HasSubstr("log-sequential.log: linearizable"));
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(CheckHistory, TwoForBadInputAndTheOthersAreJudged) {
  const CommandResult result = check_history(
      {file("bad-log-type.log"), file("log-stale-read.log"), file("is-not-there.log")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("log-stale-read.log: not linearizable"));
  EXPECT_THAT(result.errors, StartsWith(file("bad-log-type.log") + ":1:"));
  EXPECT_THAT(result.errors, HasSubstr("is-not-there.log: cannot be read"));
}

TEST(CheckHistory, TwoForBadUsage) {
  EXPECT_EQ(check_history({}).exit_code, 2);
  const std::string good = file("log-sequential.log");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--format", "xml", good},
        std::vector<std::string>{"--stale-reads", "some", good},
        std::vector<std::string>{"--max-memory", "1", good},
        std::vector<std::string>{"--max-states", "few", good}}) {
    const CommandResult result = check_history(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments.front();
    EXPECT_THAT(result.errors, HasSubstr(arguments.front()));
    EXPECT_THAT(result.output, IsEmpty());
  }
}

TEST(CheckHistory, ThreeWhenItGivesUp) {
  const CommandResult result =
      check_history({"--max-states", "0", file("log-two-cas-one-value.log")});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.output, HasSubstr("undecided"));
  EXPECT_THAT(result.output, HasSubstr("--max-states"));
  EXPECT_EQ(check_history({file("edn-no-operations.edn")}).exit_code, 3);
}

TEST(CheckHistory, WhichStaleReadsCountIsChosen) {
  const std::string other = file("ledger-stale-other.jsonl");
  const std::string own = file("ledger-stale-own.jsonl");
  EXPECT_EQ(check_history({other}).exit_code, 1);
  EXPECT_EQ(check_history({"--stale-reads", "own", other}).exit_code, 0);
  EXPECT_EQ(check_history({"--stale-reads", "own", own}).exit_code, 1);
  EXPECT_EQ(check_history({"--stale-reads", "allowed", own}).exit_code, 0);
}

TEST(CheckHistory, AFormatCanBeForced) {
  const CommandResult result = check_history({"--format", "json", file("edn-lines.edn")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("not JSON"));
}

TEST(CheckHistory, JsonIsOneDocument) {
  const CommandResult result =
      check_history({"--json", file("log-stale-read.log"), file("bad-log-type.log")});
  EXPECT_EQ(result.exit_code, 2);
  const boost::json::value json = boost::json::parse(result.output);
  EXPECT_EQ(json.at("schema"), 1);
  EXPECT_EQ(json.at("exit_code"), 2);
  EXPECT_EQ(json.at("files").at(0).at("verdict"), "not linearizable");
  EXPECT_EQ(json.at("files").at(1).at("line"), 1);
  EXPECT_THAT(result.errors, HasSubstr("bad-log-type.log:1:"));
}

}  // namespace
}  // namespace nospof
