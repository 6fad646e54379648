#include <signal.h>

#include "fault_partition_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

TEST_F(PartitionOnLink, PrepareChangesNothing) {
  load(h1(), permissive_firewall);
  const std::string before = ruleset(h1());
  const auto cut = prepare({"h1"}, {});
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_TRUE(reaches(h2(), h1()));
  EXPECT_EQ(h1().in([&] { return cut[0].injection->confirm(); }).outcome, Outcome::not_yet);
}

TEST_F(PartitionOnLink, RecordNamesTheTableBeforeItIsThere) {
  auto cut = prepare({"h1"}, {});
  const auto records = cut[0].injection->undo();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("op"), "nft-owned-table");
  const NftTable table{"netdev", std::string(records[0].at("table").as_string())};
  const auto there = [&] { return h1().in([&] { return NftContext().has_table(table); }); };
  EXPECT_FALSE(there());
  h1().in([&] { cut[0].injection->inject(); });
  EXPECT_TRUE(there());
  EXPECT_EQ(cut[0].injection->undo(), records);
  heal(cut);
  EXPECT_FALSE(there());
}

TEST_F(PartitionOnLink, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  auto cut = inject({"h1"});
  EXPECT_THROW(h1().in([&] { cut[0].injection->inject(); }), Error);
  EXPECT_FALSE(reaches(h2(), h1())) << "the first one stays in force";
  heal(cut);
  heal(cut);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

TEST_F(PartitionOnLink, TwoAtOnceHealInAnyOrder) {
  auto groups = inject({"h1"}, from({"h2"}));
  auto isolation = inject({"h1"});
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(groups);
  EXPECT_FALSE(reaches(h1(), h3()));
  auto again = inject({"h1"}, from({"h3"}));
  heal(isolation);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(again);
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
}

TEST_F(PartitionOnLink, NobodyElseCanRemoveItAndTheDeathOfTheOwnerDoes) {
  const auto connection = establish(h2(), h1());
  const auto parameters =
      faults::make_partition()->plan({"h1"}, "", {}, stack_).placements.at(0).parameters;
  const std::string before = ruleset(h1());
  Pipe ready = make_pipe();
  Child owner =
      fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
        check("setns", ::setns(h1().namespace_fd(), CLONE_NEWNET));
        const auto fault = faults::make_partition()->make(parameters);
        kinds::HostEnv env{.host = "h1"};
        const auto injection = fault->prepare(env);
        injection->inject();
        write_all(ready.write_end.get(), "y", "pipe");
        ::pause();
        return 1;
      });
  ASSERT_TRUE(is_readable(ready.read_end.get(), arrival));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_FALSE(connection.flows_to_server(silence));
  const auto tables = h1().in([] { return NftContext().tables(); });
  ASSERT_EQ(tables.size(), 1U);
  EXPECT_THROW(load(h1(), fmt::format("delete table netdev {}", tables[0].name)), Error);

  owner.signal(SIGKILL);
  ASSERT_TRUE(owner.wait(arrival));
  const auto gone = until_confirmed([&]() -> Confirmation {
    const bool left = h1().in([&] { return NftContext().has_table(tables[0]); });
    return {left ? Outcome::not_yet : Outcome::confirmed, ""};
  });
  EXPECT_EQ(gone.outcome, Outcome::confirmed);
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  EXPECT_TRUE(is_readable(connection.server.get(), arrival));
}

TEST_F(PartitionOnLink, ADeviceThatCameLaterMakesItUnable) {
  auto cut = inject({"h1"});
  Netlink::in(h1().namespace_fd())
      .add_veth({.name = "late0",
                 .master = "",
                 .peer_name = "late1",
                 .peer_mac = "",
                 .peer_namespace_fd = -1});
  const auto answer = ask(cut[0], &kinds::Injection::confirm);
  EXPECT_EQ(answer.outcome, Outcome::unable);
  EXPECT_THAT(answer.evidence, HasSubstr("late"));
  heal(cut);
}

TEST_F(PartitionOnLink, SomebodyElseInTheFirstPlaceMakesItUnable) {
  load(h1(),
       "table netdev rival { chain x { type filter hook ingress device \"eth0\" priority "
       "-2147483648; policy accept; }; }");
  auto cut = prepare({"h1"}, {});
  h1().in([&] { cut[0].injection->inject(); });
  const auto answer = ask(cut[0], &kinds::Injection::confirm);
  EXPECT_EQ(answer.outcome, Outcome::unable);
  EXPECT_THAT(answer.evidence, HasSubstr("rival"));
  heal(cut);
}

TEST_F(PartitionOnLink, HealedIsNotConfirmedWhileTheHostsRulesDiffer) {
  load(h1(), permissive_firewall);
  auto cut = inject({"h1"});
  cut[0].injection->release();
  load(h1(), "add chain inet host more");
  const auto changed = h1().in([&] { return cut[0].injection->confirm_healed(); });
  EXPECT_EQ(changed.outcome, Outcome::not_yet);
  EXPECT_THAT(changed.evidence, HasSubstr("more"));
  load(h1(), "delete chain inet host more");
  EXPECT_EQ(ask(cut[0], &kinds::Injection::confirm_healed).outcome, Outcome::confirmed);
}

TEST_F(PartitionOnLink, RefusesAHostWithoutDevices) {
  const UniqueFd empty = create_network_namespace();
  const auto fault =
      faults::make_partition()->make({{"everybody", true}, {"peers", boost::json::array{}}});
  kinds::HostEnv env{.host = "bare"};
  std::string said;
  in_namespaces({{empty.get(), CLONE_NEWNET}}, [&] {
    try {
      fault->prepare(env);
    } catch (const Error& error) {
      said = error.what();
    }
  });
  EXPECT_THAT(said, HasSubstr("host 'bare' has no network device"));
}

}  // namespace
}  // namespace nospof::test
