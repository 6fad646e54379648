#include "fault_firewall_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Port 7000 is open to h2 only.
constexpr const char* strict_firewall = R"(
table inet host {
  comment "the host's own"
  counter seen { packets 17 bytes 1700 }
  set friends { type ipv4_addr; elements = { 198.18.0.2 }; }
  set learned { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
  chain in {
    type filter hook input priority 0; policy drop
    iif "lo" accept
    ct state established,related counter packets 5 bytes 500 accept
    add @learned { ip saddr }
    ip saddr @friends tcp dport 7000 counter name seen accept comment "friends only"
    limit rate 5/second log prefix "no { } # "
  }
  chain out {
    type filter hook output priority 0; policy drop
    oif "lo" accept
    ct state established,related accept
    ip daddr 198.18.0.2 tcp dport 7000 accept
  }
}
table netdev early {
  chain in { type filter hook ingress device "eth0" priority -500; policy accept; counter accept; }
}
)";

class HostRules : public FirewallOnLink {
 protected:
  void SetUp() override {
    FirewallOnLink::SetUp();
    if (IsSkipped()) return;
    load(h1(), strict_firewall);
    ASSERT_TRUE(eventually_reaches(h2(), h1()));
    ASSERT_FALSE(reaches(h3(), h1()));
    before_ = without_learned_elements(stateless_rules(h1()));
  }
  std::string rules_now() const { return without_learned_elements(stateless_rules(*hosts_[0])); }
  // From h2 to port 7000, the one that is allowed.
  Established established_on_port() {
    while (is_readable(listeners_[0].get(), 50ms))
      UniqueFd(::accept4(listeners_[0].get(), nullptr, nullptr, 0)).reset();
    Established both;
    both.client = dial_until_open(h2(), h1().address(), port);
    both.server = UniqueFd(::accept4(listeners_[0].get(), nullptr, nullptr, 0));
    return both;
  }
  static spec::Parameters ruleset(const std::string& name) { return {{"ruleset", name}}; }

  std::string before_;
};

TEST_F(HostRules, FlushOpensWhatWasForbiddenAndIsPutBackToTheByte) {
  const auto connection = established_on_port();
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  EXPECT_EQ(stateless_rules(h1()), "");
  EXPECT_TRUE(reaches(h3(), h1())) << "forbidden before";
  EXPECT_TRUE(reaches(h1(), h3())) << "forbidden before";
  EXPECT_TRUE(connection.flows_to_server(arrival)) << "availability is not touched";
  EXPECT_THAT(evidence_, HasSubstr("packets to 2 of 2 hosts leave that the rules had stopped"));
  EXPECT_THAT(evidence_, HasSubstr("read back: 2 tables of the host are gone"));
  heal(fault);
  EXPECT_EQ(rules_now(), before_);
  EXPECT_FALSE(reaches(h3(), h1()));
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
  heal(fault);
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, CountersGoOnFromWhereTheyWere) {
  const auto packets = [&] {
    for (const NftCounter& counter : h1().in([] {
           return NftContext().counters({"inet", "host"});
         }))
      if (counter.chain == "in") return counter.packets;
    return std::uint64_t{0};
  };
  const std::uint64_t counted = packets();
  ASSERT_GE(counted, 5U);
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  heal(fault);
  EXPECT_GE(packets(), counted);
  const std::string learned = tool_output({{h1().namespace_fd(), CLONE_NEWNET}},
                                          {"nft", "list", "set", "inet", "host", "learned"});
  EXPECT_THAT(learned, HasSubstr("198.18.0.2")) << "what the host had learned is still known";
}

TEST_F(HostRules, ATableOfALivingOwnerStays) {
  NftContext owner = h1().in([] { return NftContext(); });
  owner.run("table inet daemons { flags owner; chain c { tcp dport 9999 drop; }; }");
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  EXPECT_THAT(stateless_rules(h1()), HasSubstr("table inet daemons"));
  EXPECT_THAT(stateless_rules(h1()), Not(HasSubstr("table inet host")));
  EXPECT_THAT(evidence_, HasSubstr("inet daemons belong to living processes and stay"));
  heal(fault);
  EXPECT_THAT(stateless_rules(h1()), HasSubstr("table inet daemons"));
  EXPECT_THAT(stateless_rules(h1()), HasSubstr("table inet host"));
}

TEST_F(HostRules, OtherFaultsRulesStay) {
  auto cut = inject({"h1"}, from({"h3"}));
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  EXPECT_FALSE(reaches(h3(), h1())) << "the partition is in force";
  heal(fault);
  heal(cut);
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, ARecordIsEnoughAfterItsOwnerWasKilled) {
  const auto records = die_in_force(faults::make_firewall_flush());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(stateless_rules(h1()), "") << "nobody has healed yet";
  const auto first = undo_on(h1(), records[0]);
  EXPECT_TRUE(first.done && first.changed) << first.detail;
  EXPECT_EQ(rules_now(), before_);
  const auto second = undo_on(h1(), records[0]);
  EXPECT_TRUE(second.done && !second.changed) << second.detail;
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, ARecordOfAFaultThatNeverBeganDoesNothing) {
  const auto fault = prepare_kind(faults::make_firewall_flush(), {"h1"});
  const auto result = undo_on(h1(), fault[0].injection->undo().at(0));
  EXPECT_TRUE(result.done && !result.changed) << result.detail;
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, WhatAnAdministratorDidMeanwhileIsNeverOverwritten) {
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  load(h1(),
       "table inet quick { chain in { type filter hook input priority 0; tcp dport 22 drop; }; }");
  const std::string theirs = stateless_rules(h1());
  const auto record = fault[0].injection->undo().at(0);
  const auto refused = undo_on(h1(), record);
  EXPECT_FALSE(refused.done);
  EXPECT_THAT(refused.detail, HasSubstr("changed by somebody else"));
  EXPECT_EQ(stateless_rules(h1()), theirs);
  // They load the host's own rules, and a little more: then there is nothing left to do.
  load(h1(), strict_firewall);
  const auto done = undo_on(h1(), record);
  EXPECT_TRUE(done.done && !done.changed) << done.detail;
  EXPECT_THAT(done.detail, HasSubstr("left alone"));
  EXPECT_THAT(stateless_rules(h1()), HasSubstr("table inet quick"));
  EXPECT_EQ(h1().in([&] { return fault[0].injection->confirm_healed(); }).outcome,
            Outcome::not_yet);
}

TEST_F(HostRules, SomebodyWhoChangesTheRulesWhileItIsInForceMakesItUnable) {
  auto fault = inject_kind(faults::make_firewall_flush(), {"h1"});
  load(h1(), "table inet quick {}");
  EXPECT_EQ(ask(fault[0], &kinds::Injection::confirm).outcome, Outcome::unable);
  load(h1(), "delete table inet quick");
  heal(fault);
}

TEST_F(HostRules, RulesThatChangeAfterTheyWereSavedAreNotFlushed) {
  auto fault = prepare_kind(faults::make_firewall_flush(), {"h1"});
  load(h1(), "add rule inet host in tcp dport 23 drop");
  const std::string now = stateless_rules(h1());
  EXPECT_THROW(h1().in([&] { fault[0].injection->inject(); }), Error);
  const auto result = undo_on(h1(), fault[0].injection->undo().at(0));
  EXPECT_TRUE(result.done && !result.changed) << result.detail;
  EXPECT_EQ(stateless_rules(h1()), now);
}

TEST_F(HostRules, RefusesAHostWithoutRules) {
  load(h1(), "flush ruleset");
  EXPECT_THAT(refusal(faults::make_firewall_flush()), HasSubstr("has no rules of its own"));
  EXPECT_THAT(refusal(faults::make_firewall_replace()), HasSubstr("has no rules of its own"));
}

TEST_F(HostRules, ReplaceByDropAllCutsAndIsTakenBackInOneTransaction) {
  auto fault = inject_kind(faults::make_firewall_replace(), {"h1"}, ruleset("drop-all"));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_EQ(connect_error(h1(), "127.0.0.1", port), 0);
  EXPECT_THAT(evidence_, HasSubstr("in place of 2 tables of the host"));
  EXPECT_THROW(h1().in([&] { fault[0].injection->inject(); }), Error);
  heal(fault);
  EXPECT_EQ(rules_now(), before_);
  EXPECT_TRUE(eventually_reaches(h2(), h1()));
}

TEST_F(HostRules, WithoutTheRuleForAnswersOnlyTheHostsOwnConnectionsFail) {
  ASSERT_TRUE(eventually_reaches(h1(), h2()));
  auto fault = inject_kind(faults::make_firewall_replace(), {"h1"});
  EXPECT_TRUE(eventually_reaches(h2(), h1())) << "it still serves";
  EXPECT_EQ(connect_error(h1(), h2().address(), port), ETIMEDOUT) << "answers are lost";
  heal(fault);
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, ReplaceByAGivenRulesetOfTheSameTable) {
  auto fault = inject_kind(faults::make_firewall_replace(), {"h1"}, ruleset(R"(
flush ruleset
table inet host { chain in { type filter hook input priority 0; tcp dport 7000 drop; }; }
)"));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_TRUE(reaches(h1(), h3()));
  heal(fault);
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, AReplacedRulesetThatWasEditedIsNotOverwritten) {
  auto fault = inject_kind(faults::make_firewall_replace(), {"h1"}, ruleset("drop-all"));
  load(h1(), "add rule inet filter input tcp dport 22 accept");
  const std::string theirs = stateless_rules(h1());
  const auto refused = undo_on(h1(), fault[0].injection->undo().at(0));
  EXPECT_FALSE(refused.done);
  EXPECT_EQ(stateless_rules(h1()), theirs);
}

// It may be ours with somebody's change beside it: left in force it would be for good.
TEST_F(HostRules, AReplacedRulesetUnderTheHostsOwnNamesIsNotTakenForSomebodyElses) {
  auto fault = inject_kind(faults::make_firewall_replace(), {"h1"}, ruleset(R"(
table inet host { chain in { type filter hook input priority 0; tcp dport 7000 drop; }; }
table netdev early { }
)"));
  load(h1(), "table inet quick {}");
  const auto refused = undo_on(h1(), fault[0].injection->undo().at(0));
  EXPECT_FALSE(refused.done) << refused.detail;
  load(h1(), "delete table inet quick");
  heal(fault);
  EXPECT_EQ(rules_now(), before_);
}

TEST_F(HostRules, RefusesARulesetThatIsNone) {
  const auto kind = faults::make_firewall_replace();
  EXPECT_THAT(refusal(kind, ruleset("table inet x { chain c { no such thing; } }")),
              HasSubstr("the given ruleset is none"));
  EXPECT_THAT(refusal(kind, ruleset("table inet x { }\ndelete table inet x")),
              HasSubstr("no table that outlives"));
  EXPECT_THAT(refusal(kind, ruleset(strict_firewall)), HasSubstr("has these very rules already"));
  EXPECT_EQ(rules_now(), before_);
}

}  // namespace
}  // namespace nospof::test
