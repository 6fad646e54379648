#include "control/campaign.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

spec::Host host(const std::string& name, const std::string& address,
                const std::vector<std::string>& services) {
  spec::Host result;
  result.name = name;
  result.address = address;
  result.services = services;
  return result;
}

spec::Service service(const std::string& name, const std::string& listens) {
  spec::Service result;
  result.name = name;
  result.listens = {listens};
  return result;
}

spec::Flow flow(const std::string& from, const std::string& to, const std::vector<int>& ports) {
  spec::Flow result;
  result.from = {from};
  result.to = {to};
  result.ports = ports;
  return result;
}

spec::SharedDependency shared(const std::string& name, const std::string& kind, bool tested) {
  spec::SharedDependency result;
  result.name = name;
  result.kind = kind;
  result.tested = tested;
  return result;
}

spec::Topology two_hosts() {
  spec::Topology topology;
  topology.file = "t.yaml";
  topology.hosts = {host("web1", "198.18.0.21", {"nginx", "exporter"}),
                    host("db1", "198.18.0.41", {"postgres"}), host("client", "198.18.0.101", {})};
  topology.hosts.back().observer = true;
  topology.services = {service("nginx", "443/tcp"), service("exporter", "9100/tcp"),
                       service("postgres", "5432/tcp")};
  topology.flows = {flow("web1", "db1", {5432, 5433}), flow("client", "web1", {443}),
                    flow("web1", "db1", {})};
  topology.flows[1].to_vip = "www";
  topology.flows[2].protocol = spec::Protocol::icmp;
  topology.shared = {shared("switch", "network-segment", false), shared("dns", "dns", true)};
  return topology;
}

spec::KindInfo fault(const std::string& name, spec::TargetType target,
                     const std::vector<spec::ProveVariant>& variants) {
  spec::KindInfo result;
  result.name = name;
  result.target = target;
  result.prove_variants = variants;
  return result;
}

spec::Catalogue two_faults() {
  spec::Catalogue catalogue;
  catalogue.faults = {fault("process-kill", spec::TargetType::service, {{"", {}}}),
                      fault("partition", spec::TargetType::host,
                            {{"in", {{"direction", std::string("in")}}},
                             {"out", {{"direction", std::string("out")}}}}),
                      fault("by-hand", spec::TargetType::host, {})};
  return catalogue;
}

std::vector<std::string> ids(const Campaign& campaign) {
  std::vector<std::string> list;
  for (const Cell& cell : campaign.cells) list.push_back(cell.id);
  return list;
}

TEST(Campaign, EveryComponentMeetsEveryApplicableFault) {
  const Campaign campaign = plan_campaign(two_hosts(), two_faults(), {});
  EXPECT_THAT(ids(campaign),
              ElementsAre("web1/nginx/process-kill", "web1/exporter/process-kill",
                          "web1/partition:in", "web1/partition:out", "db1/postgres/process-kill",
                          "db1/partition:in", "db1/partition:out"));
}

TEST(Campaign, AFaultGoesRoundTheHostsOfATier) {
  spec::Topology topology = two_hosts();
  topology.hosts.push_back(host("web2", "198.18.0.22", {"exporter", "nginx"}));
  spec::Tier web;
  web.name = "web";
  web.hosts = {"web1", "web2"};
  topology.tiers = {web};
  const Campaign campaign = plan_campaign(topology, two_faults(), {{"web*"}, {}});
  EXPECT_THAT(ids(campaign), ElementsAre("web1/nginx/process-kill", "web2/nginx/process-kill",
                                         "web1/exporter/process-kill", "web2/exporter/process-kill",
                                         "web1/partition:in", "web2/partition:in",
                                         "web1/partition:out", "web2/partition:out"));
}

TEST(Campaign, WhatIsNotTriedIsSaid) {
  const Campaign campaign = plan_campaign(two_hosts(), two_faults(), {});
  std::vector<std::string> left;
  for (const LeftOut& entry : campaign.left_out) left.push_back(entry.what);
  EXPECT_THAT(left, UnorderedElementsAre("client", "switch"));
}

TEST(Campaign, WhatNeedsATlsHopIsTriedOnlyWhereOneEnds) {
  spec::Topology topology = two_hosts();
  topology.services[0].tls = spec::ServiceTls{"www.nospof.test", "stack", {}, ""};
  topology.services[1].tls = spec::ServiceTls{"node.nospof.test", "stack", {}, ""};
  spec::TlsHop hop;
  hop.name = "user-to-web";
  hop.to = {"web1"};
  hop.port = 443;
  topology.tls_hops = {hop};
  spec::Catalogue catalogue;
  catalogue.faults = {
      fault("tls", spec::TargetType::service, {{"expired", {{"mode", std::string("expired")}}}})};
  catalogue.faults[0].prove_requires = spec::Requirement::tls_hop;
  const Campaign campaign = plan_campaign(topology, catalogue, {});
  EXPECT_THAT(ids(campaign), ElementsAre("web1/nginx/tls:expired"));
  const auto left = std::ranges::find(campaign.left_out, "db1/postgres/tls", &LeftOut::what);
  ASSERT_NE(left, campaign.left_out.end());
  EXPECT_THAT(left->why, HasSubstr("ends no TLS hop"));
}

TEST(Campaign, OnlyAndSkipKeepTheRestOnTheList) {
  const Campaign campaign =
      plan_campaign(two_hosts(), two_faults(), {{"db1/*"}, {"*/partition:out"}});
  EXPECT_THAT(ids(campaign), ElementsAre("db1/postgres/process-kill", "db1/partition:in"));
  const auto why = [&](const std::string& what) {
    const auto found = std::ranges::find(campaign.left_out, what, &LeftOut::what);
    return found == campaign.left_out.end() ? std::string() : found->why;
  };
  EXPECT_THAT(why("web1/nginx/process-kill"), HasSubstr("--only"));
  EXPECT_THAT(why("db1/partition:out"), HasSubstr("--skip"));
}

TEST(Campaign, APatternThatMatchesNothingIsAnError) {
  try {
    plan_campaign(two_hosts(), two_faults(), {{"db9/*"}, {}});
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'db9/*' matches no cell"));
  }
}

TEST(StackView, HasOnlyFlowsThatSomethingListensTo) {
  const kinds::StackView view =
      stack_view(two_hosts(), [](const std::string& host) { return "mac-of-" + host; });
  ASSERT_EQ(view.flows.size(), 1U);
  EXPECT_EQ(view.flows[0].from, "web1");
  EXPECT_EQ(view.flows[0].to, "db1");
  EXPECT_EQ(view.flows[0].port, 5432);
  EXPECT_EQ(view.host("db1").mac, "mac-of-db1");
  EXPECT_THROW(view.host("nobody"), Error);
}

TEST(StackView, HasTheServicesWithTheirFilesAndHowTheyAreReloaded) {
  spec::Topology topology = two_hosts();
  spec::Service& nginx = topology.services[0];
  nginx.files = {"nginx.conf.j2", "mime.types"};
  nginx.listens = {"80/tcp", "443/tcp", "443/udp"};
  nginx.reload_signal = "HUP";
  nginx.stop_signal = "QUIT";
  nginx.tls = spec::ServiceTls{"www.nospof.test", "stack", {}, "", spec::StartTls::none};
  spec::Service& postgres = topology.services[2];
  postgres.reload = {"psql", "-c", "SELECT pg_reload_conf()"};
  postgres.tls = spec::ServiceTls{"db.nospof.test", "stack", {}, "", spec::StartTls::postgresql};
  spec::TlsHop hop;
  hop.to = {"web1"};
  hop.port = 443;
  topology.tls_hops = {hop};
  const kinds::StackView view = stack_view(topology, [](const std::string&) { return ""; });
  const kinds::StackService* web = view.service("web1", "nginx");
  ASSERT_NE(web, nullptr);
  EXPECT_THAT(web->files, ElementsAre("nginx.conf", "mime.types"));
  EXPECT_THAT(web->ports, ElementsAre(80, 443));
  EXPECT_EQ(web->reload.how, kinds::Reload::How::signal);
  EXPECT_EQ(kinds::describe_reload(web->reload, "nginx"), "SIGHUP to the main process of nginx");
  ASSERT_TRUE(web->tls);
  EXPECT_EQ(web->tls->port, 443) << "that of the hop";
  EXPECT_EQ(web->folder, "") << "only a lab knows";
  const kinds::StackService* db = view.service("db1", "postgres");
  ASSERT_NE(db, nullptr);
  EXPECT_EQ(db->reload.how, kinds::Reload::How::command);
  EXPECT_EQ(db->tls->starttls, "postgresql");
  EXPECT_EQ(db->tls->port, 5432);
  EXPECT_EQ(view.service("db1", "nginx"), nullptr);
}

TEST(ParametersJson, KeepsUnits) {
  const auto json = parameters_json({{"delay", spec::Duration(1'500'000'000)},
                                     {"hold", true},
                                     {"loss", spec::Percent{0.25}},
                                     {"from", std::vector<std::string>{"a", "b"}}});
  EXPECT_EQ(json.at("delay").as_string(), "1.5s");
  EXPECT_TRUE(json.at("hold").as_bool());
  EXPECT_EQ(json.at("loss").as_string(), "25%");
  EXPECT_EQ(json.at("from").as_array().size(), 2U);
}

}  // namespace
}  // namespace nospof::control
