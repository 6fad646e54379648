// Faults on whole hosts and on their resources: plans, texts, refusals, records.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "faults/clock_skew.hpp"
#include "faults/cpu_stress.hpp"
#include "faults/disk_fill.hpp"
#include "faults/host_freeze.hpp"
#include "faults/host_isolate.hpp"
#include "faults/host_reboot.hpp"
#include "faults/io_stress.hpp"
#include "faults/memory_stress.hpp"
#include "faults/pid_exhaustion.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using kinds::Confirmation;
using test::error_of;
using testing::HasSubstr;
using namespace std::chrono_literals;

using MakeKind = std::unique_ptr<kinds::FaultKind> (*)();
constexpr std::array power_kinds{make_host_freeze, make_host_isolate, make_host_reboot};
constexpr std::array local_kinds{make_disk_fill, make_cpu_stress, make_memory_stress,
                                 make_io_stress, make_pid_exhaustion};

struct PoweredHost {
  PoweredHost() {
    power.hosts["db1"] = true;
    power.conditions["db1"] = {.on = true,
                               .frozen = false,
                               .connected = true,
                               .processes = 5,
                               .cpu_us = 100,
                               .boots = 1,
                               .last_shutdown = {}};
    env.host = "@power";
    env.power = &power;
    env.clock = &clock;
  }
  std::unique_ptr<kinds::Injection> prepare(MakeKind make, json::object extra = {}) {
    extra["host"] = "db1";
    extra["duration_ms"] = 5000;
    return make()->make(extra)->prepare(env);
  }
  kinds::HostCondition& db1() { return power.conditions.at("db1"); }

  test::FakePower power;
  ManualClock clock;
  kinds::HostEnv env;
};

TEST(HostPowerFaults, PlanForTheAgentWithPower) {
  for (const MakeKind make : power_kinds) {
    const auto kind = make();
    const auto plan = kind->plan({"web1", "db1"}, "", {}, test::small_stack());
    ASSERT_EQ(plan.placements.size(), 2U) << kind->info().name;
    for (const auto& placement : plan.placements) {
      EXPECT_TRUE(placement.needs_power);
      EXPECT_THAT(placement.effect, HasSubstr(placement.host));
      EXPECT_THAT(placement.undo, HasSubstr(placement.host));
      json::object parameters = placement.parameters;
      parameters["duration_ms"] = 1000;
      EXPECT_NO_THROW(kind->make(parameters));
    }
  }
}

TEST(HostFaults, RefuseWhatMeansNothing) {
  const auto stack = test::small_stack();
  std::vector<MakeKind> all(power_kinds.begin(), power_kinds.end());
  all.insert(all.end(), local_kinds.begin(), local_kinds.end());
  for (const MakeKind make : all) {
    const auto kind = make();
    const auto error = [&](const std::vector<std::string>& targets, const std::string& service,
                           const spec::Parameters& parameters) {
      return error_of([&] { kind->plan(targets, service, parameters, stack); });
    };
    EXPECT_THAT(error({}, "", {}), HasSubstr("no target"));
    EXPECT_THAT(error({"web9"}, "", {}), HasSubstr("web9"));
    EXPECT_THAT(error({"web1"}, "nginx", {}), HasSubstr("whole host"));
    EXPECT_THAT(error({"web1"}, "", {{"nothing", true}}), HasSubstr("'nothing' is unknown"));
    EXPECT_THAT(error_of([&] {
                  kind->make({{"host", "db1"}, {"duration_ms", 1000}, {"nothing", 1}});
                }),
                HasSubstr("is unknown"));
  }
}

TEST(HostPowerFaults, RefuseAHostThatIsNotAsItShouldBe) {
  for (const MakeKind make : power_kinds) {
    PoweredHost host;
    host.db1().on = false;
    EXPECT_THAT(error_of([&] { host.prepare(make); }), HasSubstr("is off"));
    host.db1() = {.on = true, .frozen = true, .connected = true, .last_shutdown = {}};
    EXPECT_THAT(error_of([&] { host.prepare(make); }), HasSubstr("frozen already"));
    host.env.power = nullptr;
    EXPECT_THAT(error_of([&] { host.prepare(make); }), HasSubstr("no power over host 'db1'"));
  }
  PoweredHost host;
  host.db1().connected = false;
  EXPECT_THAT(error_of([&] { host.prepare(make_host_isolate); }),
              HasSubstr("cut off at its switch"));
}

TEST(HostFreeze, IsConfirmedWhenCpuTimeStandsStillForAWhile) {
  PoweredHost host;
  const auto injection = host.prepare(make_host_freeze);
  EXPECT_EQ(injection->undo(),
            (std::vector<kinds::UndoRecord>{{{"op", "thaw-host"}, {"host", "db1"}}}));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  injection->inject();
  EXPECT_THAT(host.power.calls, testing::ElementsAre("freeze db1 35000"));
  EXPECT_THROW(injection->inject(), Error);
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet) << "a first look";
  host.clock.advance(60ms);
  host.db1().cpu_us = 101;
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet) << "something ran";
  host.clock.advance(60ms);
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  host.power.thaw("db1");
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
}

TEST(ClockSkew, IsRefusedByName) {
  const auto kind = make_clock_skew();
  for (const std::string& error :
       {error_of([&] { kind->plan({"web1"}, "", {}, test::small_stack()); }),
        error_of([&] { kind->make({}); })})
    EXPECT_THAT(error, HasSubstr("clock-skew: the wall clock can't be shifted for one host"));
  EXPECT_TRUE(kind->info().prove_variants.empty());
}

TEST(HostFreeze, IsPartOfAProof) {
  EXPECT_EQ(make_host_freeze()->info().prove_variants.size(), 1U);
  EXPECT_EQ(make_disk_fill()->info().prove_variants.size(), 1U);
  EXPECT_TRUE(make_disk_fill()->info().prove_variants[0].label.empty());
}

TEST(HostIsolate, HasWitnessesForBothWays) {
  const auto plan = make_host_isolate()->plan({"web1"}, "", {}, test::small_stack());
  ASSERT_FALSE(plan.witnesses.empty());
  EXPECT_LE(plan.witnesses.size(), 6U);
  bool to = false;
  bool from = false;
  for (const kinds::Witness& witness : plan.witnesses) {
    to = to || witness.to_host == "web1";
    from = from || witness.from_host == "web1";
    EXPECT_NE(witness.from_host, witness.to_host);
  }
  EXPECT_TRUE(to && from);
}

TEST(HostIsolate, FollowsTheSwitchsPort) {
  PoweredHost host;
  const auto injection = host.prepare(make_host_isolate);
  EXPECT_EQ(injection->undo(),
            (std::vector<kinds::UndoRecord>{{{"op", "rejoin-host"}, {"host", "db1"}}}));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  injection->inject();
  EXPECT_THAT(host.power.calls, testing::ElementsAre("isolate db1 35000"));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  host.power.rejoin("db1");
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
}

TEST(HostReboot, IsConfirmedWhenItWentDownAndHealedWhenItBooted) {
  PoweredHost host;
  const auto injection = host.prepare(make_host_reboot, {{"grace_ms", 1500}});
  injection->inject();
  EXPECT_THAT(host.power.calls, testing::ElementsAre("reboot db1 1500"));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  host.db1().on = false;
  host.db1().last_shutdown = "all 3 services ended in order";
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);
  host.db1().on = true;
  host.db1().boots = 2;
  EXPECT_THAT(injection->confirm().evidence, HasSubstr("booted again"));
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
}

TEST(HostReboot, TakesAGraceWithinReason) {
  const auto kind = make_host_reboot();
  const auto stack = test::small_stack();
  const auto plan = kind->plan({"db1"}, "", {{"grace", spec::Duration(2s)}}, stack);
  EXPECT_EQ(plan.placements.at(0).parameters.at("grace_ms"), 2000);
  EXPECT_GT(plan.confirm_within, 2s);
  EXPECT_THAT(error_of([&] {
                kind->plan({"db1"}, "", {{"grace", spec::Duration(1min)}}, stack);
              }),
              HasSubstr("'grace' must be"));
}

TEST(DiskFill, SaysWhatItFills) {
  const auto kind = make_disk_fill();
  const auto stack = test::small_stack();
  EXPECT_EQ(kind->plan({"db1"}, "", {}, stack).placements.at(0).effect,
            "fills the file system of the data folder of db1 completely");
  const auto plan = kind->plan(
      {"db1"}, "", {{"path", std::string("/tmp")}, {"leave", std::string("1MiB")}}, stack);
  EXPECT_EQ(plan.placements.at(0).effect, "fills /tmp of db1 but for 1MiB");
  EXPECT_THAT(error_of([&] {
                kind->plan({"db1"}, "", {{"leave", std::string("12")}}, stack);
              }),
              HasSubstr("must be a size"));
  EXPECT_THAT(error_of([&] { kind->make({{"path", "data"}}); }), HasSubstr("absolute"));
  EXPECT_THAT(error_of([&] { kind->make({{"leave", "-1MiB"}}); }), HasSubstr("must be a size"));
}

TEST(DiskFill, NeedsToKnowWhere) {
  kinds::HostEnv env;
  env.host = "db1";
  EXPECT_THAT(error_of([&] { make_disk_fill()->make({})->prepare(env); }),
              HasSubstr("give 'path'"));
  EXPECT_THAT(error_of([&] {
                make_disk_fill()->make({{"path", "/no/such"}})->prepare(env);
              }),
              HasSubstr("no folder"));
}

TEST(Stress, NeedsAGroupThatBoundsIt) {
  kinds::HostEnv env;
  env.host = "db1";
  for (const MakeKind make : {make_cpu_stress, make_memory_stress})
    EXPECT_THAT(error_of([&] { make()->make({})->prepare(env); }),
                HasSubstr("no cgroup of its own"));
  EXPECT_THAT(error_of([&] { make_pid_exhaustion()->make({})->prepare(env); }),
              HasSubstr("controller 'pids'"));
}

TEST(Stress, RefusesParametersOutOfRange) {
  const auto stack = test::small_stack();
  const auto error = [&](MakeKind make, const spec::Parameters& parameters) {
    return error_of([&] { make()->plan({"db1"}, "", parameters, stack); });
  };
  EXPECT_THAT(error(make_cpu_stress, {{"workers", std::int64_t{65}}}), HasSubstr("'workers'"));
  EXPECT_THAT(error(make_cpu_stress, {{"load", spec::Percent{0}}}), HasSubstr("'load'"));
  EXPECT_THAT(error(make_io_stress, {{"workers", std::int64_t{0}}}), HasSubstr("'workers'"));
  EXPECT_THAT(error(make_io_stress, {{"size", std::string("2GiB")}}), HasSubstr("'size'"));
  EXPECT_THAT(error(make_memory_stress, {{"size", std::string("0B")}}), HasSubstr("'size'"));
  EXPECT_THAT(
      error(make_memory_stress, {{"size", std::string("1MiB")}, {"share", spec::Percent{0.5}}}),
      HasSubstr("not both"));
  for (const json::object& bad :
       {json::object{{"workers", -1}}, json::object{{"load", 1.5}}, json::object{{"load", "x"}}})
    EXPECT_FALSE(error_of([&] { make_cpu_stress()->make(bad); }).empty());
  EXPECT_FALSE(error_of([&] { make_memory_stress()->make({{"share", 0}}); }).empty());
  EXPECT_FALSE(error_of([&] { make_io_stress()->make({{"path", "x"}}); }).empty());
}

TEST(Stress, PlansCanBeCarriedOut) {
  const auto stack = test::small_stack();
  for (const MakeKind make : local_kinds) {
    const auto kind = make();
    const auto plan = kind->plan({"web1", "db1"}, "", {}, stack);
    ASSERT_EQ(plan.placements.size(), 2U);
    EXPECT_FALSE(plan.placements[0].needs_power);
    EXPECT_THAT(plan.placements[0].effect, HasSubstr("web1")) << kind->info().name;
    EXPECT_FALSE(plan.placements[0].undo.empty());
    EXPECT_NO_THROW(kind->make(plan.placements[0].parameters));
  }
}

}  // namespace
}  // namespace nospof::faults
