#include "lab/firewall.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::lab {
namespace {

using spec::Protocol;
using ::testing::HasSubstr;
using ::testing::Not;

// The rules of one chain, one a line, without leading blanks.
std::string chain(const std::string& ruleset, const std::string& name) {
  const auto begin = ruleset.find("chain " + name + " {");
  if (begin == std::string::npos) return {};
  return ruleset.substr(begin, ruleset.find("\n  }", begin) - begin);
}

TEST(firewall, drops_by_default_in_every_direction) {
  const std::string text = firewall_ruleset(test::sample_topology(), "client");
  for (const char* name : {"input", "output", "forward"})
    EXPECT_THAT(chain(text, name),
                HasSubstr(std::string("hook ") + name + " priority filter; policy drop;"));
}

TEST(firewall, replaces_its_own_table_and_flushes_nothing) {
  const std::string text = firewall_ruleset(test::sample_topology(), "client");
  EXPECT_THAT(text, HasSubstr("table inet nospof_host {}\ndelete table inet nospof_host\n"));
  EXPECT_THAT(text, Not(HasSubstr("flush")));
}

TEST(firewall, flow_to_a_vip_is_accepted_for_the_vip_address_only) {
  const std::string input = chain(firewall_ruleset(test::sample_topology(), "lb1"), "input");
  EXPECT_THAT(input, HasSubstr("ip saddr 198.18.0.101 ip daddr 198.18.0.10 tcp dport 443 accept "
                               "comment \"flow of line 101\""));
  EXPECT_THAT(input, HasSubstr("ip saddr 198.18.0.101 ip daddr 198.18.0.11 tcp dport 9100 accept"));
  EXPECT_THAT(input, Not(HasSubstr("ip daddr 198.18.0.11 tcp dport 443")));
}

TEST(firewall, output_to_a_vip_goes_to_the_vip_address_only) {
  const std::string output = chain(firewall_ruleset(test::sample_topology(), "client"), "output");
  EXPECT_THAT(output, HasSubstr("ip daddr 198.18.0.10 tcp dport 443 accept"));
  EXPECT_THAT(output, HasSubstr("ip daddr { 198.18.0.11, 198.18.0.12 } tcp dport 9100 accept"));
  EXPECT_THAT(output, HasSubstr("ip daddr 198.18.0.21 icmp type echo-request accept"));
}

TEST(firewall, an_observer_may_ask_what_others_should_refuse) {
  const auto topology = test::sample_topology();
  const std::string everything = "meta nfproto ipv4 accept";
  const std::string client = firewall_ruleset(topology, "client");
  EXPECT_THAT(chain(client, "output"), HasSubstr(everything));
  EXPECT_THAT(chain(client, "input"), Not(HasSubstr(everything)));
  for (const char* host : {"lb1", "lb2", "web1"})
    EXPECT_THAT(firewall_ruleset(topology, host), Not(HasSubstr(everything))) << host;
}

TEST(firewall, vrrp_is_accepted_from_the_others_only) {
  const std::string text = firewall_ruleset(test::sample_topology(), "lb2");
  EXPECT_THAT(
      chain(text, "input"),
      HasSubstr("ip saddr 198.18.0.11 ip daddr { 198.18.0.12, 224.0.0.18 } ip protocol 112"));
  EXPECT_THAT(chain(text, "output"),
              HasSubstr("ip daddr { 198.18.0.11, 224.0.0.18 } ip protocol 112 accept"));
}

TEST(firewall, several_ports_and_sources_are_sets) {
  EXPECT_THAT(chain(firewall_ruleset(test::sample_topology(), "web1"), "input"),
              HasSubstr("ip saddr { 198.18.0.11, 198.18.0.12 } ip daddr 198.18.0.21 "
                        "tcp dport { 443, 8443 } accept comment \"flow of line 103\""));
}

TEST(firewall, a_host_gets_no_rule_of_flows_of_others) {
  const std::string text = firewall_ruleset(test::sample_topology(), "web1");
  EXPECT_THAT(text, Not(HasSubstr("line 101")));
  EXPECT_THAT(text, Not(HasSubstr("line 102")));
  EXPECT_THAT(chain(text, "output"), Not(HasSubstr("flow of line")))
      << "web1 opens no connection to anybody";
}

TEST(firewall, a_flow_of_a_host_to_itself_alone_needs_no_rule) {
  auto topology = test::sample_topology();
  topology.flows = {test::sample_flow({"web1"}, {"web1"}, Protocol::tcp, {80}, 7)};
  EXPECT_THAT(firewall_ruleset(topology, "web1"), Not(HasSubstr("line 7")));
}

TEST(firewall, udp_flow) {
  auto topology = test::sample_topology();
  topology.flows = {test::sample_flow({"lb1"}, {"web1"}, Protocol::udp, {53}, 7)};
  EXPECT_THAT(chain(firewall_ruleset(topology, "web1"), "input"),
              HasSubstr("ip saddr 198.18.0.11 ip daddr 198.18.0.21 udp dport 53 accept"));
}

TEST(firewall, unknown_host_is_an_error) {
  EXPECT_THROW(firewall_ruleset(test::sample_topology(), "web9"), Error);
}

struct Question {
  const char* from;
  const char* to;
  Protocol protocol;
  int port;
  bool allowed;
};

TEST(flow_matrix, answers_as_the_flows_say) {
  const auto topology = test::sample_topology();
  const Question questions[] = {
      {"client", "www", Protocol::tcp, 443, true},    {"client", "www", Protocol::tcp, 80, false},
      {"client", "www", Protocol::udp, 443, false},   {"client", "lb1", Protocol::tcp, 443, false},
      {"client", "lb1", Protocol::tcp, 9100, true},   {"lb1", "www", Protocol::tcp, 443, false},
      {"lb1", "lb2", Protocol::vrrp, 0, true},        {"client", "lb2", Protocol::vrrp, 0, false},
      {"lb2", "web1", Protocol::tcp, 8443, true},     {"lb2", "web1", Protocol::icmp, 0, false},
      {"client", "web1", Protocol::icmp, 0, true},    {"client", "web1", Protocol::tcp, 443, false},
      {"web1", "lb1", Protocol::tcp, 443, false},     {"web1", "web1", Protocol::tcp, 22, true},
      {"web1", "nowhere", Protocol::tcp, 443, false},
  };
  for (const auto& q : questions)
    EXPECT_EQ(is_flow_allowed(topology, q.from, q.to, q.protocol, q.port), q.allowed)
        << q.from << " -> " << q.to << ":" << q.port;
}

}  // namespace
}  // namespace nospof::lab
