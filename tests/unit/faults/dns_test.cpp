#include "faults/dns.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "faults/dns_message.hpp"

namespace nospof::faults {
namespace {

namespace json = boost::json;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Names = std::vector<std::string>;

TEST(DnsMessage, AQueryIsReadBack) {
  const std::string query = dns_query(0x1234, "Db1.Example.org");
  const auto question = parse_dns_query(query);
  ASSERT_TRUE(question);
  EXPECT_EQ(question->id, 0x1234);
  EXPECT_EQ(question->name, "db1.example.org");
  EXPECT_EQ(question->type, 1);
  EXPECT_EQ(question->end, query.size());
}

TEST(DnsMessage, WhatIsCutOffIsNoQuery) {
  const std::string query = dns_query(1, "db1.example.org");
  for (std::size_t size = 0; size < query.size(); ++size)
    EXPECT_FALSE(parse_dns_query(std::string_view(query).substr(0, size))) << size;
  std::string answer = query;
  answer[2] = static_cast<char>(0x81);
  EXPECT_FALSE(parse_dns_query(answer)) << "an answer";
  std::string pointer = query;
  pointer[12] = static_cast<char>(0xc0);
  EXPECT_FALSE(parse_dns_query(pointer));
}

TEST(DnsMessage, NoSuchNameAnswersTheVeryQuestion) {
  const std::string query = dns_query(7, "db1.example.org") + "additional";
  const std::string answer = nxdomain_answer(query, *parse_dns_query(query));
  EXPECT_EQ(dns_answer_code(answer, 7), 3);
  EXPECT_EQ(dns_answer_code(answer, 8), std::nullopt);
  EXPECT_EQ(dns_answer_code(query, 7), std::nullopt) << "a query is no answer";
  EXPECT_EQ(answer.substr(12), query.substr(12, answer.size() - 12));
}

TEST(DnsMessage, PatternsAreNamesOrEverythingBelowThem) {
  EXPECT_TRUE(matches_name("any.thing", {}));
  const Names patterns{checked_name_pattern("DB1.example.org."), checked_name_pattern("*.test")};
  EXPECT_TRUE(matches_name("db1.EXAMPLE.org", patterns));
  EXPECT_TRUE(matches_name("a.b.test.", patterns));
  EXPECT_FALSE(matches_name("test", patterns));
  EXPECT_FALSE(matches_name("xdb1.example.org", patterns));
  for (const char* bad : {"", "*", "a b", "a..b", "*.*.org", ".org"})
    EXPECT_THAT(error_of([&] { checked_name_pattern(bad); }), HasSubstr("no")) << bad;
}

TEST(Dns, NameServersOfAResolvConf) {
  EXPECT_THAT(name_servers_in("# nameserver 1.1.1.1\nnameserver 198.18.0.2\n"
                              "search a b\n nameserver\t::1\nnameserver 198.18.0.2\nnameserver"),
              ElementsAre("198.18.0.2", "::1"));
  EXPECT_THAT(name_servers_in(""), IsEmpty());
}

TEST(Dns, RulesRedirectThoseServersInAZoneOfTheirOwn) {
  const std::string rules = dns_rules({{"198.18.0.2", 4000, 4001}}, 0x10, 77, "nospof_t");
  EXPECT_THAT(rules, HasSubstr("flags owner"));
  EXPECT_THAT(rules, HasSubstr("meta mark 0x10 return"));
  EXPECT_THAT(rules, HasSubstr("ip daddr 198.18.0.2 udp dport 53 ct zone set 77"));
  EXPECT_THAT(rules, HasSubstr("ip saddr 127.0.0.1 tcp sport 4001 ct zone set 77"));
  EXPECT_THAT(rules, HasSubstr("ip daddr 198.18.0.2 tcp dport 53 counter redirect to :4001"));
}

TEST(Dns, HostsFileWithoutNames) {
  const std::string text =
      "127.0.0.1 localhost\n198.18.0.11 lb1.test lb1 # first\n\n198.18.0.12 lb2\n#198.18.0.13 x";
  const HostsWithout one = hosts_without(text, {"lb1"});
  EXPECT_EQ(one.text,
            "127.0.0.1 localhost\n198.18.0.11 lb1.test\n\n198.18.0.12 lb2\n#198.18.0.13 x");
  EXPECT_THAT(one.removed, ElementsAre("lb1"));
  const HostsWithout all = hosts_without(text, {});
  EXPECT_EQ(all.text, "127.0.0.1 localhost\n\n#198.18.0.13 x");
  EXPECT_THAT(all.removed, ElementsAre("lb1", "lb1.test", "lb2"));
  EXPECT_EQ(hosts_without(text, {"nobody"}).text, text);
}

TEST(Dns, PlansTellWhatHappens) {
  const auto kind = make_dns();
  const auto plan = kind->plan({"web1"}, "",
                               {{"mode", std::string("slow")},
                                {"delay", spec::Duration(std::chrono::seconds(3))},
                                {"names", Names{"db1.test"}}},
                               test::small_stack());
  EXPECT_EQ(plan.placements[0].effect, "queries of web1 for db1.test are held back for 3000 ms");
  EXPECT_THAT(plan.witnesses, IsEmpty());
  const auto hosts =
      kind->plan({"web1"}, "", {{"source", std::string("hosts")}}, test::small_stack());
  EXPECT_EQ(hosts.placements[0].effect, "takes every name out of /etc/hosts of web1");
  json::object parameters = hosts.placements[0].parameters;
  parameters["duration_ms"] = 1000;
  EXPECT_EQ(error_of([&] { kind->make(parameters); }), "");
}

TEST(Dns, RefusesBadValues) {
  const auto kind = make_dns();
  const auto plan_error = [&](const spec::Parameters& parameters) {
    return error_of([&] { kind->plan({"web1"}, "", parameters, test::small_stack()); });
  };
  EXPECT_THAT(plan_error({{"mode", std::string("odd")}}), HasSubstr("must be one of"));
  EXPECT_THAT(plan_error({{"names", Names{"a b"}}}), HasSubstr("no name"));
  EXPECT_THAT(plan_error({{"source", std::string("hosts")}, {"mode", std::string("slow")}}),
              HasSubstr("'mode: nxdomain' only"));
  EXPECT_THAT(plan_error({{"delay", spec::Duration(std::chrono::hours(2))}}),
              HasSubstr("from 1ms to 1h"));
  EXPECT_THAT(error_of([&] { kind->make({{"mode", "odd"}}); }), HasSubstr("'odd'"));
  EXPECT_THAT(error_of([&] { kind->make({{"source", "odd"}}); }), HasSubstr("'source'"));
  EXPECT_THAT(error_of([&] { kind->make({{"more", 1}}); }), HasSubstr("unknown"));
}

}  // namespace
}  // namespace nospof::faults
