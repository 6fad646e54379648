// Which lab gets which cells, and how many labs there are.

#include "control/lab_share.hpp"

#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Cell cell(const std::string& host, const std::string& service, const std::string& fault,
          const std::string& label = {}) {
  Cell made;
  made.host = host;
  made.service = service;
  made.fault = fault;
  made.label = label;
  return made;
}

spec::Topology two_tiers() {
  spec::Topology topology;
  for (const std::string name : {"lb", "db"}) {
    spec::Tier& tier = topology.tiers.emplace_back();
    tier.name = name;
    tier.hosts = {name + "1", name + "2"};
  }
  return topology;
}

std::vector<Cell> some_cells() {
  std::vector<Cell> cells{cell("lb1", "haproxy", "process-kill"),
                          cell("lb2", "haproxy", "process-kill"),
                          cell("lb1", "keepalived", "process-kill"),
                          cell("lb2", "keepalived", "process-kill"),
                          cell("lb1", "keepalived", "process-pause"),
                          cell("db1", "", "partition"),
                          cell("db2", "", "partition"),
                          cell("db1", "", "partition", "one-way"),
                          cell("", "", "host-crash")};
  cells.back().hosts = {"db1", "router"};
  return cells;
}

TEST(CellGroups, KeepTheSameFaultOnAllHostsOfATierTogether) {
  EXPECT_THAT(group_cells(some_cells(), two_tiers()),
              ElementsAre(CellGroup{{0, 1}, {"tier lb"}}, CellGroup{{2, 3}, {"tier lb"}},
                          CellGroup{{4}, {"tier lb"}}, CellGroup{{5, 6}, {"tier db"}},
                          CellGroup{{7}, {"tier db"}}, CellGroup{{8}, {"host router", "tier db"}}));
  EXPECT_TRUE(group_cells({}, two_tiers()).empty());
}

TEST(CellGroups, AreTriedAgainWhole) {
  const auto groups = group_cells(some_cells(), two_tiers());
  EXPECT_THAT(groups_with(groups, {3, 6, 5}), ElementsAre(groups[1], groups[3]));
  EXPECT_TRUE(groups_with(groups, {}).empty());
}

constexpr std::uint64_t gib = 1024ULL * 1024 * 1024;

TEST(LabCount, IsWhatTheIdleCpusHaveRoomFor) {
  const auto labs = [](unsigned cpus, double idle) {
    return labs_for({cpus, idle, gib, 100 * gib}, 1000).labs;
  };
  EXPECT_EQ(labs(2, 0.35), 1) << "1.3 of 2 CPUs are in use";
  EXPECT_EQ(labs(2, 0.58), 1);
  EXPECT_EQ(labs(2, 0.59), 2);
  EXPECT_EQ(labs(2, 0.72), 2) << "three would leave too little for what starts anew";
  EXPECT_EQ(labs(2, 0.76), 2)
      << "three would have room in peace; what starts anew takes a whole CPU";
  EXPECT_EQ(labs(4, 0.75), 3);
  EXPECT_EQ(labs(4, 0.95), 4);
  EXPECT_EQ(labs(2, 0.0), 1) << "one in any case";
  EXPECT_EQ(labs(64, 1.0), most_automatic_labs);
}

TEST(LabCount, IsWhatTheMemoryHasRoomFor) {
  const auto labs = [](std::uint64_t available) {
    return labs_for({64, 0.99, 2 * gib, available}, 1000).labs;
  };
  EXPECT_EQ(labs(gib), 1);
  EXPECT_EQ(labs(3 * gib), 2);
  EXPECT_EQ(labs(7 * gib), 4);
}

TEST(LabCount, IsOneWhereFewCellsAreNotWorthTheTimeToBringAnotherUp) {
  EXPECT_EQ(most_labs_for(0), 1);
  EXPECT_EQ(most_labs_for(7), 1);
  EXPECT_EQ(most_labs_for(8), 2);
  EXPECT_EQ(most_labs_for(1000), most_automatic_labs);
  EXPECT_EQ(labs_for({64, 0.99, gib, 100 * gib}, 8).labs, 2);
}

TEST(LabCount, SaysWhatWasMeasured) {
  EXPECT_THAT(labs_for({2, 0.6, gib, 18 * gib}, 100).why,
              HasSubstr("with one lab 0.80 of 2 CPUs are in use"));
}

std::vector<CellGroup> groups_of_cells(std::size_t count) {
  std::vector<CellGroup> groups;
  for (std::size_t i = 0; i < count; ++i) groups.push_back({{i}, {}});
  return groups;
}

TEST(LabShare, HandsOutEveryGroupOnceToWhoeverAsks) {
  LabShare share(groups_of_cells(1000), 4);
  std::vector<std::vector<std::size_t>> taken(4);
  {
    std::vector<std::jthread> threads;
    for (int lab = 0; lab < 4; ++lab)
      threads.emplace_back([&share, lab, &list = taken[static_cast<std::size_t>(lab)]] {
        while (const auto group = share.take(lab)) list.push_back(group->cells.front());
      });
  }
  std::multiset<std::size_t> all;
  for (const auto& list : taken) all.insert(list.begin(), list.end());
  EXPECT_EQ(all.size(), 1000U);
  EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()).size(), 1000U);
  EXPECT_TRUE(share.empty());
}

TEST(LabShare, LabsKeepToDifferentTiersWhereTheyCan) {
  LabShare share({{{0}, {"lb"}},
                  {{1}, {"lb"}},
                  {{2}, {"web"}},
                  {{3}, {"db"}},
                  {{4}, {"lb", "db"}},
                  {{5}, {"web", "db"}},
                  {{6}, {"lb"}},
                  {{7}, {"db"}}},
                 3);
  const auto next = [&](int lab) { return share.take(lab).value().cells.front(); };
  EXPECT_EQ(next(1), 0U);
  EXPECT_EQ(next(2), 2U) << "the other one is at a load balancer";
  EXPECT_EQ(next(1), 1U) << "what it has done itself is over";
  EXPECT_EQ(next(3), 3U);
  EXPECT_EQ(next(2), 5U) << "one tier in common, not two";
  share.leave(1);
  EXPECT_EQ(next(2), 6U) << "nobody is at a load balancer any more";
  EXPECT_EQ(next(2), 4U) << "the first of those that have as much in common";
  EXPECT_EQ(next(2), 7U) << "what is left is done in any case";
  EXPECT_FALSE(share.take(2));
}

TEST(LabShare, BeginsWhenAllLabsAreUpOrFailed) {
  LabShare share(groups_of_cells(2), 2);
  EXPECT_FALSE(share.all_arrived());
  share.arrive();
  EXPECT_FALSE(share.all_arrived());
  share.arrive();  // one that failed arrives and leaves
  share.leave(1);
  EXPECT_TRUE(share.all_arrived());
  EXPECT_EQ(share.beside(), 0);
}

TEST(LabShare, KnowsHowManyLabsThereAreBesideOne) {
  LabShare share(groups_of_cells(1), 3);
  EXPECT_EQ(share.beside(), 2) << "also those that still come up";
  share.leave(1);
  EXPECT_EQ(share.beside(), 1);
  share.leave(1);
  EXPECT_EQ(share.beside(), 0);
}

void overload(LabShare& share, int cells) {
  for (int n = 0; n < cells; ++n) share.cell_ended(true);
}

TEST(LabShare, OneAfterTheOtherGivesWayButNotTheLast) {
  LabShare share(groups_of_cells(1), 3);
  overload(share, 10);
  EXPECT_TRUE(share.give_way());
  overload(share, 10);
  EXPECT_FALSE(share.give_way()) << "it is not gone yet";
  EXPECT_EQ(share.beside(), 2);
  share.leave(1);
  overload(share, 10);
  EXPECT_TRUE(share.give_way());
  share.leave(1);
  overload(share, 10);
  EXPECT_FALSE(share.give_way()) << "nobody else is there";
}

TEST(LabShare, OneThatFailedMakesRoomAsWell) {
  LabShare share(groups_of_cells(1), 3);
  overload(share, 10);
  share.leave(1);
  EXPECT_FALSE(share.give_way()) << "that was with three";
  overload(share, 10);
  EXPECT_TRUE(share.give_way());
  overload(share, 10);
  EXPECT_FALSE(share.give_way());
}

TEST(LabShare, NoneGivesWayWhenNothingIsLeftToDo) {
  LabShare share(groups_of_cells(1), 2);
  share.take(1);
  overload(share, 10);
  EXPECT_FALSE(share.give_way());
}

TEST(LabShare, NoneGivesWayForAMomentThatTheMachineIsBusy) {
  LabShare share(groups_of_cells(1), 2);
  EXPECT_FALSE(share.give_way());
  overload(share, 3);
  EXPECT_FALSE(share.give_way()) << "not each of them twice";
  share.cell_ended(false);
  overload(share, 3);
  EXPECT_FALSE(share.give_way()) << "not in a row";
  overload(share, 1);
  EXPECT_TRUE(share.give_way());
}

TEST(LabShare, WhoStaysIsAskedAnewOnceAnotherGaveWay) {
  LabShare share(groups_of_cells(1), 3);
  overload(share, 6);
  EXPECT_TRUE(share.give_way());
  overload(share, 3);  // before it is gone
  share.leave(1);
  overload(share, 3);
  EXPECT_FALSE(share.give_way());
  overload(share, 1);
  EXPECT_TRUE(share.give_way());
}

TEST(LabShare, WaitsForTheFirstLabToDecideHowManyThereAre) {
  LabShare share(groups_of_cells(1), 0);
  EXPECT_FALSE(share.is_decided());
  share.arrive();
  EXPECT_FALSE(share.all_arrived());
  int waited_for = 0;
  {
    const std::jthread waits([&] { waited_for = share.wait_until_decided(); });
    share.decide(2);
    share.decide(5);  // only the first word counts
  }
  EXPECT_EQ(waited_for, 2);
  EXPECT_EQ(share.beside(), 1);
}

TEST(LabShare, HandsOutNothingAfterItWasGivenUp) {
  LabShare share(groups_of_cells(2), 1);
  EXPECT_THAT(share.take(1).value().cells, ElementsAre(0U));
  share.give_up();
  EXPECT_FALSE(share.take(1));
}

}  // namespace
}  // namespace nospof::control
