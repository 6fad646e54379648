#include "analysis/stack_model.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/user_path.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/places.hpp"

namespace nospof::analysis {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::string file_of(const std::string& name) {
  return std::string(test::source_folder) + "/experiments/" + name + "/topology.yaml";
}

spec::Topology example(const std::string& name) {
  return spec::read_topology(file_of(name));
}

spec::Topology with(const std::string& more) {
  return spec::read_topology_text(read_file(file_of("three-tier")) + more, file_of("three-tier"));
}

std::vector<std::string> names(const StackModel& model) {
  std::vector<std::string> list;
  for (const Component& component : model.components) list.push_back(component.name);
  return list;
}

// Components whose loss alone stops a function.
std::vector<std::string> alone(const spec::Topology& topology, Scope scope = Scope::claim) {
  const Predictor predictor(topology, scope);
  std::vector<std::string> list;
  for (const StackModel& model : predictor.models())
    for (const Component& component : model.components)
      if (predictor.breaks({component.name}) &&
          std::ranges::find(list, component.name) == list.end())
        list.push_back(component.name);
  return list;
}

TEST(UserPath, FollowsTheFlowsFromTheWorkload) {
  std::vector<std::string> tiers;
  const spec::Topology topology = example("three-tier");
  for (const PathTier& entry : user_path(topology)) tiers.push_back(entry.tier->name);
  EXPECT_THAT(tiers, ElementsAre("lb", "web", "app", "db"));
}

TEST(UserPath, KnowsWhichServicesUsersNeed) {
  const spec::Topology topology = example("three-tier");
  const auto path = user_path(topology);
  EXPECT_THAT(needed_services(topology, *find_tier(path, "lb"), "lb1"),
              ElementsAre("haproxy", "keepalived"));
  EXPECT_THAT(needed_services(topology, *find_tier(path, "web"), "web1"), ElementsAre("nginx"));
  EXPECT_THAT(needed_services(topology, *find_tier(path, "db"), "db1"),
              ElementsAre("mariadb", "db-guard"));
  EXPECT_EQ(find_tier(path, "mon"), nullptr);
}

TEST(UserPath, BelievesATopologyThatSaysWhatIsNeeded) {
  spec::Topology topology = example("three-tier");
  for (spec::Service& service : topology.services) {
    if (service.name == "db-guard") service.needed = false;
    if (service.name == "node-exporter") service.needed = true;
  }
  EXPECT_THAT(needed_services(topology, *find_tier(user_path(topology), "db"), "db1"),
              ElementsAre("node-exporter", "mariadb"));
}

TEST(StackModel, OfTheReferenceStackSurvivesTheLossOfAnyComponent) {
  EXPECT_THAT(alone(example("three-tier")), IsEmpty());
}

TEST(StackModel, FindsTheOneThatIsThereOnce) {
  EXPECT_THAT(alone(example("single-db")),
              UnorderedElementsAre("db1", "link of db1", "mariadb on db1", "zone a"));
  EXPECT_THAT(alone(example("single-web")),
              UnorderedElementsAre("zone a", "web1", "link of web1", "nginx on web1"));
  EXPECT_THAT(
      alone(example("single-lb")),
      UnorderedElementsAre("lb1", "link of lb1", "haproxy on lb1", "keepalived on lb1", "zone a"));
}

TEST(StackModel, APortThatIsAskedAtEveryHostIsNoOtherWayInForOneThatIsNot) {
  spec::Topology topology = example("three-tier");
  for (spec::Flow& flow : topology.flows)
    if (flow.to == std::vector<std::string>{"app1", "app2"} &&
        std::ranges::find(flow.from, "web1") != flow.from.end()) {
      flow.to = {"app2"};
      break;
    }
  spec::Flow health = topology.flows.front();
  health.from = {"web1", "web2"};
  health.to = {"app1", "app2"};
  health.to_vip.clear();
  health.protocol = spec::Protocol::tcp;
  health.ports = {9100};
  topology.flows.push_back(health);
  EXPECT_THAT(alone(topology), Contains("app2"));
}

TEST(StackModel, TakesSharedDependenciesForGrantedUnlessTheyAreTested) {
  EXPECT_THAT(alone(example("three-tier"), Scope::everything),
              ElementsAre("shared network-segment", "shared stack-ca"));
  spec::Topology topology = example("three-tier");
  topology.shared.front().tested = true;
  EXPECT_THAT(alone(topology), ElementsAre("shared network-segment"));
  topology.shared.front().kind = "monitoring";
  EXPECT_THAT(alone(topology), IsEmpty()) << "users do not notice";
}

TEST(StackModel, NeedsAQuorumOfTheDatabase) {
  const Predictor predictor(example("three-tier"));
  EXPECT_FALSE(predictor.breaks({"db1"}));
  EXPECT_TRUE(predictor.breaks({"db1", "mariadb on db3"}));
  EXPECT_TRUE(predictor.breaks({"zone a", "link of db3"}));
  EXPECT_FALSE(predictor.breaks({"lb1", "web1", "app1", "db1"}));
  EXPECT_TRUE(predictor.breaks({"haproxy on lb1", "keepalived on lb2"}));
  EXPECT_FALSE(predictor.breaks({"mon1", "mon2", "node-exporter on db1", "client"}));
}

TEST(StackModel, FunctionsMayTakeOtherTiersAndOtherNumbers) {
  const spec::Topology topology = with(
      "\nfunctions:\n"
      "  read: { any: [db] }\n"
      "  write: { tiers: [lb, app, db], majority: [db, lb] }\n");
  const auto functions = user_functions(topology);
  ASSERT_EQ(functions.size(), 2U);
  EXPECT_THAT(functions[0].tiers, ElementsAre("lb", "web", "app", "db"));
  EXPECT_EQ(needed_hosts(functions[0], *topology.find_tier("db")), 1);
  EXPECT_EQ(needed_hosts(functions[1], *topology.find_tier("db")), 2);
  EXPECT_EQ(needed_hosts(functions[1], *topology.find_tier("lb")), 2);
  const StackModel write = compile(topology, functions[1], Scope::claim);
  EXPECT_THAT(names(write), Not(Contains("web1")));
  EXPECT_THAT(alone(topology), IsSupersetOf({"lb1", "haproxy on lb2"}));
}

TEST(StackModel, TakesMeanTimesOfTheComponentElseOfItsSort) {
  spec::Topology topology = with("\nreliability: { host: { mtbf: 99d, mttr: 1d } }\n");
  topology.hosts.front().times.mtbf = std::chrono::hours(24 * 999);
  const StackModel model = compile(topology, user_functions(topology).front(), Scope::claim);
  const auto unavailability = [&](const std::string& name) {
    return std::ranges::find(model.components, name, &Component::name)->unavailability();
  };
  EXPECT_DOUBLE_EQ(unavailability("lb1"), 0.001);
  EXPECT_DOUBLE_EQ(unavailability("lb2"), 0.01);
  EXPECT_DOUBLE_EQ(*model.tree.probability(*model.tree.find("lb2")), 0.01);
}

TEST(StackModel, ACommonCauseIsOneMoreEventBeyondTheClaim) {
  const spec::Topology topology =
      with("\ncommon_causes:\n  - { name: bug, on: db, service: mariadb, beta: 10% }\n");
  EXPECT_THAT(alone(topology), IsEmpty());
  EXPECT_THAT(alone(topology, Scope::everything), Contains("common cause bug"));
  const StackModel model = compile(topology, user_functions(topology).front(), Scope::everything);
  const double whole = 10.0 / (90 * 24 * 60 + 10);
  EXPECT_NEAR(*model.tree.probability(*model.tree.find("common cause bug")), whole * 0.1, 1e-15);
  EXPECT_NEAR(*model.tree.probability(*model.tree.find("mariadb on db1")), whole * 0.9, 1e-15);
}

TEST(StackModel, AHostThatTheUrlNamesIsASinglePointThoughItsTierHasMore) {
  spec::Topology topology = example("three-tier");
  topology.workload.vip.clear();
  topology.workload.url = "https://web1.nospof.test/";
  for (spec::Flow& flow : topology.flows)
    if (flow.to_vip == "www") {
      flow.to_vip.clear();
      flow.to = {"web1"};
    }
  EXPECT_THAT(alone(topology),
              UnorderedElementsAre("web1", "link of web1", "nginx on web1", "zone a"));
}

TEST(StackModel, AHostThatTheFlowsLeadToAloneIsASinglePoint) {
  spec::Topology topology = example("three-tier");
  for (spec::Flow& flow : topology.flows)
    if (flow.to == std::vector<std::string>{"app1", "app2"} &&
        std::ranges::find(flow.from, "web1") != flow.from.end())
      flow.to = {"app2"};
  EXPECT_THAT(alone(topology),
              UnorderedElementsAre("app2", "link of app2", "app on app2", "zone b"));
}

TEST(StackModel, SaysWhenUsersGetInNowhere) {
  spec::Topology topology = example("three-tier");
  topology.workload.vip.clear();
  topology.workload.url = "https://elsewhere.example/";
  try {
    user_functions(topology);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no flow leads from client, which sends the workload"));
  }
}

TEST(StackModel, ComponentsKnowTheirLine) {
  const spec::Topology topology = example("three-tier");
  for (const Component& component :
       compile(topology, user_functions(topology).front(), Scope::everything).components)
    EXPECT_GT(component.mark.line, 0) << component.name;
}

}  // namespace
}  // namespace nospof::analysis
