#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fake_host.hpp"
#include "faults/process_kill.hpp"
#include "faults/process_pause.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using kinds::Confirmation;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// This very process: it exists and is never signalled here, because nothing is injected.
ProcessId own_process() {
  return read_process(::getpid())->id;
}

kinds::ServiceState running(const std::string& name) {
  kinds::ServiceState state;
  state.name = name;
  state.wanted_up = true;
  state.running = true;
  state.main_process = own_process();
  state.processes = {own_process()};
  state.cgroup = "/sys/fs/cgroup/some";
  return state;
}

kinds::ServiceState stopped(const std::string& name) {
  kinds::ServiceState state;
  state.name = name;
  state.wanted_up = true;
  return state;
}

// Never a real process: pid_max is far below.
ProcessId no_process(pid_t pid) {
  return {.pid = 1'000'000'000 + pid, .start_time = 1};
}

TEST(ProcessKill, PlansWithDefaultsForEveryTarget) {
  const auto kind = make_process_kill();
  const auto plan = kind->plan({"lb1", "lb2"}, "haproxy", {}, test::small_stack());
  ASSERT_EQ(plan.placements.size(), 2U);
  EXPECT_EQ(plan.placements[0].host, "lb1");
  EXPECT_FALSE(plan.placements[0].needs_power);
  EXPECT_EQ(
      plan.placements[0].parameters,
      (json::object{{"service", "haproxy"}, {"signal", "KILL"}, {"scope", "all"}, {"hold", true}}));
  EXPECT_EQ(plan.placements[0].effect,
            "SIGKILL to every process of haproxy on lb1; its supervisor does not restart it until "
            "healed");
  EXPECT_EQ(plan.placements[0].undo, "starts haproxy under its supervisor");
  EXPECT_THAT(plan.blast_radius, ElementsAre("lb1", "lb2"));
  EXPECT_TRUE(plan.witnesses.empty());
}

TEST(ProcessKill, PlansWhatWasAsked) {
  const auto plan = make_process_kill()->plan(
      {"web1"}, "nginx",
      {{"signal", std::string("SIGTERM")}, {"scope", std::string("main")}, {"hold", false}},
      test::small_stack());
  ASSERT_EQ(plan.placements.size(), 1U);
  EXPECT_EQ(plan.placements[0].effect, "SIGTERM to the main process of nginx on web1");
  EXPECT_NO_THROW(make_process_kill()->make(plan.placements[0].parameters));
}

TEST(ProcessKill, RefusesBadPlans) {
  const auto kind = make_process_kill();
  const auto stack = test::small_stack();
  const auto plan = [&](const std::string& service, const spec::Parameters& parameters) {
    return error_of([&] { kind->plan({"web1"}, service, parameters, stack); });
  };
  EXPECT_THAT(plan("", {}), HasSubstr("none is given"));
  EXPECT_THAT(plan("mariadb", {}), HasSubstr("does not run service 'mariadb'; it runs: nginx"));
  EXPECT_THAT(plan("nginx", {{"sginal", std::string("KILL")}}),
              HasSubstr("'sginal' is unknown; known are: signal, scope, hold"));
  EXPECT_THAT(plan("nginx", {{"scope", std::string("some")}}), HasSubstr("one of: main, all"));
  EXPECT_THAT(plan("nginx", {{"hold", std::string("yes")}}), HasSubstr("must be true or false"));
  EXPECT_THAT(plan("nginx", {{"signal", true}}), HasSubstr("must be a text"));
  EXPECT_THAT(plan("nginx", {{"signal", std::string("KILLED")}}), HasSubstr("unknown signal"));
}

TEST(ProcessKill, RefusesSignalsThatEndNothing) {
  const auto kind = make_process_kill();
  for (const char* name : {"STOP", "SIGSTOP", "CONT", "TSTP", "TTIN", "TTOU"})
    EXPECT_THAT(error_of([&] {
                  kind->make({{"service", "nginx"}, {"signal", name}});
                }),
                HasSubstr("process-pause"))
        << name;
  for (const char* name : {"CHLD", "URG", "WINCH"})
    EXPECT_THAT(error_of([&] {
                  kind->make({{"service", "nginx"}, {"signal", name}});
                }),
                HasSubstr("ends no process"))
        << name;
  for (const char* name : {"0", "9", "", "kill", "SIG"})
    EXPECT_NE(error_of([&] { kind->make({{"service", "nginx"}, {"signal", name}}); }), "") << name;
}

TEST(ProcessKill, RefusesBadPlacementParameters) {
  const auto kind = make_process_kill();
  const auto make = [&](const json::object& parameters) {
    return error_of([&] { kind->make(parameters); });
  };
  EXPECT_THAT(make({}), HasSubstr("'service' is missing"));
  EXPECT_THAT(make({{"service", ""}}), HasSubstr("must not be empty"));
  EXPECT_THAT(make({{"service", 7}}), HasSubstr("must be a text"));
  EXPECT_THAT(make({{"service", "a"}, {"hold", 1}}), HasSubstr("'hold' must be true or false"));
  EXPECT_THAT(make({{"service", "a"}, {"scope", "any"}}), HasSubstr("'main' or 'all'"));
  EXPECT_THAT(make({{"service", "a"}, {"hlod", true}}), HasSubstr("'hlod' is unknown"));
  EXPECT_EQ(make({{"service", "a"}, {"duration_ms", 1000}}), "");
}

TEST(ProcessKill, RefusesABrokenBaseline) {
  const auto fault = make_process_kill()->make({{"service", "nginx"}});
  kinds::HostEnv bare{.host = "web1"};
  EXPECT_THAT(error_of([&] { fault->prepare(bare); }), HasSubstr("no supervisor"));
  test::FakeServices services;
  services.states["haproxy"] = running("haproxy");
  kinds::HostEnv env{.host = "web1", .services = &services};
  EXPECT_THAT(error_of([&] { fault->prepare(env); }),
              HasSubstr("no service 'nginx' on host 'web1'; there are: haproxy"));
  services.states["nginx"] = stopped("nginx");
  EXPECT_THAT(error_of([&] { fault->prepare(env); }), HasSubstr("does not run on host 'web1'"));
  EXPECT_TRUE(services.calls.empty());
}

TEST(ProcessKill, UndoStartsTheServiceWhateverHoldSays) {
  for (const bool hold : {true, false}) {
    test::FakeServices services;
    services.states["nginx"] = running("nginx");
    kinds::HostEnv env{.host = "web1", .services = &services};
    const auto injection =
        make_process_kill()->make({{"service", "nginx"}, {"hold", hold}})->prepare(env);
    EXPECT_THAT(injection->undo(),
                ElementsAre(kinds::UndoRecord{{"op", "start-service"}, {"service", "nginx"}}));
    EXPECT_TRUE(services.calls.empty());
  }
}

// The processes are gone before the signal reaches them: what is left is the supervisor's part.
TEST(ProcessKill, HeldDownIsConfirmedOnlyWhenTheSupervisorKeepsItDown) {
  test::FakeServices services;
  services.states["nginx"] = running("nginx");
  services.states["nginx"].main_process = no_process(1);
  services.states["nginx"].processes = {no_process(1)};
  kinds::HostEnv env{.host = "web1", .services = &services};
  const auto injection =
      make_process_kill()->make({{"service", "nginx"}, {"scope", "main"}})->prepare(env);
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  injection->inject();
  EXPECT_THAT(services.calls, ElementsAre("hold_down nginx"));
  EXPECT_THAT(error_of([&] { injection->inject(); }), HasSubstr("already"));

  EXPECT_THAT(injection->confirm().evidence, HasSubstr("it runs again"));
  services.states["nginx"].running = false;
  services.states["nginx"].wanted_up = true;
  EXPECT_THAT(injection->confirm().evidence, HasSubstr("would start it again"));
  services.states["nginx"].wanted_up = false;
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  const auto second = injection->confirm();
  EXPECT_EQ(second.outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(second.evidence,
            "1 of 1 processes of nginx gone after KILL, held down by its supervisor");
}

TEST(ProcessKill, WithoutHoldTheEvidenceTellsOfTheRestart) {
  test::FakeServices services;
  services.states["nginx"] = running("nginx");
  services.states["nginx"].main_process = no_process(1);
  services.states["nginx"].processes = {no_process(1)};
  kinds::HostEnv env{.host = "web1", .services = &services};
  const auto injection = make_process_kill()
                             ->make({{"service", "nginx"}, {"scope", "main"}, {"hold", false}})
                             ->prepare(env);
  injection->inject();
  EXPECT_TRUE(services.calls.empty());
  services.states["nginx"] = running("nginx");
  const auto answer = injection->confirm();
  EXPECT_EQ(answer.outcome, Confirmation::Outcome::confirmed);
  EXPECT_THAT(answer.evidence, HasSubstr("restarted as process " + std::to_string(::getpid())));
}

TEST(ProcessKill, HealedMeansAnotherMainProcessThatStays) {
  ManualClock clock;
  test::FakeServices services;
  services.states["nginx"] = running("nginx");
  services.states["nginx"].main_process = no_process(1);
  services.states["nginx"].processes = {no_process(1)};
  kinds::HostEnv env{.host = "web1", .services = &services, .clock = &clock};
  const auto injection =
      make_process_kill()->make({{"service", "nginx"}, {"scope", "main"}})->prepare(env);
  injection->inject();
  const auto healed = [&] {
    return injection->confirm_healed().outcome == Confirmation::Outcome::confirmed;
  };
  services.states["nginx"].wanted_up = true;
  clock.advance(1s);
  EXPECT_FALSE(healed()) << "the killed one is still the main process";
  services.states["nginx"].running = false;
  EXPECT_FALSE(healed());

  services.states["nginx"] = running("nginx");
  EXPECT_FALSE(healed()) << "seen for the first time";
  clock.advance(100ms);
  EXPECT_FALSE(healed());
  services.states["nginx"].main_process = no_process(2);
  clock.advance(150ms);
  EXPECT_FALSE(healed()) << "another one took its place";
  clock.advance(199ms);
  EXPECT_FALSE(healed());
  services.states["nginx"].wanted_up = false;
  EXPECT_FALSE(healed()) << "not under supervision";
  services.states["nginx"].wanted_up = true;
  EXPECT_FALSE(healed());
  clock.advance(200ms);
  EXPECT_TRUE(healed());
  EXPECT_TRUE(healed());
}

TEST(ProcessKill, IsProvedHeldDownWithAllProcesses) {
  const auto kind = make_process_kill();
  ASSERT_EQ(kind->info().prove_variants.size(), 1U);
  const auto& variant = kind->info().prove_variants[0];
  EXPECT_EQ(std::get<bool>(variant.parameters.at("hold")), true);
  EXPECT_EQ(std::get<std::string>(variant.parameters.at("scope")), "all");
  EXPECT_NO_THROW(kind->plan({"web1"}, "nginx", variant.parameters, test::small_stack()));
}

TEST(ProcessPause, PlansOnePlacementPerTarget) {
  const auto plan =
      make_process_pause()->plan({"lb1", "lb2"}, "keepalived", {}, test::small_stack());
  ASSERT_EQ(plan.placements.size(), 2U);
  EXPECT_EQ(plan.placements[1].host, "lb2");
  EXPECT_EQ(plan.placements[1].parameters, (json::object{{"service", "keepalived"}}));
  EXPECT_EQ(plan.placements[1].effect, "SIGSTOP to every process of keepalived on lb2");
  EXPECT_EQ(plan.placements[1].undo, "SIGCONT to the same processes");
  EXPECT_THAT(plan.blast_radius, ElementsAre("lb1", "lb2"));
}

TEST(ProcessPause, RefusesWhatItDoesNotKnow) {
  const auto kind = make_process_pause();
  EXPECT_THAT(
      error_of([&] {
        kind->plan({"lb1"}, "haproxy", {{"signal", std::string("STOP")}}, test::small_stack());
      }),
      HasSubstr("'signal' is unknown; this fault has none"));
  EXPECT_THAT(error_of([&] { kind->plan({"lb1"}, "nginx", {}, test::small_stack()); }),
              HasSubstr("does not run service 'nginx'"));
  EXPECT_THAT(error_of([&] { kind->make({}); }), HasSubstr("'service' is missing"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"service", "a"}, {"scope", "all"}});
              }),
              HasSubstr("'scope' is unknown"));
}

TEST(ProcessPause, RefusesABrokenBaseline) {
  const auto fault = make_process_pause()->make({{"service", "nginx"}, {"duration_ms", 500}});
  kinds::HostEnv bare{.host = "web1"};
  EXPECT_THAT(error_of([&] { fault->prepare(bare); }), HasSubstr("no supervisor"));
  test::FakeServices services;
  services.states["nginx"] = stopped("nginx");
  kinds::HostEnv env{.host = "web1", .services = &services};
  EXPECT_THAT(error_of([&] { fault->prepare(env); }), HasSubstr("does not run"));
  services.states["nginx"] = running("nginx");
  services.states["nginx"].cgroup.clear();
  EXPECT_THAT(error_of([&] { fault->prepare(env); }), HasSubstr("no cgroup of its own"));
}

TEST(ProcessPause, UndoNamesProcessesAndCgroupBeforeAnythingIsStopped) {
  test::FakeServices services;
  services.states["nginx"] = running("nginx");
  kinds::HostEnv env{.host = "web1", .services = &services};
  const auto injection = make_process_pause()->make({{"service", "nginx"}})->prepare(env);
  const auto records = injection->undo();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("op"), "continue-processes");
  EXPECT_EQ(records[0].at("cgroup"), "/sys/fs/cgroup/some");
  ASSERT_EQ(records[0].at("processes").as_array().size(), 1U);
  const json::object& process = records[0].at("processes").as_array()[0].as_object();
  EXPECT_EQ(process.at("pid").to_number<pid_t>(), ::getpid());
  EXPECT_EQ(process.at("start_time").to_number<std::uint64_t>(), own_process().start_time);
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
}

TEST(ProcessPause, TellsWhenTheServiceDidNotSurvive) {
  test::FakeServices services;
  services.states["nginx"] = running("nginx");
  kinds::HostEnv env{.host = "web1", .services = &services};
  const auto injection = make_process_pause()->make({{"service", "nginx"}})->prepare(env);
  EXPECT_THAT(injection->confirm_healed().evidence, HasSubstr("as before"));
  services.states["nginx"].main_process = no_process(5);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
  EXPECT_THAT(injection->confirm_healed().evidence, HasSubstr("replaced main process"));
  services.states["nginx"].running = false;
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  EXPECT_THAT(injection->confirm_healed().evidence, HasSubstr("not running"));
}

}  // namespace
}  // namespace nospof::faults
