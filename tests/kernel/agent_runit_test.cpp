// Services of a real runsv, seen and held down as faults do.

#include <atomic>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/services.hpp"
#include "agent/undo.hpp"
#include "system/cgroup.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class AgentRunit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes cgroups";
    static std::atomic<int> number{0};
    cgroup_ = fmt::format("{}/nospof-agent-{}-{}", cgroup2_mount(), ::getpid(), ++number);
    create_cgroup(cgroup_ + "/svc-sleepy");
    std::filesystem::create_directories(folder_ / "sv/sleepy");
    // Two processes: the main one and a child of it.
    write_file(folder_ / "sv/sleepy/run",
               fmt::format("#!/bin/sh\necho 0 > {}/svc-sleepy/cgroup.procs\nsleep 600 &\n"
                           "exec sleep 601\n",
                           cgroup_),
               0755);
    services_ = runit_services(folder_ / "sv", cgroup_);
    start_supervisor();
  }
  void TearDown() override {
    if (cgroup_.empty()) return;
    kill_cgroup(cgroup_);
    runsv_ = Child();
    EXPECT_TRUE(remove_cgroup(cgroup_, 10s)) << cgroup_;
  }
  void start_supervisor() {
    // All that runsv starts is born in the test's cgroup, so that nothing gets away at the end.
    const UniqueFd procs = open_file(cgroup_ + "/cgroup.procs", O_WRONLY);
    SpawnOptions options;
    options.cgroup_procs_fd = procs.get();
    options.argv = {"runsv", folder_ / "sv/sleepy"};
    options.parent_death_signal = SIGKILL;
    runsv_ = spawn(options);
    ASSERT_TRUE(test::wait_until([&] { return full(); }));
  }
  /// Both of its processes are there.
  bool full() const {
    if (!std::filesystem::exists(folder_ / "sv/sleepy/supervise/status")) return false;
    const kinds::ServiceState now = services_->state("sleepy");
    return now.running && now.processes.size() == 2;
  }
  kinds::ServiceState state() const { return services_->state("sleepy"); }
  bool ended(const kinds::ServiceState& before) const { return !is_alive(*before.main_process); }

  test::TemporaryFolder folder_;
  std::string cgroup_;
  std::unique_ptr<kinds::ServiceManager> services_;
  Child runsv_;
};

TEST_F(AgentRunit, SeesAServiceWithAllItsProcesses) {
  EXPECT_THAT(services_->list(), ElementsAre("sleepy"));
  const kinds::ServiceState now = state();
  EXPECT_TRUE(now.wanted_up);
  EXPECT_TRUE(now.running);
  EXPECT_EQ(now.cgroup, cgroup_ + "/svc-sleepy");
  ASSERT_TRUE(now.main_process);
  ASSERT_EQ(now.processes.size(), 2U);
  EXPECT_EQ(now.processes[0], *now.main_process);
  EXPECT_NE(now.processes[1], *now.main_process);
  EXPECT_EQ(read_process(now.main_process->pid)->parent, runsv_.pid());
}

TEST_F(AgentRunit, HoldingDownEndsNothingAndStaysDownOnceEnded) {
  const kinds::ServiceState before = state();
  services_->hold_down("sleepy");
  services_->hold_down("sleepy");
  kinds::ServiceState now = state();
  EXPECT_FALSE(now.wanted_up);
  EXPECT_TRUE(now.running);
  EXPECT_EQ(now.main_process, before.main_process);
  ASSERT_TRUE(send_signal(*before.main_process, SIGKILL));
  ASSERT_TRUE(test::wait_until([&] { return ended(before) && !state().running; }));
  // "Once" would start it now.
  services_->hold_down("sleepy");
  now = state();
  EXPECT_FALSE(now.running);
  EXPECT_FALSE(now.main_process);
  EXPECT_EQ(now.processes.size(), 1U) << "its child lives on in the cgroup";

  kinds::HostEnv env;
  env.services = services_.get();
  const kinds::UndoRecord record{{"op", "start-service"}, {"service", "sleepy"}};
  EXPECT_TRUE(execute_undo(record, env).changed);
  ASSERT_TRUE(test::wait_until([&] { return state().running; }));
  EXPECT_TRUE(state().wanted_up);
  const UndoResult again = execute_undo(record, env);
  EXPECT_TRUE(again.done);
  EXPECT_FALSE(again.changed);
}

// Between the end of a process and runsv's hearing of it, the policy's decision is still to come.
TEST_F(AgentRunit, AnEndThatItsSupervisorHasNotSeenYetIsNotDecided) {
  const kinds::ServiceState before = state();
  EXPECT_FALSE(before.clearing_up);
  runsv_.signal(SIGSTOP);
  ASSERT_TRUE(send_signal(*before.main_process, SIGKILL));
  ASSERT_TRUE(test::wait_until([&] { return !state().running; }));
  EXPECT_TRUE(state().clearing_up);
  runsv_.signal(SIGCONT);
  ASSERT_TRUE(test::wait_until([&] {
    const kinds::ServiceState now = state();
    return now.running && now.main_process != before.main_process;
  }));
  EXPECT_FALSE(state().clearing_up);
}

TEST_F(AgentRunit, WithoutHoldingDownItComesBackByItself) {
  const kinds::ServiceState before = state();
  ASSERT_TRUE(send_signal(*before.main_process, SIGKILL));
  ASSERT_TRUE(test::wait_until([&] {
    const kinds::ServiceState now = state();
    return now.running && now.main_process != before.main_process;
  }));
}

TEST_F(AgentRunit, ContinuesWhatIsStoppedInTheCgroup) {
  const kinds::ServiceState now = state();
  for (const ProcessId& id : now.processes) ASSERT_TRUE(send_signal(id, SIGSTOP));
  const auto letters = [&] {
    std::string text;
    for (const ProcessId& id : now.processes) text += test::process_letter(id);
    return text;
  };
  ASSERT_TRUE(test::wait_until([&] { return letters() == "TT"; }));
  kinds::HostEnv env;
  const kinds::UndoRecord record{{"op", "continue-processes"}, {"cgroup", now.cgroup}};
  const UndoResult result = execute_undo(record, env);
  EXPECT_TRUE(result.done);
  EXPECT_TRUE(result.changed);
  EXPECT_TRUE(test::wait_until([&] { return letters() == "SS"; }));
}

TEST_F(AgentRunit, WithoutASupervisorNothingRunsAndNothingCanBeStarted) {
  runsv_.signal(SIGKILL);
  ASSERT_TRUE(runsv_.wait(10s));
  EXPECT_FALSE(state().running);
  EXPECT_FALSE(state().wanted_up);
  EXPECT_THAT([&] { services_->start("sleepy"); },
              ThrowsMessage<Error>(HasSubstr("no runsv runs for service 'sleepy'")));
  kill_cgroup(cgroup_);
  start_supervisor();
}

TEST_F(AgentRunit, RefusesServicesThatAreNone) {
  for (const char* name : {"unheard-of", "", "..", "../sv/sleepy", "/etc"}) {
    EXPECT_THAT([&] { services_->state(name); },
                ThrowsMessage<Error>(HasSubstr("there are: sleepy")))
        << name;
    EXPECT_THROW(services_->hold_down(name), Error) << name;
    EXPECT_THROW(services_->start(name), Error) << name;
  }
}

TEST_F(AgentRunit, TheAgentTellsOfServices) {
  AgentOptions options;
  options.host = "db1";
  options.journal = folder_ / "journal";
  options.runit_folder = folder_ / "sv";
  options.cgroup_folder = cgroup_;
  test::AgentProcess agent(options);
  const auto answer = agent.ask("service");
  const auto& list = answer.at("services").as_array();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].at("name").as_string(), "sleepy");
  EXPECT_TRUE(list[0].at("running").as_bool());
  EXPECT_EQ(list[0].at("pid").as_int64(), state().main_process->pid);
  EXPECT_EQ(list[0].at("processes").as_array().size(), 2U);
  EXPECT_FALSE(agent.ask("service", {{"service", "unheard-of"}}).at("ok").as_bool());
}

}  // namespace
}  // namespace nospof::agent
