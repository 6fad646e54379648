#include "faults/host_crash.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using kinds::Confirmation;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(HostCrash, PlansOnePlacementPerHostForTheAgentWithPower) {
  const auto kind = make_host_crash();
  const auto plan = kind->plan({"web1", "db1"}, "", {}, test::small_stack());
  ASSERT_EQ(plan.placements.size(), 2U);
  for (const auto& placement : plan.placements) {
    EXPECT_TRUE(placement.needs_power);
    EXPECT_EQ(placement.parameters, (json::object{{"host", placement.host}}));
    EXPECT_THAT(placement.effect, HasSubstr(placement.host));
    EXPECT_EQ(placement.undo, "boots " + placement.host);
  }
  EXPECT_THAT(plan.blast_radius, ElementsAre("web1", "db1"));
}

TEST(HostCrash, RefusesTargetsAndServicesThatMeanNothing) {
  const auto kind = make_host_crash();
  const auto stack = test::small_stack();
  EXPECT_THAT(error_of([&] { kind->plan({}, "", {}, stack); }), HasSubstr("no target"));
  EXPECT_THAT(error_of([&] { kind->plan({"web9"}, "", {}, stack); }), HasSubstr("web9"));
  EXPECT_THAT(error_of([&] { kind->plan({"web1", "web1"}, "", {}, stack); }), HasSubstr("twice"));
  EXPECT_THAT(error_of([&] { kind->plan({"web1"}, "nginx", {}, stack); }), HasSubstr("whole host"));
  EXPECT_THAT(error_of([&] {
                kind->plan({"web1"}, "", {{"at", true}}, stack);
              }),
              HasSubstr("parameter 'at' is unknown"));
}

TEST(HostCrash, RefusesBadPlacementParameters) {
  const auto kind = make_host_crash();
  EXPECT_THAT(error_of([&] {
                kind->make({{"duration_ms", 1000}});
              }),
              HasSubstr("'host' is missing"));
  EXPECT_THAT(error_of([&] {
                kind->make({{"host", "db1"}});
              }),
              HasSubstr("'duration_ms' is missing"));
  for (const json::value& bad : {json::value(0), json::value(-5), json::value("1s"),
                                 json::value(1e18), json::value(nullptr)})
    EXPECT_THAT(error_of([&] {
                  kind->make({{"host", "db1"}, {"duration_ms", bad}});
                }),
                HasSubstr("'duration_ms' must be"))
        << json::serialize(bad);
  EXPECT_THAT(error_of([&] {
                kind->make({{"host", "db1"}, {"duration_ms", 1000}, {"hots", "db1"}});
              }),
              HasSubstr("'hots' is unknown; known are: duration_ms, host"));
}

TEST(HostCrash, SwitchesOffAndTellsWhetherItIs) {
  const auto fault = make_host_crash()->make({{"host", "db1"}, {"duration_ms", 4000}});
  test::FakePower power;
  power.hosts = {{"db1", true}};
  kinds::HostEnv env{.host = "@power", .power = &power};
  const auto injection = fault->prepare(env);
  EXPECT_TRUE(power.switched_off.empty());
  EXPECT_THAT(injection->undo(),
              ElementsAre(kinds::UndoRecord{{"op", "power-on"}, {"host", "db1"}}));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::not_yet);

  injection->inject();
  EXPECT_THAT(power.switched_off, ElementsAre(std::pair{std::string("db1"), Nanoseconds(34s)}));
  EXPECT_EQ(injection->confirm().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::not_yet);

  power.on("db1");
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
  EXPECT_EQ(injection->confirm_healed().outcome, Confirmation::Outcome::confirmed);
}

TEST(HostCrash, RefusesWithoutPowerOrWhenItIsOffAlready) {
  const auto fault = make_host_crash()->make({{"host", "db1"}, {"duration_ms", 4000}});
  kinds::HostEnv powerless{.host = "db1"};
  EXPECT_THAT(error_of([&] { fault->prepare(powerless); }), HasSubstr("has no power over"));
  test::FakePower power;
  power.hosts = {{"db1", false}};
  kinds::HostEnv env{.host = "@power", .power = &power};
  EXPECT_THAT(error_of([&] { fault->prepare(env); }), HasSubstr("off already"));
  EXPECT_TRUE(power.switched_off.empty());
}

TEST(HostCrash, IsTriedOnceInAProof) {
  const auto kind = make_host_crash();
  EXPECT_EQ(kind->info().name, "host-crash");
  EXPECT_EQ(kind->info().target, spec::TargetType::host);
  ASSERT_EQ(kind->info().prove_variants.size(), 1U);
  EXPECT_TRUE(kind->info().prove_variants[0].label.empty());
}

}  // namespace
}  // namespace nospof::faults
