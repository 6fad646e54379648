// Several labs of one proof side by side: the same verdicts as one lab gives, and nothing left of
// any of them, however it ends.

#include <csignal>
#include <map>
#include <regex>
#include <set>
#include <thread>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

namespace json = boost::json;

std::map<std::string, std::string> verdicts_of(const json::object& result) {
  std::map<std::string, std::string> verdicts;
  for (const json::value& value : result.at("cells").as_array()) {
    const json::object& cell = value.as_object();
    verdicts[std::string(cell.at("id").as_string())] = std::string(cell.at("verdict").as_string());
  }
  return verdicts;
}

std::vector<std::string> prove(const std::string& topology, const std::string& runs,
                               const std::string& labs) {
  return {"prove",  source(topology),
          "--runs", runs,
          "--labs", labs,
          "--only", "web*/nginx/process-*",
          "--only", "web*/host-crash",
          "--only", "web*/partition"};
}

/// One that was no pass beside another lab is tried once more, alone.
const json::value& first_try(const json::value& cell) {
  const json::array& earlier = cell.at("earlier").as_array();
  return earlier.empty() ? cell : earlier.front();
}

std::size_t count_of(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

TEST(TwoLabs, GiveTheVerdictsOfOneAndBothAreGoneAfterwards) {
  const auto before = machine_state();
  Sandbox sandbox;
  const std::string topology = "tests/e2e/mini/topology.yaml";
  const CommandResult one = sandbox.run(prove(topology, sandbox.runs() + "/one", "1"), 300s);
  EXPECT_EQ(one.exit_code, 0) << one.output << one.errors;
  const CommandResult two = sandbox.run(prove(topology, sandbox.runs() + "/two", "2"), 300s);
  EXPECT_EQ(two.exit_code, 0) << two.output << two.errors;
  EXPECT_THAT(two.output, HasSubstr("2 labs side by side"));

  const json::object result = result_in(sandbox.runs() + "/two");
  EXPECT_EQ(verdicts_of(result), verdicts_of(result_in(sandbox.runs() + "/one")));
  std::set<std::int64_t> labs;
  for (const json::value& cell : result.at("cells").as_array())
    labs.insert(cell.as_object().at("lab").as_int64());
  EXPECT_THAT(labs, UnorderedElementsAre(1, 2)) << "both had a part in it";
  EXPECT_FALSE(file_below(sandbox.runs() + "/two", "https-2.bin").empty());
  EXPECT_TRUE(sandbox.processes().empty());
  EXPECT_THAT(sandbox.labs(), IsEmpty());
  EXPECT_EQ(machine_state(), before);
}

TEST(TwoLabs, ACellThatFailsIsTriedAgainAloneBeforeItCounts) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini-single/topology.yaml"), "--runs", sandbox.runs(),
                   "--labs", "2", "--min-idle", "0", "--only", "web1/nginx/process-kill", "--only",
                   "web1/nginx/process-pause"},
                  300s);
  EXPECT_EQ(run.exit_code, 1) << run.output << run.errors;
  const json::object result = result_in(sandbox.runs());
  for (const json::value& value : result.at("cells").as_array()) {
    const json::object& cell = value.as_object();
    EXPECT_EQ(cell.at("verdict"), "fail") << cell.at("id");
    EXPECT_EQ(cell.at("beside"), 0) << cell.at("id");
    ASSERT_EQ(cell.at("earlier").as_array().size(), 1U) << cell.at("id");
    EXPECT_EQ(cell.at("earlier").at(0).at("verdict"), "inconclusive") << cell.at("id");
  }
  EXPECT_THAT(run.output, HasSubstr("are tried again, in a lab alone"));
  EXPECT_THAT(sandbox.labs(), IsEmpty());
}

// Beside other tests that may be one only; see TwoLabs for what goes on in several.
TEST(AsManyLabsAsThereIsRoomFor, AreSaidAndUsedAndGoneAfterwards) {
  const auto before = machine_state();
  Sandbox sandbox;
  const CommandResult run = sandbox.run(
      {"prove", source("tests/e2e/mini/topology.yaml"), "--runs", sandbox.runs(), "--only",
       "*/process-*", "--only", "*/tls:*", "--only", "*/disk-fill", "--only", "web*/host-*"},
      300s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  const std::regex said(R"((\d+) labs? side by side: with one lab .* room for)");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(run.output, found, said)) << run.output;
  const json::object result = result_in(sandbox.runs());
  EXPECT_EQ(verdicts_of(result).size(), 16U) << "eight groups: enough for more than one lab";
  std::set<std::int64_t> labs;
  for (const json::value& cell : result.at("cells").as_array())
    labs.insert(first_try(cell).at("lab").as_int64());
  EXPECT_EQ(*labs.begin(), 1);
  EXPECT_EQ(*labs.rbegin(), std::stoll(found[1]));
  EXPECT_TRUE(sandbox.processes().empty());
  EXPECT_THAT(sandbox.labs(), IsEmpty());
  EXPECT_EQ(machine_state(), before);
}

/// Leaves no CPU idle for as long as it is there. (What runs with a higher nice value counts as
/// idle.)
class BusyMachine {
 public:
  BusyMachine() {
    for (unsigned n = 0; n < std::thread::hardware_concurrency(); ++n)
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
        }
      });
  }

 private:
  std::vector<std::jthread> threads_;
};

TEST(TwoLabs, OneGivesWayOnAMachineThatHasNoRoomForBoth) {
  Sandbox sandbox;
  const BusyMachine busy;
  const CommandResult run =
      sandbox.run(prove("tests/e2e/mini/topology.yaml", sandbox.runs(), "2"), 300s);
  EXPECT_EQ(count_of(run.output, "has no room for so many labs"), 1U) << run.output << run.errors;
  const json::object result = result_in(sandbox.runs());
  std::set<std::int64_t> beside;
  for (const json::value& cell : result.at("cells").as_array()) {
    EXPECT_NE(cell.at("lab").as_int64(), 0);
    beside.insert(first_try(cell).at("beside").as_int64());
  }
  EXPECT_THAT(beside, UnorderedElementsAre(0, 1)) << "those before and those after";
  EXPECT_TRUE(sandbox.processes().empty());
  EXPECT_THAT(sandbox.labs(), IsEmpty());
}

TEST(TwoLabs, CannotBeHadInALabThatIsUpAlready) {
  Sandbox sandbox;
  const std::string topology = source("tests/e2e/mini/topology.yaml");
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--lab", "some"}, std::vector<std::string>{"--keep-lab"}}) {
    std::vector<std::string> arguments{"prove", topology, "--labs", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult run = sandbox.run(arguments, 10s);
    EXPECT_EQ(run.exit_code, 2) << run.output << run.errors;
    EXPECT_THAT(run.errors, HasSubstr("cannot go with " + more.front()));
  }
  EXPECT_EQ(sandbox.run({"prove", topology, "--labs", "17"}, 10s).exit_code, 2);
}

/// A proof in two labs with a fault in force in both of them.
class InBothLabs : public ::testing::Test {
 protected:
  void begin() {
    controller_ =
        sandbox_.start(prove("tests/e2e/mini/topology.yaml", sandbox_.runs(), "2"), "run.log");
    ASSERT_TRUE(eventually(90s, [&] {
      const std::string file = file_below(sandbox_.runs(), "events.ndjson");
      if (file.empty()) return false;
      const std::string events = read_file(file);
      return events.find(R"("lab":1,"cell")") != std::string::npos &&
             count_of(events, R"("phase":"observe")") >= 2;
    })) << read_file(sandbox_.folder() + "/run.log");
  }
  std::string log() const { return read_file(sandbox_.folder() + "/run.log"); }

  Sandbox sandbox_;
  std::map<std::string, std::string> before_ = machine_state();
  Child controller_;
};

TEST_F(InBothLabs, CtrlCHealsBothAndEndsThem) {
  begin();
  controller_.signal(SIGINT);
  ASSERT_TRUE(controller_.wait(30s)) << log();
  EXPECT_EQ(describe_wait_status(*controller_.status()), "exited with 130") << log();
  EXPECT_THAT(sandbox_.labs(), IsEmpty());
  EXPECT_TRUE(sandbox_.processes().empty());
  EXPECT_EQ(machine_state(), before_);
}

TEST_F(InBothLabs, NothingIsLeftWhenTheControllerIsKilled) {
  begin();
  controller_.signal(SIGKILL);
  ASSERT_TRUE(controller_.wait(10s));
  // The labs are the run's own: their keepers see its end, and nobody has to recover anything.
  EXPECT_TRUE(eventually(10s, [&] { return sandbox_.processes().empty(); }));
  EXPECT_EQ(sandbox_.run({"recover"}, 60s).exit_code, 0);
  EXPECT_THAT(sandbox_.labs(), IsEmpty());
  EXPECT_EQ(machine_state(), before_);
}

}  // namespace
}  // namespace nospof::e2e
