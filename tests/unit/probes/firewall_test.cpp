#include "probes/firewall.hpp"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "probes/firewall_config.hpp"
#include "probes/firewall_judge.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using enum FirewallVerdict;

FirewallConfig parsed(const std::string& text) {
  return parse_firewall_config(json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

const std::string one =
    R"({"to":"db1","address":"198.18.0.31","port":3306,"allowed":false,"listening":true})";

TEST(FirewallConfig, HasDefaults) {
  const FirewallConfig config = parsed(R"({"from":"client","targets":[)" + one + "]}");
  EXPECT_EQ(config.from, "client");
  EXPECT_EQ(config.every, 1s);
  EXPECT_EQ(config.timeout, 300ms);
  EXPECT_EQ(config.max_in_flight, 512U);
  ASSERT_EQ(config.targets.size(), 1U);
  EXPECT_EQ(config.targets[0].to, "db1");
  EXPECT_EQ(config.targets[0].address, "198.18.0.31");
  EXPECT_EQ(config.targets[0].port, 3306);
  EXPECT_FALSE(config.targets[0].allowed);
  EXPECT_TRUE(config.targets[0].listening);
}

TEST(FirewallConfig, TakesEveryKey) {
  const FirewallConfig config = parsed(
      R"({"from":"client","every_ns":5000000000,"timeout_ns":1000000000,"max_in_flight":64,
          "targets":[)" +
      one + "]}");
  EXPECT_EQ(config.every, 5s);
  EXPECT_EQ(config.timeout, 1s);
  EXPECT_EQ(config.max_in_flight, 64U);
}

TEST(FirewallConfig, NamesWhatIsWrong) {
  const auto with = [](const std::string& target) {
    return R"({"from":"c","targets":[)" + target + "]}";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"targets":[]})", "firewall probe: from is missing"},
      {R"({"from":"c"})", "firewall probe: targets is missing"},
      {with(""), "targets has 0 entries, expected 1 to 4000"},
      {with("7"), "expected a list of objects"},
      {with("{}"), "firewall probe: target 1: to is missing"},
      {with(R"({"to":"x"})"), "target 1: address is missing"},
      {with(R"({"to":"x","address":"1.2.3.4"})"), "target 1: port is missing"},
      {with(R"({"to":"x","address":"1.2.3.4","port":70000})"), "port is 70000"},
      {with(R"({"to":"x","address":"1.2.3.4","port":1})"), "allowed is missing"},
      {with(R"({"to":"x","address":"1.2.3.4","port":1,"allowed":1})"), "allowed is 1, expected"},
      {with(R"({"to":"x","address":"1.2.3.4","port":1,"allowed":true})"), "listening is missing"},
      {with(R"({"to":"x","address":"1.2.3.4","port":1,"allowed":true,"listening":true,"udp":1})"),
       "target 1: unknown key 'udp'"},
      {with(one + "," + one), "target 2: 198.18.0.31:3306 is there twice"},
      {R"({"from":"c","timeout_ns":0,"targets":[)" + one + "]}", "timeout_ns is 0"},
      {R"({"from":"c","max_in_flight":0,"targets":[)" + one + "]}", "max_in_flight is 0"},
      {R"({"from":"c","rate":1,"targets":[)" + one + "]}", "firewall probe: unknown key 'rate'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(FirewallReach, IsToldByErrno) {
  const std::vector<std::pair<int, Reach>> cases = {{0, Reach::open},
                                                    {ECONNREFUSED, Reach::refused},
                                                    {ETIMEDOUT, Reach::silent},
                                                    {EHOSTUNREACH, Reach::unreachable},
                                                    {ENETUNREACH, Reach::unreachable},
                                                    {ENETDOWN, Reach::unreachable},
                                                    {EACCES, Reach::unreachable},
                                                    {EMFILE, Reach::local_error},
                                                    {EADDRNOTAVAIL, Reach::local_error},
                                                    {ENOBUFS, Reach::local_error},
                                                    {EPERM, Reach::local_error}};
  for (const auto& [error_number, reach] : cases)
    EXPECT_EQ(classify_reach(error_number, {}), reach) << error_number;
}

TEST(FirewallReach, AFilterThatSaysSoIsNoRouter) {
  const auto four = [](int code) { return IcmpError{AF_INET, ICMP_DEST_UNREACH, code}; };
  const auto six = [](int code) { return IcmpError{AF_INET6, ICMP6_DST_UNREACH, code}; };
  EXPECT_EQ(classify_reach(ECONNREFUSED, four(ICMP_PORT_UNREACH)), Reach::rejected);
  EXPECT_EQ(classify_reach(EHOSTUNREACH, four(ICMP_PKT_FILTERED)), Reach::rejected);
  EXPECT_EQ(classify_reach(EHOSTUNREACH, four(ICMP_HOST_ANO)), Reach::rejected);
  EXPECT_EQ(classify_reach(ENETUNREACH, four(ICMP_NET_ANO)), Reach::rejected);
  EXPECT_EQ(classify_reach(EHOSTUNREACH, four(ICMP_HOST_UNREACH)), Reach::unreachable);
  EXPECT_EQ(classify_reach(ENETUNREACH, four(ICMP_NET_UNREACH)), Reach::unreachable);
  EXPECT_EQ(classify_reach(EACCES, six(ICMP6_DST_UNREACH_ADMIN)), Reach::rejected);
  EXPECT_EQ(classify_reach(ECONNREFUSED, six(ICMP6_DST_UNREACH_NOPORT)), Reach::rejected);
  EXPECT_EQ(classify_reach(EHOSTUNREACH, six(ICMP6_DST_UNREACH_ADDR)), Reach::unreachable);
}

/// In a round in which others answered, the target's host among them or not.
FirewallVerdict judged(bool allowed, bool listening, Reach reach, bool host_answered = true) {
  FirewallTarget target;
  target.allowed = allowed;
  target.listening = listening;
  return judge_reach(target, reach, {true, host_answered});
}

TEST(FirewallVerdicts, WhatIsNotAllowedMustNotBeOpen) {
  for (const bool listening : {true, false}) {
    EXPECT_EQ(judged(false, listening, Reach::open), so);
    EXPECT_EQ(judged(false, listening, Reach::refused), not_so);
    EXPECT_EQ(judged(false, listening, Reach::rejected), not_so);
    EXPECT_EQ(judged(false, listening, Reach::silent), not_so);
    EXPECT_EQ(judged(false, listening, Reach::silent, false), not_so);
    EXPECT_EQ(judged(false, listening, Reach::unreachable), undecided);
    EXPECT_EQ(judged(false, listening, Reach::local_error), undecided);
  }
}

TEST(FirewallVerdicts, WhatIsAllowedAndListensIsToBeOpen) {
  EXPECT_EQ(judged(true, true, Reach::open), not_so);
  EXPECT_EQ(judged(true, true, Reach::rejected), so);
  EXPECT_EQ(judged(true, true, Reach::silent), so);
  EXPECT_EQ(judged(true, true, Reach::silent, false), undecided);
  EXPECT_EQ(judged(true, true, Reach::refused), undecided);
  EXPECT_EQ(judged(true, true, Reach::unreachable), undecided);
  EXPECT_EQ(judged(true, true, Reach::local_error), undecided);
}

TEST(FirewallVerdicts, WhereNobodyListensNothingIsClosed) {
  EXPECT_EQ(judged(true, false, Reach::open), not_so);
  EXPECT_EQ(judged(true, false, Reach::refused), not_so);
  EXPECT_EQ(judged(true, false, Reach::rejected), not_so);
  EXPECT_EQ(judged(true, false, Reach::silent), undecided);
  EXPECT_EQ(judged(true, false, Reach::unreachable), undecided);
}

TEST(FirewallVerdicts, ARoundWithoutAnyAnswerFromElsewhereTellsNothing) {
  FirewallConfig config;
  config.from = "client";
  config.targets = {{"client", "198.18.0.1", 22, true, true},
                    {"db1", "198.18.0.31", 3306, false, true},
                    {"web1", "198.18.0.11", 443, true, true}};
  const Reached open{Reach::open, 0, 0, 0};
  const Reached silent{Reach::silent, 0, 0, 0};
  EXPECT_EQ(judge_round(config, {open, silent, silent}),
            (std::vector{not_so, undecided, undecided}));
  EXPECT_EQ(judge_round(config, {open, silent, open}), (std::vector{not_so, not_so, not_so}));
}

TEST(FirewallVerdicts, OnlyTheSameHostTellsThatItIsUp) {
  FirewallConfig config;
  config.from = "client";
  config.targets = {{"db1", "198.18.0.31", 3306, true, true},
                    {"db1", "198.18.0.31", 22, false, true},
                    {"db2", "198.18.0.32", 3306, true, true}};
  const Reached refused{Reach::refused, ECONNREFUSED, 0, 0};
  const Reached silent{Reach::silent, 0, 0, 0};
  EXPECT_EQ(judge_round(config, {silent, refused, silent}), (std::vector{so, not_so, undecided}));
}

TEST(FirewallKind, DescribesItself) {
  const auto kind = make_firewall();
  EXPECT_EQ(kind->info().name, "firewall");
  EXPECT_FALSE(kind->info().summary.empty());
  EXPECT_EQ(kind->info().parameters.size(), 5U);
  EXPECT_THROW(kind->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
