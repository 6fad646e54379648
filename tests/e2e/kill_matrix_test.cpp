// Whoever is killed in the middle of a fault: within five seconds nothing of the fault is left, and
// the stack works.

#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"
#include "system/fd.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;

enum class Victim { interrupt, terminate, controller, agent, controller_and_agents };

struct Case {
  std::string name;
  std::string cell;
  Victim victim;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

std::vector<Case> all_cases() {
  const std::vector<std::pair<std::string, std::string>> cells{
      {"ProcessKill", "web1/nginx/process-kill"},
      {"ProcessPause", "web1/nginx/process-pause"},
      {"HostCrash", "web1/host-crash"},
      {"Partition", "web1/partition"}};
  const std::vector<std::pair<std::string, Victim>> victims{
      {"CtrlC", Victim::interrupt},
      {"Terminate", Victim::terminate},
      {"ControllerKilled", Victim::controller},
      {"AgentKilled", Victim::agent},
      {"ControllerAndAgentsKilled", Victim::controller_and_agents}};
  std::vector<Case> cases;
  for (const auto& [fault, cell] : cells)
    for (const auto& [who, victim] : victims) cases.push_back({fault + who, cell, victim});
  return cases;
}

// One lab for all cases: that it works again after each of them is part of what is tested.
class KillMatrix : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    sandbox_ = new Sandbox;
    lab_ = new std::string(sandbox_->lab_name("kill"));
    const CommandResult up =
        sandbox_->run({"lab", "up", source("tests/e2e/mini/topology.yaml"), "--name", *lab_}, 60s);
    ASSERT_EQ(up.exit_code, 0) << up.output << up.errors;
  }
  static void TearDownTestSuite() {
    delete sandbox_;
    delete lab_;
    sandbox_ = nullptr;
    lab_ = nullptr;
  }

  static CommandResult on_host(const std::string& host, std::vector<std::string> argv) {
    std::vector<std::string> arguments{"lab", "exec", *lab_, host, "--"};
    arguments.insert(arguments.end(), argv.begin(), argv.end());
    return sandbox_->run(arguments, 10s);
  }

  // Nothing of the fault is left: no rule of ours, nothing stopped, everything up.
  static std::string leftovers() {
    const CommandResult rules = on_host("web1", {"nft", "list", "tables"});
    if (rules.exit_code != 0) return "web1 is off: " + rules.errors;
    if (rules.output.find("netdev") != std::string::npos) return "rules: " + rules.output;
    const CommandResult stopped = on_host("web1", {"ps", "-eo", "stat=,comm="});
    std::istringstream lines(stopped.output);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("T")) return "stopped: " + line;
    const CommandResult nginx = on_host("web1", {"ps", "-C", "nginx", "-o", "pid="});
    if (nginx.output.empty()) return "nginx does not run";
    return {};
  }

  static bool serves() {
    const CommandResult page =
        on_host("client", {"curl", "-s", "-m", "2", "--cacert",
                           sandbox_->folder() + "/state/labs/" + *lab_ + "/tls/stack.crt",
                           "https://www.nospof.test/canary?v=alive"});
    return page.output.find("alive") != std::string::npos;
  }

  // The run has confirmed its fault: it is in force now.
  bool fault_in_force(const std::string& runs) const {
    if (!std::filesystem::exists(runs)) return false;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(runs)) {
      if (entry.path().filename() != "events.ndjson") continue;
      const std::string events = read_file(entry.path());
      return events.find("\"phase\":\"observe\"") != std::string::npos;
    }
    return false;
  }

  static Sandbox* sandbox_;
  static std::string* lab_;
};
Sandbox* KillMatrix::sandbox_ = nullptr;
std::string* KillMatrix::lab_ = nullptr;

TEST_P(KillMatrix, NothingIsLeftAndTheStackWorks) {
  const Case& c = GetParam();
  ASSERT_TRUE(eventually(10s, serves)) << "the lab does not serve before the case";
  const std::string runs = sandbox_->runs() + "/" + c.name;
  Child controller = sandbox_->start({"prove", source("tests/e2e/mini/topology.yaml"), "--lab",
                                      *lab_, "--only", c.cell, "--runs", runs},
                                     c.name + ".log");
  const auto log = [&] { return read_file(sandbox_->folder() + "/" + c.name + ".log"); };
  ASSERT_TRUE(eventually(30s, [&] { return fault_in_force(runs) || !controller.running(); }));
  ASSERT_TRUE(controller.running()) << log();

  const std::vector<ProcessId> agents = children_with(controller.pid(), "agent");
  ASSERT_GE(agents.size(), 3U) << "expected an agent per host and one with power";
  switch (c.victim) {
    case Victim::interrupt:
      controller.signal(SIGINT);
      break;
    case Victim::terminate:
      controller.signal(SIGTERM);
      break;
    case Victim::controller:
      controller.signal(SIGKILL);
      break;
    case Victim::agent:
      for (const ProcessId& agent : agents) send_signal(agent, SIGKILL);
      break;
    case Victim::controller_and_agents:
      controller.signal(SIGKILL);
      for (const ProcessId& agent : agents) send_signal(agent, SIGKILL);
      break;
  }
  std::string left;
  EXPECT_TRUE(eventually(5s, [&] { return (left = leftovers()).empty(); })) << left << "\n"
                                                                            << log();

  if (c.victim == Victim::interrupt || c.victim == Victim::terminate) {
    ASSERT_TRUE(controller.wait(20s)) << log();
    EXPECT_EQ(describe_wait_status(*controller.status()),
              fmt::format("exited with {}", c.victim == Victim::interrupt ? 130 : 143))
        << log();
  } else if (c.victim == Victim::agent) {
    // The run goes on, but a fault that did not last is no evidence that it was survived.
    ASSERT_TRUE(controller.wait(60s)) << log();
    EXPECT_EQ(describe_wait_status(*controller.status()), "exited with 3") << log();
  }
  // A dying agent may still hold its journal for a moment; then there is nothing left to recover.
  std::string said;
  EXPECT_TRUE(eventually(5s, [&] {
    const CommandResult recover = sandbox_->run({"recover", *lab_}, 30s);
    said = recover.output + recover.errors;
    return recover.exit_code == 0 && said.find("nothing to recover") != std::string::npos;
  })) << said;
  EXPECT_TRUE(eventually(15s, serves)) << "the stack does not serve any more";
}

INSTANTIATE_TEST_SUITE_P(FourFaults, KillMatrix, ::testing::ValuesIn(all_cases()),
                         [](const auto& c) { return c.param.name; });

// A run's own lab ends with the run, however that ends.
class OwnLab : public ::testing::TestWithParam<int> {};

TEST_P(OwnLab, GoesWithItsRun) {
  const auto before = machine_state();
  Sandbox sandbox;
  Child controller = sandbox.start({"prove", source("tests/e2e/mini/topology.yaml"), "--only",
                                    "web1/partition", "--runs", sandbox.runs()},
                                   "run.log");
  const auto log = [&] { return read_file(sandbox.folder() + "/run.log"); };
  ASSERT_TRUE(eventually(60s, [&] {
    if (!controller.running()) return true;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sandbox.folder()))
      if (entry.path().filename() == "events.ndjson" &&
          read_file(entry.path()).find("\"phase\":\"observe\"") != std::string::npos)
        return true;
    return false;
  }));
  ASSERT_TRUE(controller.running()) << log();
  EXPECT_GT(sandbox.processes().size(), 3U);
  controller.signal(GetParam());
  ASSERT_TRUE(controller.wait(20s)) << log();
  EXPECT_TRUE(eventually(5s, [&] { return sandbox.processes().empty(); })) << log();
  EXPECT_TRUE(sandbox.labs().empty()) << log();
  EXPECT_EQ(machine_state(), before);
}

INSTANTIATE_TEST_SUITE_P(Signals, OwnLab, ::testing::Values(SIGINT, SIGTERM, SIGKILL),
                         [](const auto& c) { return signal_name(c.param); });

}  // namespace
}  // namespace nospof::e2e
