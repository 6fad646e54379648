// Faults on a service beyond killing and pausing it, under a real supervisor: crash-loop,
// terminate, restart, slow, no more files.

#include <filesystem>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "agent/journal.hpp"
#include "agent/services.hpp"
#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "faults/crash_loop.hpp"
#include "faults/fd_exhaustion.hpp"
#include "faults/process_restart.hpp"
#include "faults/process_slow.hpp"
#include "faults/process_terminate.hpp"
#include "services_fixture.hpp"
#include "tests/support/agent_process.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

using MakeKind = std::unique_ptr<kinds::FaultKind> (*)();

class ServiceFaults : public Supervised {
 protected:
  using Outcome = kinds::Confirmation::Outcome;
  static constexpr int port = 7000;

  void SetUp() override {
    Supervised::SetUp();
    if (IsSkipped()) return;
    network_ = create_network_namespace();
    Netlink::in(network_.get()).set_up("lo", true);
    services_ = agent::runit_services(folder_ / "sv", cgroup_);
    env_.host = "h1";
    env_.services = services_.get();
    env_.clock = &clock_;
    env_.cgroup = cgroup_;
  }

  void start_echo(spec::RestartPolicy restart = spec::RestartPolicy::always) {
    add(plan("echo",
             {"nsenter", fmt::format("--net=/proc/{}/fd/{}", ::getpid(), network_.get()), "socat",
              fmt::format("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", port), "EXEC:cat"},
             restart));
    start();
    running("echo", "socat");
    ASSERT_TRUE(eventually([&] { return answers(); }));
  }
  /// Answers one byte per connection, and goes on when it can't take one.
  void start_taker() {
    const std::string program = fmt::format(R"(
import socket, time
s = socket.create_server(('127.0.0.1', {}))
while True:
    try:
        c, _ = s.accept()
        c.sendall(c.recv(1))
        c.close()
    except OSError:
        time.sleep(0.02)
)",
                                            port);
    add(plan("taker",
             {"nsenter", fmt::format("--net=/proc/{}/fd/{}", ::getpid(), network_.get()), "python3",
              "-c", program},
             spec::RestartPolicy::always));
    start();
    running("taker", "python3");
    ASSERT_TRUE(eventually([&] { return answers(); }));
  }
  void start_spinner() {
    add(plan("spinner", {"/bin/sh", "-c", "while :; do :; done"}, spec::RestartPolicy::always));
    start();
    running("spinner", "sh");
  }
  bool answers() const {
    UniqueFd connection;
    in_namespaces({{network_.get(), CLONE_NEWNET}},
                  [&] { connection = dial("127.0.0.1", port, silence); });
    return connection && carries(connection.get(), connection.get(), silence);
  }

  std::unique_ptr<kinds::Injection> prepare(MakeKind make, boost::json::object parameters) {
    return make()->make(parameters)->prepare(env_);
  }
  static kinds::Confirmation confirmed(kinds::Injection& injection) {
    const auto answer = until_confirmed([&] { return injection.confirm(); }, 30s);
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return answer;
  }
  kinds::Confirmation heal(kinds::Injection& injection) {
    injection.release();
    for (const auto& record : injection.undo()) {
      const auto result = agent::execute_undo(record, env_);
      EXPECT_TRUE(result.done) << result.detail;
    }
    const auto answer = until_confirmed([&] { return injection.confirm_healed(); }, 30s);
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return answer;
  }

  /// The fault in an agent of its own, which is then killed: alone, or with its understudy.
  void inject_and_kill(MakeKind make, const std::string& kind, boost::json::object parameters,
                       bool understudy_too) {
    agent::AgentOptions options;
    options.host = "h1";
    options.journal = folder_ / (kind + ".journal");
    options.runit_folder = folder_ / "sv";
    options.cgroup_folder = cgroup_;
    AgentProcess agent(options, [make](kinds::Registry& registry) { registry.add(make()); });
    agent.lease();
    const json::object answer = agent.inject("one", std::move(parameters), 60s, 30s, kind);
    EXPECT_TRUE(answer.at("ok").as_bool() && answer.at("confirmed").as_bool())
        << json::serialize(answer);
    const ProcessId understudy = agent.understudy();
    if (understudy_too) send_signal(understudy, SIGSTOP);
    agent.child().signal(SIGKILL);
    if (understudy_too) {
      ASSERT_TRUE(send_signal(understudy, SIGKILL));
      agent.exit_code();
      const Recovered recovered = run_recovery(options);
      EXPECT_EQ(recovered.code, 0) << recovered.output;
    }
    EXPECT_TRUE(wait_until([&] { return agent::Journal::peek(options.journal).open.empty(); }));
  }

  SystemClock clock_;
  UniqueFd network_;
  std::unique_ptr<kinds::ServiceManager> services_;
  kinds::HostEnv env_;
};

rlimit file_limit(const ProcessId& id) {
  rlimit limit{};
  check("prlimit", ::prlimit(id.pid, RLIMIT_NOFILE, nullptr, &limit));
  return limit;
}

std::ptrdiff_t open_files(const ProcessId& id) {
  std::error_code failure;
  return std::distance(
      std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", id.pid), failure), {});
}

TEST_F(ServiceFaults, ACrashLoopKillsWhatReturns) {
  start_echo();
  const auto injection = prepare(faults::make_crash_loop, {{"service", "echo"}});
  const auto before = services_->state("echo").main_process;
  injection->inject();
  EXPECT_THROW(injection->inject(), Error);
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("was killed"));
  EXPECT_TRUE(services_->state("echo").wanted_up) << "its supervisor is left to try";
  heal(*injection);
  EXPECT_NE(services_->state("echo").main_process, before);
  EXPECT_TRUE(eventually([&] { return answers(); }));
  heal(*injection);
}

TEST_F(ServiceFaults, ACrashLoopThatIsHealedBeforeItsFirstKillIsGoneAtOnce) {
  start_echo();
  const auto before = services_->state("echo").main_process;
  const auto injection =
      prepare(faults::make_crash_loop, {{"service", "echo"}, {"after_ms", 3000}});
  injection->inject();
  EXPECT_THAT(heal(*injection).evidence, HasSubstr("was killed 0 times"));
  EXPECT_EQ(services_->state("echo").main_process, before);
}

TEST_F(ServiceFaults, ACrashLoopEndsWhereTheSupervisorGivesUp) {
  start_echo(spec::RestartPolicy::no);
  const auto injection = prepare(faults::make_crash_loop, {{"service", "echo"}});
  injection->inject();
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("has given it up"));
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return answers(); }));
}

TEST_F(ServiceFaults, ACrashLoopEndsWithItsOwner) {
  start_echo();
  for (const bool understudy_too : {false, true}) {
    inject_and_kill(faults::make_crash_loop, "crash-loop", {{"service", "echo"}}, understudy_too);
    const ProcessId main = running("echo", "socat");
    ASSERT_TRUE(eventually([&] { return answers(); }));
    std::this_thread::sleep_for(300ms);
    EXPECT_TRUE(is_alive(main)) << "nobody kills it any more";
  }
}

TEST_F(ServiceFaults, TerminateEndsAServiceInOrderAndKeepsItDown) {
  add(plan(
      "tidy",
      {"/bin/sh", "-c", "trap 'echo ended in order; exit 0' TERM; while :; do sleep 0.02; done"},
      spec::RestartPolicy::always));
  start();
  running("tidy", "sh");
  for (int round = 0; round < 2; ++round) {
    const auto injection = prepare(faults::make_process_terminate, {{"service", "tidy"}});
    injection->inject();
    EXPECT_THROW(injection->inject(), Error);
    EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("ended by itself within"));
    EXPECT_THAT(log("tidy"), HasSubstr("ended in order"));
    std::this_thread::sleep_for(300ms);
    EXPECT_FALSE(services_->state("tidy").running);
    EXPECT_THROW(prepare(faults::make_process_terminate, {{"service", "tidy"}}), Error);
    heal(*injection);
    heal(*injection);
    running("tidy", "sh");
  }
}

TEST_F(ServiceFaults, WhatDoesNotEndInOrderIsNotConfirmed) {
  add(plan("stubborn", {"/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done"},
           spec::RestartPolicy::always));
  start();
  running("stubborn", "sh");
  ASSERT_TRUE(eventually([&] { return log("stubborn").find("ready") != std::string::npos; }));
  const auto injection = prepare(faults::make_process_terminate, {{"service", "stubborn"}});
  injection->inject();
  const auto answer = until_confirmed([&] { return injection->confirm(); }, silence);
  EXPECT_EQ(answer.outcome, Outcome::not_yet);
  EXPECT_THAT(answer.evidence, HasSubstr("has not ended after"));
}

TEST_F(ServiceFaults, ATerminatedServiceIsStartedWhenItsAgentDies) {
  start_echo();
  for (const bool understudy_too : {false, true}) {
    inject_and_kill(faults::make_process_terminate, "process-terminate", {{"service", "echo"}},
                    understudy_too);
    EXPECT_TRUE(eventually([&] { return answers(); }));
  }
}

TEST_F(ServiceFaults, RestartGivesANewMainProcess) {
  start_echo();
  const auto before = services_->state("echo").main_process;
  const auto injection = prepare(faults::make_process_restart, {{"service", "echo"}});
  injection->inject();
  EXPECT_THROW(injection->inject(), Error);
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("ended within"));
  const auto after = services_->state("echo").main_process;
  EXPECT_NE(after, before);
  EXPECT_TRUE(eventually([&] { return answers(); }));
  heal(*injection);
  heal(*injection);
  EXPECT_EQ(services_->state("echo").main_process, after) << "healing restarts nothing";
}

TEST_F(ServiceFaults, ARestartThatIsCutShortIsFinishedByItsRecord) {
  start_echo(spec::RestartPolicy::no);
  const auto injection = prepare(faults::make_process_restart, {{"service", "echo"}});
  injection->inject();
  ASSERT_TRUE(eventually([&] { return is_down("echo"); }));
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return answers(); }));
}

TEST_F(ServiceFaults, SlowHoldsABusyServiceToItsShare) {
  start_spinner();
  const auto main = services_->state("spinner").main_process;
  for (int round = 0; round < 2; ++round) {
    const auto injection =
        prepare(faults::make_process_slow, {{"service", "spinner"}, {"cpu", 0.05}});
    injection->inject();
    EXPECT_THROW(injection->inject(), Error);
    const std::string said = confirmed(*injection).evidence;
    EXPECT_THAT(said, HasSubstr("allowed are 5.0 %; by signals, stopped"));
    heal(*injection);
    heal(*injection);
    EXPECT_EQ(read_process(main->pid)->state, 'R');
  }
  EXPECT_EQ(services_->state("spinner").main_process, main);
}

TEST_F(ServiceFaults, ASlowedServiceRunsOnWhenItsAgentDies) {
  start_spinner();
  const ProcessId main = *services_->state("spinner").main_process;
  for (const bool understudy_too : {false, true}) {
    inject_and_kill(faults::make_process_slow, "process-slow",
                    {{"service", "spinner"}, {"cpu", 0.05}}, understudy_too);
    EXPECT_TRUE(eventually([&] { return read_process(main.pid)->state == 'R'; }));
    std::this_thread::sleep_for(300ms);
    EXPECT_NE(read_process(main.pid)->state, 'T') << "nobody stops it any more";
  }
}

TEST_F(ServiceFaults, SlowLeavesAloneWhatSomebodyElseStopped) {
  start_spinner();
  const ProcessId main = *services_->state("spinner").main_process;
  ASSERT_TRUE(send_signal(main, SIGSTOP));
  ASSERT_TRUE(eventually([&] { return read_process(main.pid)->state == 'T'; }));
  EXPECT_THROW(prepare(faults::make_process_slow, {{"service", "spinner"}}), Error);
  ASSERT_TRUE(send_signal(main, SIGCONT));
}

TEST_F(ServiceFaults, WithoutFilesAServerTakesNoConnection) {
  start_taker();
  const ProcessId main = *services_->state("taker").main_process;
  const rlimit before = file_limit(main);
  // Standard input, output and error, and the socket that it listens on.
  constexpr std::ptrdiff_t idle = 4;
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(answers());
    // The limit is what is open now: a number that is free later could be used again.
    ASSERT_TRUE(eventually([&] { return open_files(main) <= idle; }));
    const auto injection = prepare(faults::make_fd_exhaustion, {{"service", "taker"}});
    injection->inject();
    EXPECT_THROW(injection->inject(), Error);
    EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("can open no further file"));
    // An accept() that waited already had its number: that one connection is still taken.
    EXPECT_TRUE(eventually([&] { return !answers(); }));
    EXPECT_FALSE(answers());
    EXPECT_LT(file_limit(main).rlim_cur, before.rlim_cur);
    EXPECT_THROW(prepare(faults::make_fd_exhaustion, {{"service", "taker"}}), Error)
        << "it is exhausted already";
    heal(*injection);
    heal(*injection);
    EXPECT_EQ(file_limit(main).rlim_cur, before.rlim_cur);
    EXPECT_EQ(file_limit(main).rlim_max, before.rlim_max);
    EXPECT_TRUE(eventually([&] { return answers(); }));
  }
  EXPECT_TRUE(is_alive(main));
}

TEST_F(ServiceFaults, FileLimitsComeBackWhenTheAgentDiesAlsoForWhatWasForked) {
  add(plan("parent", {"/bin/sh", "-c", "while :; do sleep 0.05; done"},
           spec::RestartPolicy::always));
  start();
  running("parent", "sh");
  const ProcessId main = *services_->state("parent").main_process;
  const rlimit before = file_limit(main);
  for (const bool understudy_too : {false, true}) {
    inject_and_kill(faults::make_fd_exhaustion, "fd-exhaustion", {{"service", "parent"}},
                    understudy_too);
    ASSERT_TRUE(is_alive(main));
    EXPECT_EQ(file_limit(main).rlim_cur, before.rlim_cur);
    EXPECT_EQ(file_limit(main).rlim_max, before.rlim_max);
  }
  // A limit that somebody else set meanwhile is left as it is.
  const auto injection = prepare(faults::make_fd_exhaustion, {{"service", "parent"}});
  injection->inject();
  const rlimit theirs{77, before.rlim_max};
  check("prlimit", ::prlimit(main.pid, RLIMIT_NOFILE, &theirs, nullptr));
  for (const auto& record : injection->undo()) EXPECT_TRUE(agent::execute_undo(record, env_).done);
  EXPECT_EQ(file_limit(main).rlim_cur, 77U);
}

TEST_F(ServiceFaults, WhatDoesNotRunIsRefusedByAll) {
  start_echo();
  services_->stop("echo");
  ASSERT_TRUE(eventually([&] { return is_down("echo"); }));
  for (const MakeKind make :
       {faults::make_crash_loop, faults::make_process_terminate, faults::make_process_restart,
        faults::make_process_slow, faults::make_fd_exhaustion}) {
    EXPECT_THROW(prepare(make, {{"service", "echo"}}), Error);
    EXPECT_THROW(prepare(make, {{"service", "nobody"}}), Error);
  }
}

}  // namespace
}  // namespace nospof::test
