#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "agent/services.hpp"
#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"
#include "services_fixture.hpp"

namespace nospof::test {
namespace {

using kinds::Confirmation;
using testing::HasSubstr;

/// A service under a real runsv, faults on it driven as the agent drives them.
class ServiceFault : public Supervised {
 protected:
  using Outcome = Confirmation::Outcome;
  static constexpr int port = 7000;

  void SetUp() override {
    Supervised::SetUp();
    if (IsSkipped()) return;
    network_ = create_network_namespace();
    Netlink::in(network_.get()).set_up("lo", true);
    services_ = agent::runit_services(folder_ / "sv", cgroup_);
    env_ = {.host = "h1", .services = services_.get(), .power = nullptr, .clock = &clock_};
  }

  /// An echo server on 127.0.0.1 of a network of its own, one process per connection.
  void start_echo(spec::RestartPolicy restart = spec::RestartPolicy::always) {
    add(plan("echo",
             {"nsenter", fmt::format("--net=/proc/{}/fd/{}", ::getpid(), network_.get()), "socat",
              fmt::format("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", port), "EXEC:cat"},
             restart));
    start();
    running("echo", "socat");
    ASSERT_TRUE(eventually([&] { return answers(); }));
  }
  /// Forks all the time, as fast as it can.
  void start_forker() {
    add(plan("forker", {"/bin/sh", "-c", "while :; do /bin/true; (/bin/true &); done"},
             spec::RestartPolicy::always));
    start();
    running("forker", "sh");
  }

  UniqueFd dial_echo() const {
    UniqueFd connection;
    in_namespaces({{network_.get(), CLONE_NEWNET}},
                  [&] { connection = dial("127.0.0.1", port, silence); });
    return connection;
  }
  bool answers(std::chrono::milliseconds at_most = silence) const {
    const UniqueFd connection = dial_echo();
    return connection && carries(connection.get(), connection.get(), at_most);
  }

  std::unique_ptr<kinds::Injection> kill(const std::string& service,
                                         boost::json::object parameters = {}) {
    parameters["service"] = service;
    return faults::make_process_kill()->make(parameters)->prepare(env_);
  }
  std::unique_ptr<kinds::Injection> pause(const std::string& service) {
    return faults::make_process_pause()->make({{"service", service}})->prepare(env_);
  }

  static Confirmation confirmed(kinds::Injection& injection) {
    const auto answer = until_confirmed([&] { return injection.confirm(); });
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return answer;
  }
  Confirmation heal(kinds::Injection& injection) {
    injection.release();
    for (const auto& record : injection.undo()) {
      const auto result = agent::execute_undo(record, env_);
      EXPECT_TRUE(result.done) << result.detail;
    }
    const auto answer = until_confirmed([&] { return injection.confirm_healed(); });
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return answer;
  }

  std::uint64_t cpu_ticks(const std::string& service) const {
    std::uint64_t sum = 0;
    for (const ProcessId& id : services_->state(service).processes)
      if (const auto state = read_process(id.pid)) sum += state->cpu_ticks;
    return sum;
  }
  bool all_stopped(const std::string& service) const {
    const auto processes = services_->state(service).processes;
    return std::all_of(processes.begin(), processes.end(), [](const ProcessId& id) {
      const auto state = read_process(id.pid);
      // D: a parent in vfork, whose child is stopped.
      return !state || state->state == 'T' || (state->state == 'D' && has_pending_stop(id));
    });
  }

  SystemClock clock_;
  UniqueFd network_;
  std::unique_ptr<kinds::ServiceManager> services_;
  kinds::HostEnv env_;
};

TEST_F(ServiceFault, KillHoldsTheServiceDownAndHealingStartsItAgain) {
  start_echo();
  const UniqueFd open = dial_echo();
  ASSERT_TRUE(carries(open.get(), open.get(), arrival));
  const auto before = services_->state("echo");
  ASSERT_GE(before.processes.size(), 2U) << "main process and one for the connection";

  const auto injection = kill("echo");
  injection->inject();
  const auto answer = confirmed(*injection);
  EXPECT_THAT(answer.evidence, HasSubstr("held down"));
  for (const ProcessId& id : before.processes) EXPECT_FALSE(is_alive(id)) << id.pid;
  EXPECT_TRUE(is_readable(open.get(), arrival)) << "the connection ended";
  // Its policy is to restart after 100 ms.
  std::this_thread::sleep_for(500ms);
  EXPECT_FALSE(services_->state("echo").running);
  EXPECT_TRUE(services_->state("echo").processes.empty());
  EXPECT_FALSE(answers());
  EXPECT_EQ(injection->confirm().outcome, Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Outcome::not_yet);
  EXPECT_THROW(injection->inject(), Error);

  heal(*injection);
  EXPECT_TRUE(eventually([&] { return answers(); }));
  heal(*injection);
  EXPECT_TRUE(services_->state("echo").wanted_up);
}

TEST_F(ServiceFault, KillWithoutHoldLeavesTheRestartToTheSupervisor) {
  start_echo();
  const auto before = services_->state("echo");
  const auto injection = kill("echo", {{"hold", false}});
  injection->inject();
  confirmed(*injection);
  for (const ProcessId& id : before.processes) EXPECT_FALSE(is_alive(id)) << id.pid;
  EXPECT_TRUE(eventually([&] {
    const auto now = services_->state("echo");
    return now.running && now.main_process != before.main_process;
  }));
  EXPECT_TRUE(eventually([&] { return answers(); }));
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("restarted as process"));
  heal(*injection);
}

TEST_F(ServiceFault, HealingStartsWhatItsPolicyWouldLeaveDead) {
  start_echo(spec::RestartPolicy::no);
  const auto injection = kill("echo", {{"hold", false}, {"signal", "TERM"}});
  injection->inject();
  confirmed(*injection);
  ASSERT_TRUE(eventually([&] { return was_left_down("echo"); })) << state("echo");
  EXPECT_EQ(injection->confirm_healed().outcome, Outcome::not_yet);
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return answers(); }));
}

TEST_F(ServiceFault, KillOfTheMainProcessOnly) {
  start_echo();
  const auto before = services_->state("echo");
  const auto injection = kill("echo", {{"scope", "main"}});
  injection->inject();
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("1 of 1 processes"));
  EXPECT_FALSE(is_alive(*before.main_process));
  heal(*injection);
  EXPECT_NE(services_->state("echo").main_process, before.main_process);
}

TEST_F(ServiceFault, KillGetsEveryProcessOfAServiceThatForksAllTheTime) {
  start_forker();
  for (int round = 0; round < 5; ++round) {
    const auto injection = kill("forker");
    injection->inject();
    EXPECT_TRUE(services_->state("forker").processes.empty());
    confirmed(*injection);
    heal(*injection);
    running("forker", "sh");
  }
}

TEST_F(ServiceFault, KillGetsAProcessThatHandsOnToAChildBeforeItCanBeLooked) {
  // The main process sleeps; beside it every process lives only as long as one fork takes.
  add(plan("relay",
           {"/usr/bin/perl", "-e", "fork or do { while (1) { fork and exit 0 } }; sleep 999"},
           spec::RestartPolicy::always));
  start();
  for (int round = 0; round < 5; ++round) {
    running("relay", "perl");
    const auto injection = kill("relay");
    injection->inject();
    EXPECT_FALSE(is_cgroup_populated(services_->state("relay").cgroup));
    confirmed(*injection);
    heal(*injection);
  }
}

TEST_F(ServiceFault, ASignalThatIsIgnoredIsNotConfirmed) {
  add(plan("stubborn", {"/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"},
           spec::RestartPolicy::always));
  start();
  running("stubborn", "sh");
  ASSERT_TRUE(eventually([&] {
    const auto state = services_->state("stubborn");
    const std::string status = read_file(fmt::format("/proc/{}/status", state.main_process->pid));
    // Bit 14 of the mask: TERM (15) is ignored by now.
    const std::size_t at = status.find("SigIgn:\t");
    return (std::stoull(status.substr(at + 8, 16), nullptr, 16) & (1U << 14U)) != 0;
  }));
  const auto injection = kill("stubborn", {{"signal", "TERM"}, {"scope", "main"}});
  injection->inject();
  const auto answer = until_confirmed([&] { return injection->confirm(); }, silence);
  EXPECT_EQ(answer.outcome, Outcome::not_yet);
  EXPECT_THAT(answer.evidence, HasSubstr("0 of 1 processes of stubborn gone after TERM"));
  for (const auto& record : injection->undo()) EXPECT_TRUE(agent::execute_undo(record, env_).done);
  EXPECT_TRUE(services_->state("stubborn").wanted_up);
  EXPECT_THAT(injection->confirm_healed().evidence, HasSubstr("has not ended yet"));
}

TEST_F(ServiceFault, KillRefusesWhatDoesNotRun) {
  start_echo();
  EXPECT_THROW(kill("nobody"), Error);
  const auto first = kill("echo");
  first->inject();
  confirmed(*first);
  EXPECT_THROW(kill("echo"), Error) << "it does not run";
  EXPECT_THROW(pause("echo"), Error);
  heal(*first);
}

TEST_F(ServiceFault, PauseFreezesAServerThatStillAcceptsConnections) {
  start_echo();
  const UniqueFd open = dial_echo();
  ASSERT_TRUE(carries(open.get(), open.get(), arrival));
  const auto before = services_->state("echo");

  const auto injection = pause("echo");
  injection->inject();
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("CPU time stood still"));
  EXPECT_TRUE(all_stopped("echo"));
  EXPECT_FALSE(carries(open.get(), open.get(), silence));
  const UniqueFd into_the_backlog = dial_echo();
  ASSERT_TRUE(into_the_backlog) << "the kernel accepts for it";
  EXPECT_FALSE(carries(into_the_backlog.get(), into_the_backlog.get(), silence));
  EXPECT_EQ(injection->confirm().outcome, Outcome::confirmed);
  EXPECT_THAT(injection->confirm_healed().evidence, HasSubstr("still stopped"));
  EXPECT_THROW(injection->inject(), Error);
  EXPECT_THROW(pause("echo"), Error) << "not ours to continue a second time";

  EXPECT_THAT(heal(*injection).evidence, HasSubstr("as before"));
  EXPECT_TRUE(is_readable(open.get(), arrival)) << "the answer to what was sent meanwhile";
  EXPECT_TRUE(is_readable(into_the_backlog.get(), arrival));
  EXPECT_TRUE(answers(arrival));
  EXPECT_EQ(services_->state("echo").main_process, before.main_process);
  heal(*injection);
}

TEST_F(ServiceFault, PauseStopsAServiceThatForksAllTheTime) {
  start_forker();
  const auto main = services_->state("forker").main_process;
  for (int round = 0; round < 5; ++round) {
    const auto injection = pause("forker");
    injection->inject();
    EXPECT_TRUE(all_stopped("forker"));
    const auto frozen = services_->state("forker").processes;
    const std::uint64_t ticks = cpu_ticks("forker");
    confirmed(*injection);
    EXPECT_EQ(services_->state("forker").processes, frozen) << "nothing was forked";
    EXPECT_EQ(cpu_ticks("forker"), ticks);
    heal(*injection);
    EXPECT_TRUE(eventually([&] { return cpu_ticks("forker") > ticks; })) << "it works again";
  }
  EXPECT_EQ(services_->state("forker").main_process, main);
}

TEST_F(ServiceFault, RecordCoversProcessesThatAreForkedAfterItWasWritten) {
  start_echo();
  const auto injection = pause("echo");
  const auto records = injection->undo();
  std::vector<UniqueFd> later;
  for (int i = 0; i < 3; ++i) {
    later.push_back(dial_echo());
    ASSERT_TRUE(carries(later.back().get(), later.back().get(), arrival));
  }
  injection->inject();
  confirmed(*injection);
  EXPECT_TRUE(all_stopped("echo"));
  // Without the injection: what a journal's reader would do.
  for (const auto& record : records) EXPECT_TRUE(agent::execute_undo(record, env_).done);
  for (const UniqueFd& connection : later)
    EXPECT_TRUE(carries(connection.get(), connection.get(), arrival));
  EXPECT_EQ(until_confirmed([&] { return injection->confirm_healed(); }).outcome,
            Outcome::confirmed);
}

TEST_F(ServiceFault, PauseLeavesAloneWhatSomebodyElseStopped) {
  start_echo();
  const ProcessId main = *services_->state("echo").main_process;
  ASSERT_TRUE(send_signal(main, SIGSTOP));
  ASSERT_TRUE(eventually([&] { return read_process(main.pid)->state == 'T'; }));
  try {
    pause("echo");
    ADD_FAILURE() << "prepared";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is stopped already, by somebody else"));
  }
  EXPECT_EQ(read_process(main.pid)->state, 'T');
  ASSERT_TRUE(send_signal(main, SIGCONT));
}

TEST_F(ServiceFault, SomebodyElsesContinuationIsSeen) {
  start_echo();
  const auto injection = pause("echo");
  injection->inject();
  confirmed(*injection);
  ASSERT_TRUE(send_signal(*services_->state("echo").main_process, SIGCONT));
  EXPECT_TRUE(eventually([&] { return injection->confirm().outcome == Outcome::not_yet; }));
  heal(*injection);
}

TEST_F(ServiceFault, AReplacedMainProcessIsTold) {
  start_echo();
  const auto before = services_->state("echo");
  const auto injection = pause("echo");
  injection->inject();
  confirmed(*injection);
  ASSERT_TRUE(send_signal(*before.main_process, SIGKILL));
  ASSERT_TRUE(eventually([&] {
    const auto now = services_->state("echo");
    return now.running && now.main_process != before.main_process;
  }));
  EXPECT_THAT(heal(*injection).evidence, HasSubstr("its supervisor replaced main process"));
}

}  // namespace
}  // namespace nospof::test
