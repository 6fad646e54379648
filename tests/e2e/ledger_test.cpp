// The ledger in a whole proof, on a stack that really stores: its writes are acknowledged, its
// histories are kept and judged, and a write that the database loses is found.

#include <optional>
#include <sstream>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace json = boost::json;

const char* const topology = "tests/e2e/store/topology.yaml";

json::object history_of(const json::object& result, const std::string& file) {
  for (const json::value& history : result.at("histories").as_array())
    if (history.at("file").as_string() == file) return history.as_object();
  throw Error("the result has no history " + file);
}

std::vector<std::string> findings_of(const json::object& result) {
  std::vector<std::string> what;
  for (const json::value& finding : result.at("findings").as_array())
    what.emplace_back(finding.at("what").as_string());
  return what;
}

/// The number of the first row that was acknowledged.
std::optional<std::int64_t> acknowledged_row(const std::string& runs) {
  const std::string file = file_below(runs, "ledger.jsonl");
  if (file.empty()) return std::nullopt;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    const json::object event = json::parse(line).as_object();
    if (event.at("type") == "ok" && event.at("f") == "add") return event.at("value").as_int64();
  }
  return std::nullopt;
}

TEST(Ledger, EveryAcknowledgedWriteIsThereThoughAPausedServerDoesSomeTwice) {
  Sandbox sandbox;
  const CommandResult run = sandbox.run(
      {"prove", source(topology), "--runs", sandbox.runs(), "--only", "app1/app/process-pause"},
      120s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  const json::object result = result_in(sandbox.runs());
  EXPECT_THAT(findings_of(result), IsEmpty()) << run.output;
  EXPECT_EQ(result.at("cells").at(0).at("observed").at("lost_writes"), 0);

  const json::object rows = history_of(result, "ledger.jsonl");
  EXPECT_EQ(rows.at("verdict"), "ok") << rows.at("reason");
  EXPECT_GE(rows.at("ledger").at("ok").as_int64(), 5);
  EXPECT_EQ(rows.at("ledger").at("lost"), 0);
  EXPECT_EQ(rows.at("ledger").at("unjudged"), 0);
  const json::object registers = history_of(result, "register.jsonl");
  EXPECT_EQ(registers.at("verdict"), "linearizable") << registers;
  EXPECT_GE(registers.at("operations").as_int64(), 5);
  for (const char* file : {"ledger.jsonl", "ledger.edn", "register.jsonl", "register.edn"})
    EXPECT_EQ(sandbox.run({"check-history", file_below(sandbox.runs(), file)}, 20s).exit_code, 0)
        << file;
}

TEST(Ledger, AnAcknowledgedWriteThatTheDatabaseLosesMakesTheRunFail) {
  Sandbox sandbox;
  const std::string lab = sandbox.lab_name("l");
  ASSERT_EQ(sandbox.run({"lab", "up", source(topology), "--name", lab}, 60s).exit_code, 0);
  Child proof = sandbox.start({"prove", source(topology), "--lab", lab, "--runs", sandbox.runs(),
                               "--only", "app1/app/process-kill"},
                              "run.log");
  const auto log = [&] { return read_file(sandbox.folder() + "/run.log"); };
  std::optional<std::int64_t> row;
  ASSERT_TRUE(eventually(60s, [&] {
    row = acknowledged_row(sandbox.runs());
    return row.has_value();
  })) << log();
  const CommandResult removed = sandbox.run(
      {"lab", "exec", lab, "db1", "--", "mariadb", "--no-defaults",
       "--socket=/run/mysqld/mysqld.sock", "-Nse",
       fmt::format("DELETE FROM app.canary WHERE id REGEXP '-w[0-9]+-{}$'; SELECT ROW_COUNT()",
                   *row)},
      20s);
  ASSERT_EQ(removed.output, "1\n") << removed.errors;

  ASSERT_TRUE(proof.wait(120s)) << log();
  EXPECT_EQ(describe_wait_status(*proof.status()), "exited with 1") << log();
  const json::object result = result_in(sandbox.runs());
  EXPECT_EQ(result.at("verdict"), "fail");
  EXPECT_THAT(findings_of(result), Contains("lost-write"));
  const json::object rows = history_of(result, "ledger.jsonl");
  EXPECT_EQ(rows.at("verdict"), "violated");
  EXPECT_EQ(rows.at("ledger").at("lost"), 1);
  EXPECT_THAT(log(), HasSubstr("acknowledged writes are not in the last read"));
  const CommandResult checked =
      sandbox.run({"check-history", file_below(sandbox.runs(), "ledger.jsonl")}, 20s);
  EXPECT_EQ(checked.exit_code, 1) << checked.output << checked.errors;
}

}  // namespace
}  // namespace nospof::e2e
