// Faults on a service beyond killing and pausing it: plans, texts, refusals, records.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fake_host.hpp"
#include "faults/crash_loop.hpp"
#include "faults/fd_exhaustion.hpp"
#include "faults/process_restart.hpp"
#include "faults/process_slow.hpp"
#include "faults/process_terminate.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using kinds::Confirmation;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

using MakeKind = std::unique_ptr<kinds::FaultKind> (*)();
constexpr std::array all_kinds{make_crash_loop, make_process_terminate, make_process_restart,
                               make_process_slow, make_fd_exhaustion};

// This very process: it exists and is never signalled here.
ProcessId own_process() {
  return read_process(::getpid())->id;
}

struct Host {
  Host() {
    kinds::ServiceState state;
    state.name = "nginx";
    state.wanted_up = true;
    state.running = true;
    state.main_process = own_process();
    state.processes = {own_process()};
    state.cgroup = "/no/such/cgroup";
    services.states["nginx"] = state;
    env.host = "web1";
    env.services = &services;
    env.clock = &clock;
  }
  kinds::ServiceState& nginx() { return services.states.at("nginx"); }
  void go_down() {
    nginx().running = false;
    nginx().main_process.reset();
    nginx().processes.clear();
  }
  /// Back with another main process than this one: init, which nobody here signals.
  void come_back() {
    nginx().running = nginx().wanted_up = true;
    nginx().main_process = read_process(1)->id;
  }
  std::unique_ptr<kinds::Injection> prepare(MakeKind make, json::object extra = {}) {
    extra["service"] = "nginx";
    return make()->make(extra)->prepare(env);
  }

  test::FakeServices services;
  ManualClock clock;
  kinds::HostEnv env;
};

TEST(ServiceFaults, PlansCanBeCarriedOut) {
  for (const MakeKind make : all_kinds) {
    const auto kind = make();
    const auto plan = kind->plan({"lb1", "lb2"}, "haproxy", {}, test::small_stack());
    ASSERT_EQ(plan.placements.size(), 2U);
    EXPECT_FALSE(plan.placements[0].needs_power);
    EXPECT_THAT(plan.placements[0].effect, HasSubstr("haproxy on lb1")) << kind->info().name;
    EXPECT_FALSE(plan.placements[0].undo.empty());
    EXPECT_THAT(plan.blast_radius, ElementsAre("lb1", "lb2"));
    EXPECT_NO_THROW(kind->make(plan.placements[0].parameters));
    EXPECT_TRUE(kind->info().prove_variants.empty());
  }
}

TEST(ServiceFaults, RefuseWhatMeansNothing) {
  const auto stack = test::small_stack();
  for (const MakeKind make : all_kinds) {
    const auto kind = make();
    EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "", {}, stack); }), HasSubstr("none is given"));
    EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "mariadb", {}, stack); }),
                HasSubstr("does not run service 'mariadb'"));
    EXPECT_THAT(error_of([&] {
                  kind->plan({"web1"}, "nginx", {{"nothing", true}}, stack);
                }),
                HasSubstr("'nothing' is unknown"));
    EXPECT_THAT(error_of([&] { kind->make({}); }), HasSubstr("'service' is missing"));
    EXPECT_THAT(error_of([&] {
                  kind->make({{"service", "nginx"}, {"nothing", 1}});
                }),
                HasSubstr("is unknown"));
  }
}

TEST(ServiceFaults, RefuseWhatDoesNotRun) {
  for (const MakeKind make : all_kinds) {
    Host host;
    host.go_down();
    EXPECT_THAT(error_of([&] { host.prepare(make); }), HasSubstr("does not run"));
    host.env.services = nullptr;
    EXPECT_THAT(error_of([&] { host.prepare(make); }), HasSubstr("no supervisor"));
  }
}

TEST(CrashLoop, TakesHowLongItMayLive) {
  const auto kind = make_crash_loop();
  const auto plan =
      kind->plan({"web1"}, "nginx", {{"after", spec::Duration(500ms)}}, test::small_stack());
  EXPECT_EQ(plan.placements.at(0).parameters.at("after_ms"), 500);
  EXPECT_THAT(
      error_of([&] {
        kind->plan({"web1"}, "nginx", {{"after", spec::Duration(1min)}}, test::small_stack());
      }),
      HasSubstr("'after' must be"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"service", "nginx"}, {"after_ms", -1}});
              }),
              HasSubstr("'after_ms' must be"));
}

TEST(ProcessTerminate, IsConfirmedWhenNothingIsLeft) {
  Host host;
  const auto injection = host.prepare(make_process_terminate);
  EXPECT_EQ(injection->undo(),
            (std::vector<kinds::UndoRecord>{{{"op", "start-service"}, {"service", "nginx"}}}));
  injection->inject();
  EXPECT_THAT(host.services.calls, ElementsAre("stop nginx"));
  EXPECT_THROW(injection->inject(), Error);
  host.clock.advance(20ms);
  EXPECT_THAT(injection->confirm().evidence, HasSubstr("has not ended after 20 ms"));
  host.go_down();
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  host.come_back();
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet) << "just started";
  host.clock.advance(250ms);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
}

TEST(ProcessRestart, StartsWhatHasEnded) {
  Host host;
  const auto injection = host.prepare(make_process_restart);
  injection->inject();
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  EXPECT_THAT(host.services.calls, ElementsAre("stop nginx"));
  host.go_down();
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  EXPECT_THAT(host.services.calls, ElementsAre("stop nginx", "start nginx"));
  host.come_back();
  injection->confirm();
  host.clock.advance(250ms);
  const Confirmation answer = injection->confirm();
  EXPECT_EQ(answer.outcome, Confirmation::Outcome::confirmed) << answer.evidence;
  EXPECT_THAT(host.services.calls, ElementsAre("stop nginx", "start nginx")) << "once";
}

TEST(ProcessSlow, TakesAShareOfACpu) {
  const auto kind = make_process_slow();
  const auto plan =
      kind->plan({"web1"}, "nginx", {{"cpu", spec::Percent{0.25}}}, test::small_stack());
  EXPECT_EQ(plan.placements.at(0).effect, "nginx on web1 gets at most 25 % of one CPU");
  EXPECT_THAT(error_of([&] {
                kind->plan({"web1"}, "nginx", {{"cpu", spec::Percent{0}}}, test::small_stack());
              }),
              HasSubstr("at least 1%"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"service", "nginx"}, {"cpu", 2}});
              }),
              HasSubstr("'cpu' must be"));
  Host host;
  host.nginx().cgroup.clear();
  EXPECT_THAT(error_of([&] { host.prepare(make_process_slow); }),
              HasSubstr("no cgroup of its own"));
}

TEST(ProcessSlow, ItsRecordNamesWhatMayBeStopped) {
  Host host;
  const auto records = host.prepare(make_process_slow)->undo();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("op"), "continue-processes");
  EXPECT_EQ(records[0].at("cgroup"), "/no/such/cgroup");
  EXPECT_EQ(records[0].at("processes").as_array().size(), 1U);
}

TEST(FdExhaustion, ItsRecordHoldsTheOldLimits) {
  Host host;
  const auto records = host.prepare(make_fd_exhaustion)->undo();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("op"), "restore-file-limits");
  const json::object& process = records[0].at("processes").as_array().at(0).as_object();
  EXPECT_EQ(process.at("pid"), ::getpid());
  EXPECT_GT(process.at("soft").to_number<std::int64_t>(),
            process.at("lowered").to_number<std::int64_t>());
  EXPECT_GE(process.at("hard").to_number<std::int64_t>(),
            process.at("soft").to_number<std::int64_t>());
}

}  // namespace
}  // namespace nospof::faults
