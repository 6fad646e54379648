#include "control/plan_check.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/campaign.hpp"

namespace nospof::control {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PlanCheck : public ::testing::Test {
 protected:
  PlanCheck() {
    for (const char* name : {"web1", "web2"}) {
      spec::Host host;
      host.name = name;
      host.services = {"nginx"};
      topology_.hosts.push_back(host);
    }
    spec::Service nginx;
    nginx.name = "nginx";
    topology_.services = {nginx};
    spec::KindInfo kill;
    kill.name = "process-kill";
    kill.target = spec::TargetType::service;
    kill.prove_variants.emplace_back().parameters["scope"] = std::string("all");
    spec::KindInfo crash;
    crash.name = "host-crash";
    crash.target = spec::TargetType::host;
    crash.prove_variants.emplace_back();
    catalogue_.faults = {kill, crash};
    run_ = recorded({});
  }

  // What a run with this filter records.
  verdict::RunRecord recorded(const CellFilter& filter) const {
    const Campaign campaign = plan_campaign(topology_, catalogue_, filter);
    verdict::RunRecord run;
    for (const Cell& cell : campaign.cells) {
      verdict::CellRecord& record = run.cells.emplace_back();
      record.plan = {cell.id, cell.host, cell.service, cell.fault, cell.label, {}};
      for (const auto& entry : parameters_json(cell.parameters))
        record.plan.parameters[std::string(entry.key())] = boost::json::serialize(entry.value());
    }
    for (const LeftOut& entry : campaign.left_out) run.left_out.push_back({entry.what, entry.why});
    return run;
  }
  std::vector<std::string> problems() const { return check_plan(topology_, catalogue_, run_); }

  spec::Topology topology_;
  spec::Catalogue catalogue_;
  verdict::RunRecord run_;
};

TEST_F(PlanCheck, AWholePlanIsFine) {
  EXPECT_EQ(run_.cells.size(), 4U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(PlanCheck, WhatWasLeftOutByNameIsFine) {
  run_ = recorded({{"web1/*"}, {"*/host-crash"}});
  EXPECT_EQ(run_.cells.size(), 1U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(PlanCheck, ACellThatIsMissingIsTold) {
  run_.cells.pop_back();
  EXPECT_THAT(problems(), ElementsAre("the cell web2/host-crash is neither planned nor left out"));
}

TEST_F(PlanCheck, ACellOfAnotherTopologyIsTold) {
  run_.cells.push_back(run_.cells.front());
  run_.cells.back().plan.id = "web3/host-crash";
  EXPECT_THAT(problems(), ElementsAre("the cell web3/host-crash is none of this topology"));
}

TEST_F(PlanCheck, ACellThatStandsTwiceIsTold) {
  run_.cells.push_back(run_.cells.front());
  EXPECT_THAT(problems(), ElementsAre("the cell web1/nginx/process-kill stands twice"));
}

TEST_F(PlanCheck, ACellWithAnotherFaultOrOtherParametersIsTold) {
  run_.cells[0].plan.parameters["scope"] = "\"one\"";
  run_.cells[1].plan.host = "web2";
  EXPECT_THAT(problems(),
              ElementsAre("the cell web1/nginx/process-kill is not planned as this topology has it",
                          "the cell web1/host-crash is not planned as this topology has it"));
}

TEST_F(PlanCheck, ACellThatIsToShowSomethingElseIsTold) {
  run_.cells[1].plan.predicted = "breaks";
  EXPECT_THAT(problems(),
              ElementsAre("the cell web1/host-crash is not planned as this topology has it"));
}

}  // namespace
}  // namespace nospof::control
