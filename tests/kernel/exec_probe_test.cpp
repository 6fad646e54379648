// The exec probe, with commands that end in every way.

#include <cerrno>
#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>

#include "probes/exec.hpp"
#include "system/process.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using kinds::Sample;
using namespace std::chrono_literals;

constexpr int some = 3;

json::object config(std::vector<std::string> argv, int count = some, double rate = 20) {
  json::array arguments;
  for (const std::string& argument : argv) arguments.emplace_back(argument);
  return {{"argv", arguments},         {"rate_per_second", rate}, {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000}, {"max_in_flight", 100},    {"count", count}};
}

json::object with_field(json::object wanted, const char* field, const char* expect) {
  wanted["field"] = field;
  wanted["expect"] = expect;
  return wanted;
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_exec(), wanted);
}

TEST(ExecProbe, ByExitCode) {
  expect_all(run(config({"true"})), Outcome::ok, 0);
  expect_all(run(config({"false"})), Outcome::command_failed, 1);
  expect_all(run(config({"sh", "-c", "exit 7"})), Outcome::command_failed, 7);
  expect_all(run(config({"sh", "-c", "kill -9 $$"})), Outcome::command_failed, 128 + SIGKILL);
  auto seven = config({"sh", "-c", "exit 7"});
  seven["expect_exit"] = 7;
  expect_all(run(seven), Outcome::ok, 0);
}

TEST(ExecProbe, ByAField) {
  const auto says = [](const char* text) { return config({"printf", "%s", text}); };
  const char* nodes = R"({"nodes":[{"lag":0},{"lag":3}]})";
  expect_all(run(with_field(says(nodes), "nodes.1.lag", "<= 3")), Outcome::ok, 0);
  expect_all(run(with_field(says(nodes), "nodes.1.lag", "< 3")), Outcome::wrong_body, 0);
  expect_all(run(with_field(says(nodes), "nodes.2.lag", "< 3")), Outcome::no_data, 0);
  expect_all(run(with_field(says("lag 3"), "lag", "< 3")), Outcome::no_data, EBADMSG);
  expect_all(run(with_field(config({"sh", "-c", "head -c 2000000 /dev/zero"}), "a", "== 0")),
             Outcome::no_data, EMSGSIZE);
}

TEST(ExecProbe, ArgumentsAreNotForAShell) {
  expect_all(run(with_field(config({"printf", "%s", "$(false; echo 1)"}), "a", "== 1")),
             Outcome::no_data, EBADMSG);
}

/// Processes that a command has noted in a file; all of them, once it is whole.
std::vector<pid_t> noted(const std::string& file) {
  std::ifstream in(file);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; in >> pid;) pids.push_back(pid);
  return pids;
}

bool is_gone(pid_t pid) {
  const auto process = read_process(pid);
  return !process || process->state == 'Z';
}

TEST(ExecProbe, TheDeadlineEndsTheWholeGroup) {
  const TemporaryFolder folder;
  const std::string file = folder / "pids";
  auto hanging =
      config({"sh", "-c", "sleep 1000 & echo $$ $! >> '" + file + "'; trap '' TERM; wait"});
  hanging["timeout_ns"] = 1'500'000'000;
  hanging.erase("slow_ns");
  const auto samples = run(hanging);
  expect_all(samples, Outcome::timeout, 0);
  for (const Sample& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 1'500'000'000);
  const auto pids = noted(file);
  EXPECT_EQ(pids.size(), 2U * static_cast<std::size_t>(some));
  for (const pid_t pid : pids)
    while (!is_gone(pid)) std::this_thread::sleep_for(5ms);
}

TEST(ExecProbe, NothingIsLeftOfACommandThatEnded) {
  const TemporaryFolder folder;
  const std::string file = folder / "pids";
  expect_all(run(config({"sh", "-c", "sleep 1000 & echo $! >> '" + file + "'"})), Outcome::ok, 0);
  const auto pids = noted(file);
  EXPECT_EQ(pids.size(), static_cast<std::size_t>(some));
  for (const pid_t pid : pids)
    while (!is_gone(pid)) std::this_thread::sleep_for(5ms);
}

TEST(ExecProbe, ACommandThatNeverStopsTalkingHoldsUpNothing) {
  auto talking = config({"sh", "-c", "cat /dev/zero & cat /dev/zero & cat /dev/zero & wait"});
  talking["field"] = "a";
  talking["expect"] = "<= 3";
  talking["timeout_ns"] = 300'000'000;
  talking.erase("slow_ns");
  expect_all(run(talking), Outcome::timeout, 0);
}

TEST(ExecProbe, NeverWaitsForOthers) {
  auto hanging = config({"sleep", "1000"}, 12, 20);
  hanging["timeout_ns"] = 2'000'000'000;
  hanging.erase("slow_ns");
  hanging["max_in_flight"] = 5;
  const auto samples = run(hanging);
  expect_exact_schedule(samples, 20);
  for (const Sample& sample : samples) {
    EXPECT_EQ(sample.outcome, sample.sequence < 5 ? Outcome::timeout : Outcome::local_error);
    EXPECT_EQ(sample.detail, sample.sequence < 5 ? 0 : EBUSY);
  }
}

// What a command asks stands still: here a file that cannot be read.
TEST(ExecProbe, AStallShowsInFull) {
  const TemporaryFolder folder;
  const std::string gate = folder / "open";
  write_file(gate, "");
  constexpr double rate = 10;
  ProbeRun probe(probes::make_exec()->make(
      config({"sh", "-c", "while ! [ -e \"$0\" ]; do sleep 0.01; done", gate}, 0, rate)));
  probe.wait_for_ok(3);
  std::filesystem::remove(gate);
  const std::int64_t shut = mono_ns();
  std::this_thread::sleep_for(1s);
  const std::int64_t open = mono_ns();
  write_file(gate, "");
  probe.wait_for_ok(13);
  probe.stop();
  const auto samples = probe.samples();
  expect_all(samples, Outcome::ok);
  expect_freeze_in_full(samples, shut, open, rate);
}

}  // namespace
}  // namespace nospof::test
