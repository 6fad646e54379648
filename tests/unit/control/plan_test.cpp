#include "control/plan.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/reader.hpp"
#include "system/check.hpp"
#include "tests/support/places.hpp"

namespace nospof::control {
namespace {

using namespace std::chrono_literals;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

spec::Topology example(const std::string& name) {
  return spec::read_topology(std::string(test::source_folder) + "/experiments/" + name +
                             "/topology.yaml");
}

spec::Catalogue catalogue() {
  spec::Catalogue kinds;
  spec::KindInfo kill;
  kill.name = "process-kill";
  kill.target = spec::TargetType::service;
  kill.prove_variants = {{"", {{"hold", true}}}};
  spec::KindInfo crash;
  crash.name = "host-crash";
  crash.target = spec::TargetType::host;
  crash.prove_variants = {{"", {}}};
  kinds.faults = {kill, crash};
  return kinds;
}

ProofPlan plan_of(const spec::Topology& topology) {
  return make_plan(topology, plan_campaign(topology, catalogue(), {}), std::chrono::seconds(10));
}

const PlannedCell& cell_of(const ProofPlan& plan, const std::string& id) {
  return *std::ranges::find_if(plan.cells, [&](const auto& entry) { return entry.cell.id == id; });
}

std::vector<std::string> breaking(const ProofPlan& plan) {
  std::vector<std::string> ids;
  for (const PlannedCell& planned : plan.cells)
    if (planned.cell.predicted == "breaks" && !is_control(planned.cell))
      ids.push_back(planned.cell.id);
  return ids;
}

std::string refusal(const std::string& text, const spec::Topology& topology) {
  try {
    campaign_of_plan(text, "plan.json", topology, catalogue());
  } catch (const Error& error) {
    return error.what();
  }
  return "it was taken";
}

std::string saved(const spec::Topology& topology) {
  return boost::json::serialize(plan_json(topology, plan_of(topology)));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Plan, PredictsThatTheReferenceStackSurvivesEveryCell) {
  const ProofPlan plan = plan_of(example("three-tier"));
  EXPECT_GT(plan.cells.size(), 30U);
  EXPECT_THAT(breaking(plan), ElementsAre());
  EXPECT_EQ(cell_of(plan, "db1/mariadb/process-kill").because,
            "read needs 2 of tier db, 2 left; write needs 2 of tier db, 2 left");
  EXPECT_EQ(cell_of(plan, "mon1/host-crash").because, "users do not need it");
  EXPECT_THAT(cell_of(plan, "lb1/host-crash").roles, ElementsAre("lb.vip-owner"));
  EXPECT_THAT(cell_of(plan, "web1/host-crash").roles, ElementsAre());
}

TEST(Plan, PredictsTheCellsOfASinglePointOfFailure) {
  EXPECT_THAT(breaking(plan_of(example("single-db"))),
              ElementsAre("db1/mariadb/process-kill", "db1/host-crash"));
  EXPECT_THAT(breaking(plan_of(example("single-web"))),
              ElementsAre("web1/nginx/process-kill", "web1/host-crash"));
}

TEST(Plan, ACellThatBreaksTakesLongerByTheBudget) {
  const ProofPlan plan = plan_of(example("single-db"));
  const auto calm = cell_of(plan, "web1/host-crash").estimate;
  EXPECT_EQ(cell_of(plan, "db1/host-crash").estimate - calm, std::chrono::seconds(10));
  EXPECT_EQ(calm, 8100ms) << "1 s baseline, 3 s hold, 2 s settle, and overhead";
}

TEST(Plan, HasPairsThatMustBreakUsersAsControls) {
  const ProofPlan plan = plan_of(example("three-tier"));
  std::vector<std::string> controls;
  for (const PlannedCell& planned : plan.cells)
    if (is_control(planned.cell)) controls.push_back(planned.cell.id);
  EXPECT_THAT(controls,
              UnorderedElementsAre("control/lb1+lb2/host-crash", "control/web1+web2/host-crash",
                                   "control/app1+app2/host-crash", "control/db1+db2/host-crash",
                                   "control/db1+db3/host-crash", "control/db2+db3/host-crash"));
  const PlannedCell& control = cell_of(plan, "control/db1+db2/host-crash");
  EXPECT_EQ(control.because, "read needs 2 of tier db, 1 left; write needs 2 of tier db, 1 left");
  EXPECT_EQ(control.estimate, 20'100ms) << "8.1 s, a second host, and the budget of 10 s";
}

TEST(Plan, SavedItGivesTheSameCellsInTheSameOrder) {
  const spec::Topology topology = example("three-tier");
  const Campaign now = plan_campaign(topology, catalogue(), {});
  const Campaign read = campaign_of_plan(saved(topology), "plan.json", topology, catalogue());
  ASSERT_EQ(read.cells.size(), now.cells.size());
  for (std::size_t i = 0; i < now.cells.size(); ++i) {
    EXPECT_EQ(read.cells[i].id, now.cells[i].id);
    EXPECT_EQ(read.cells[i].predicted, now.cells[i].predicted);
    EXPECT_EQ(read.cells[i].hosts, now.cells[i].hosts);
  }
  ASSERT_EQ(read.left_out.size(), now.left_out.size());
}

TEST(Plan, WhatIsTakenOutOfItIsToldAsLeftOut) {
  const spec::Topology topology = example("single-db");
  boost::json::value plan = boost::json::parse(saved(topology));
  auto& cells = plan.as_object()["cells"].as_array();
  const std::string gone(cells.front().at("id").as_string());
  cells.erase(cells.begin());
  const Campaign read =
      campaign_of_plan(boost::json::serialize(plan), "plan.json", topology, catalogue());
  const auto left = std::ranges::find(read.left_out, gone, &LeftOut::what);
  ASSERT_NE(left, read.left_out.end());
  EXPECT_EQ(left->why, "not in the plan plan.json");
}

TEST(Plan, OfAnotherVersionOfTheTopologyIsRefused) {
  spec::Topology topology = example("single-db");
  const std::string text = saved(topology);
  topology.sha256[0] = topology.sha256[0] == '0' ? '1' : '0';
  EXPECT_THAT(refusal(text, topology), HasSubstr("plan.json: it is a plan for another version of"));
}

TEST(Plan, ThatIsNoPlanIsRefused) {
  const spec::Topology topology = example("single-db");
  const std::string text = saved(topology);
  EXPECT_THAT(refusal("{", topology), HasSubstr("plan.json: this is no JSON object"));
  EXPECT_THAT(refusal("{}", topology), HasSubstr("'kind' is missing"));
  EXPECT_THAT(refusal(replaced(text, "\"schema\":1", "\"schema\":2"), topology),
              HasSubstr("'schema' is not 1"));
  EXPECT_THAT(refusal(replaced(text, "lb1/host-crash", "lb1/host-crush"), topology),
              HasSubstr("there is no cell 'lb1/host-crush'"));
  EXPECT_THAT(refusal(replaced(text, "\"hold\":true", "\"hold\":false"), topology),
              HasSubstr("with other parameters"));
  EXPECT_THAT(
      refusal(replaced(text, "\"predicted\":\"survives\"", "\"predicted\":\"maybe\""), topology),
      HasSubstr("'predicted'"));
  // Whoever may say what is expected may turn a failure into a pass.
  EXPECT_THAT(
      refusal(replaced(text, "\"predicted\":\"survives\"", "\"predicted\":\"breaks\""), topology),
      HasSubstr("is not what follows from the topology ('survives')"));
  EXPECT_THAT(
      refusal(replaced(text, "lb2/haproxy/process-kill", "lb1/haproxy/process-kill"), topology),
      HasSubstr("stands there twice"));
}

TEST(Plan, TextNamesEachCellAndWhatIsLeftOut) {
  const spec::Topology topology = example("single-db");
  const std::string text = plan_text(topology, plan_of(topology));
  EXPECT_THAT(text, HasSubstr("db1/host-crash"));
  EXPECT_THAT(text, HasSubstr("survive, 5 break, 3 of these as controls"));
  EXPECT_THAT(text, HasSubstr("left out: stack-ca: shared certificate-authority: assumed"));
  EXPECT_THAT(text, HasSubstr("may have the role lb.vip-owner"));
}

}  // namespace
}  // namespace nospof::control
