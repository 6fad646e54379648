#include "analysis/stack_report.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/compare.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "tests/support/places.hpp"

namespace nospof::analysis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

spec::Topology example(const std::string& name) {
  return spec::read_topology(std::string(test::source_folder) + "/experiments/" + name +
                             "/topology.yaml");
}

std::vector<std::string> single_points(const StackReport& report) {
  std::vector<std::string> names;
  for (const SinglePoint& point : report.single_points) names.push_back(point.component.name);
  return names;
}

TEST(StackReport, OfTheReferenceStackHasNoSinglePoint) {
  const StackReport report = report_stack(example("three-tier"));
  EXPECT_THAT(single_points(report), IsEmpty());
  EXPECT_FALSE(report.fails());
  ASSERT_EQ(report.functions.size(), 1U) << "read and write need the same";
  EXPECT_THAT(report.functions[0].names, ElementsAre("read", "write"));
  // Balancers 4x4, web and application servers 3x3 each, three pairs of databases 4x4; two zones; a
  // zone and what is left in the others: 8 + 6 + 6 + 24.
  EXPECT_EQ(report.functions[0].counts[1].text(), "0");
  EXPECT_EQ(report.functions[0].counts[2].text(), "129");
  EXPECT_EQ(report.functions[0].counts[3].text(), "0");
  EXPECT_EQ(report.functions[0].sets[2].size(), 129U);
}

// Computed independently of the engine: zones conditioned on, hosts counted per tier.
TEST(StackReport, AvailabilityIsTheOneComputedByHand) {
  const FunctionReport three = report_stack(example("three-tier")).functions.at(0);
  EXPECT_NEAR(three.claim.unavailability, 3.5150909569736655e-06, 1e-15);
  EXPECT_NEAR(three.everything.minutes_per_year(), 97.90105494075131, 1e-6);
  const FunctionReport one = report_stack(example("one-of-each")).functions.at(0);
  EXPECT_NEAR(one.claim.unavailability, 0.002664897719807824, 1e-13);
  EXPECT_NEAR(one.claim.minutes_per_year(), 1401.629604710123, 1e-6);
  EXPECT_NEAR(three.claim.nines(), 5.454, 0.001);
}

TEST(StackReport, NamesSinglePointsByPlaceAndWithTheirFunctions) {
  const StackReport report = report_stack(example("single-web"));
  EXPECT_TRUE(report.fails());
  EXPECT_THAT(single_points(report),
              ElementsAre("zone a", "web1", "nginx on web1", "link of web1"));
  EXPECT_THAT(report.single_points[1].functions, ElementsAre("read", "write"));
  EXPECT_GT(report.single_points[1].component.mark.line, 0);
  const auto findings = all_findings(report);
  EXPECT_EQ(findings[1].id, "single-point-of-failure");
  EXPECT_EQ(findings[1].what, "losing web1 alone stops: read, write");
}

TEST(StackReport, ListsTheLikeliestFirst) {
  const auto sets = report_stack(example("three-tier")).functions.at(0).sets[2];
  EXPECT_TRUE(std::ranges::is_sorted(sets, std::ranges::greater{}, &NamedCutSet::probability));
}

TEST(StackReport, TellsWhatIsTakenForGranted) {
  spec::Topology topology = example("three-tier");
  StackReport report = report_stack(topology);
  ASSERT_EQ(report.assumed.size(), 2U);
  EXPECT_THAT(stack_text(topology, report),
              HasSubstr("taken for granted, not part of the claim: shared network-segment, shared "
                        "stack-ca\n"));
  topology.shared.front().tested = true;
  report = report_stack(topology);
  EXPECT_THAT(single_points(report), ElementsAre("shared network-segment"));
  EXPECT_TRUE(report.fails());
}

TEST(StackReport, TextAndJsonSayTheSame) {
  const spec::Topology topology = example("single-web");
  const StackReport report = report_stack(topology);
  const std::string text = stack_text(topology, report, 2);
  EXPECT_THAT(text, HasSubstr("read, write: lb (1 of 2), web (1 of 1), app (1 of 2), db (2 of 3)"));
  EXPECT_THAT(text, HasSubstr("  single points of failure: 4\n"));
  EXPECT_THAT(text, HasSubstr("    ... the likeliest 2 of "));
  EXPECT_THAT(text, HasSubstr("This topology cannot be free of single points of failure."));
  const auto json = boost::json::parse(boost::json::serialize(stack_json(topology, report)));
  EXPECT_EQ(json.at("single_points").as_array().size(), 4U);
  EXPECT_EQ(json.at("functions").at(0).at("cut_set_counts").at(0).at("count"), "4");
  EXPECT_EQ(json.at("fails"), true);
  EXPECT_EQ(json.at("topology").at("sha256").as_string(), topology.sha256);
}

TEST(Downtime, IsTold) {
  EXPECT_EQ(downtime_text({0}), "100%, no downtime in this model");
  EXPECT_EQ(downtime_text({0.001}), "99.900%, 3.0 nines, down 526 min/year");
  EXPECT_EQ(downtime_text({1e-9}), "99.999999900%, 9.0 nines, down 0.032 s/year");
}

TEST(Compare, AddsUpCostsPerYear) {
  const StackCost cost = cost_of(example("three-tier"), 5);
  EXPECT_EQ(cost.currency, "EUR");
  EXPECT_THAT(cost.without, IsEmpty());
  EXPECT_DOUBLE_EQ(cost.hardware, (8 * 900 + 3 * 2400) / 5.0);
  EXPECT_DOUBLE_EQ(cost.power, 12 * (8 * 12 + 3 * 25.0));
  EXPECT_DOUBLE_EQ(cost.per_year(), 11972);
  EXPECT_EQ(cost_of(example("three-tier-patroni"), 5).without.size(), 11U);
}

TEST(Compare, OneMoreHostGoesToTheEmptiestZoneAndWhereItsTierGoes) {
  const spec::Topology larger = scaled(example("three-tier"), "web");
  const spec::Host* twin = larger.find_host("web+1");
  ASSERT_NE(twin, nullptr);
  EXPECT_EQ(twin->zone, "c");
  EXPECT_EQ(larger.find_tier("web")->hosts.size(), 3U);
  EXPECT_EQ(larger.find_tier("web")->needs, 1);
  EXPECT_EQ(scaled(example("three-tier"), "db").find_tier("db")->needs, 3) << "still a majority";
  EXPECT_EQ(scaled(example("three-tier"), "lb").find_vip("www")->owners.size(), 3U);
}

TEST(Compare, SaysWhatAMinuteCostsAndWhatScalingBuys) {
  const spec::Topology one = example("one-of-each");
  const spec::Topology three = example("three-tier");
  const Comparison comparison = compare_stacks(one, three, 5);
  ASSERT_TRUE(comparison.cost_per_minute);
  EXPECT_NEAR(*comparison.cost_per_minute, 4.9264856063158, 1e-9);
  ASSERT_EQ(comparison.a.steps.size(), 4U);
  EXPECT_NEAR(comparison.a.steps[0].minutes_saved, 368.1903524421445, 1e-6);
  EXPECT_NEAR(comparison.b.steps[3].minutes_saved, -48.70213589840944, 1e-6)
      << "a fourth database in three zones makes it worse";
  EXPECT_DOUBLE_EQ(*comparison.b.steps[0].cost, 814);
  const std::string text = comparison_text(comparison);
  EXPECT_THAT(text,
              HasSubstr("| single points of failure | lb1, zone a, web1, app1, db1 | none |"));
  EXPECT_THAT(text, HasSubstr("| db | 3 of 4 | -48.7 min/year | 1820 EUR/year |"));
  EXPECT_FALSE(compare_stacks(three, one, 5).cost_per_minute) << "it saves nothing";
}

}  // namespace
}  // namespace nospof::analysis
