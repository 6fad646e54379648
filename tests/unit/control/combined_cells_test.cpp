#include "control/combined_cells.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/reader.hpp"
#include "tests/support/places.hpp"

namespace nospof::control {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

spec::Topology example(const std::string& name) {
  return spec::read_topology(std::string(test::source_folder) + "/experiments/" + name +
                             "/topology.yaml");
}

spec::Catalogue with_crash() {
  spec::KindInfo crash;
  crash.name = "host-crash";
  crash.target = spec::TargetType::host;
  crash.prove_variants = {{"", {}}};
  spec::Catalogue catalogue;
  catalogue.faults = {crash};
  return catalogue;
}

std::vector<Cell> cells_of(const spec::Topology& topology, std::vector<LeftOut>& left_out) {
  return combined_cells(topology, analysis::Predictor(topology), with_crash(), left_out);
}

std::vector<Cell> starting(const std::vector<Cell>& cells, const std::string& with) {
  std::vector<Cell> found;
  std::ranges::copy_if(cells, std::back_inserter(found),
                       [&](const Cell& cell) { return cell.id.starts_with(with); });
  return found;
}

TEST(CombinedCells, EveryPairOfHostsThatIsPredictedSafeIsInSomeRow) {
  const spec::Topology topology = example("three-tier");
  const analysis::Predictor predictor(topology);
  std::vector<LeftOut> left_out;
  std::set<std::pair<std::string, std::string>> covered;
  const std::vector<Cell> rows = starting(cells_of(topology, left_out), "together/");
  for (const Cell& row : rows) {
    EXPECT_FALSE(predictor.breaks(row.hosts)) << row.id;
    EXPECT_EQ(row.predicted, "survives");
    EXPECT_FALSE(row.in_turn);
    for (const std::string& one : row.hosts)
      for (const std::string& other : row.hosts) covered.emplace(one, other);
  }
  const std::vector<std::string> hosts{"lb1",  "lb2", "web1", "web2", "app1",
                                       "app2", "db1", "db2",  "db3"};
  for (const std::string& one : hosts)
    for (const std::string& other : hosts)
      EXPECT_EQ(one != other && covered.contains({one, other}),
                one != other && !predictor.breaks({one, other}))
          << one << " and " << other;
  // Six are needed: each host of a tier of three meets both of a tier of two.
  EXPECT_THAT(rows, SizeIs(testing::Le(8U)));
  EXPECT_THAT(left_out, IsEmpty());
}

TEST(CombinedCells, EachOrderedPairOfTiersIsRelayedAndTheHostsTakeTurns) {
  const spec::Topology topology = example("three-tier");
  std::vector<LeftOut> left_out;
  const std::vector<Cell> relays = starting(cells_of(topology, left_out), "relay/");
  std::set<std::pair<std::string, std::string>> tiers;
  std::set<std::string> hosts;
  for (const Cell& relay : relays) {
    ASSERT_THAT(relay.hosts, SizeIs(2));
    EXPECT_TRUE(relay.in_turn);
    EXPECT_EQ(relay.predicted, "survives");
    tiers.emplace(topology.tier_of(relay.hosts[0])->name, topology.tier_of(relay.hosts[1])->name);
    hosts.insert(relay.hosts.begin(), relay.hosts.end());
  }
  EXPECT_THAT(relays, SizeIs(12));
  EXPECT_THAT(tiers, SizeIs(12)) << "of four tiers, none with itself";
  EXPECT_THAT(hosts, SizeIs(9));
}

TEST(CombinedCells, SinglePointsOfFailureAreInNone) {
  std::vector<LeftOut> left_out;
  const std::vector<Cell> cells = cells_of(example("single-db"), left_out);
  EXPECT_THAT(cells, Not(IsEmpty()));
  for (const Cell& cell : cells) {
    EXPECT_THAT(cell.hosts, Not(Contains("db1"))) << cell.id;
    EXPECT_EQ(cell.host, "");
    EXPECT_EQ(cell.targets(), cell.hosts);
  }
}

TEST(CombinedCells, MoreControlsThanAreRunAreLeftOutWithTheReason) {
  spec::Topology topology = example("three-tier");
  // Nine databases of which eight are needed: 36 pairs more.
  const auto db = std::ranges::find(topology.tiers, "db", &spec::Tier::name);
  for (int n = 4; n <= 9; ++n) {
    spec::Host host = *topology.find_host("db1");
    host.name = "db" + std::to_string(n);
    topology.hosts.push_back(host);
    db->hosts.push_back(host.name);
  }
  db->needs = 8;
  std::vector<LeftOut> left_out;
  const std::vector<Cell> controls = starting(cells_of(topology, left_out), "control/");
  EXPECT_THAT(controls, SizeIs(24));
  EXPECT_THAT(left_out, SizeIs(3 + 36 - 24));
  std::set<std::string> hosts;
  for (const Cell& control : controls) hosts.insert(control.hosts.begin(), control.hosts.end());
  EXPECT_THAT(hosts, SizeIs(15)) << "each host is in one of them";
  EXPECT_EQ(left_out.front().why, "24 controls are enough");
}

TEST(CombinedCells, ACatalogueThatCrashesNoHostGivesNone) {
  const spec::Topology topology = example("three-tier");
  std::vector<LeftOut> left_out;
  EXPECT_THAT(combined_cells(topology, analysis::Predictor(topology), {}, left_out), IsEmpty());
}

}  // namespace
}  // namespace nospof::control
