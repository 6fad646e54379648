// Which probes look at a topology.

#include <algorithm>

#include <gtest/gtest.h>

#include "control/observers.hpp"
#include "spec/reader.hpp"
#include "tests/support/places.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::control {
namespace {

spec::Topology audited_topology() {
  spec::Topology topology = test::sample_topology();
  spec::Workload& workload = topology.workload;
  workload.from = "client";
  workload.url = "https://www.nospof.test/canary?id={id}&v={token}";
  workload.audit_url = "https://www.nospof.test/values?ids={ids}";
  workload.vip = "www";
  workload.authority = "stack";
  workload.timeout = std::chrono::seconds(2);
  workload.expect_status = 201;
  return topology;
}

std::vector<Observer> of_kind(const spec::Topology& topology, const std::string& kind) {
  Deployment deployment;
  deployment.marker = "0123456789abcdef";
  deployment.authority_file = [](const std::string& name) { return "/etc/" + name + ".crt"; };
  std::vector<Observer> observers = observers_of(topology, deployment);
  std::erase_if(observers, [&](const Observer& one) { return one.probe.kind != kind; });
  return observers;
}

TEST(ObserverPlan, TheLedgerRunsWhereTheWorkloadComesFrom) {
  const auto observers = of_kind(audited_topology(), "ledger");
  ASSERT_EQ(observers.size(), 1U);
  EXPECT_EQ(observers[0].host, "client");
  EXPECT_EQ(observers[0].probe.name, "ledger");
  EXPECT_EQ(observers[0].probe.config,
            (json::object{{"write_url", "https://www.nospof.test/canary?id={id}&v={token}"},
                          {"read_url", "https://www.nospof.test/values?ids={ids}"},
                          {"address", "198.18.0.10"},
                          {"authority_file", "/etc/stack.crt"},
                          {"expect_status", 201},
                          {"marker", "0123456789abcdef"},
                          {"timeout_ns", 2'000'000'000},
                          {"every_ns", 500'000'000},
                          {"audit_every_ns", 1'000'000'000}}));
}

spec::Topology reference() {
  return spec::read_topology(std::string(test::source_folder) +
                             "/experiments/three-tier/topology.yaml");
}

Deployment any_deployment() {
  Deployment deployment;
  deployment.authority_file = [](const std::string&) { return "/ca.crt"; };
  deployment.certificate = [](const std::string&, const std::string&) {
    return DeployedCertificate{"/crt", "/key", "aa"};
  };
  return deployment;
}

// All of them together take much of a machine.
TEST(ObserverPlan, LooksAtMatricesAreAsFarApartAsAFaultIsHeldForWithinLimits) {
  spec::Topology topology = reference();
  using namespace std::chrono_literals;
  for (const auto& [hold, every] : {std::pair<spec::Duration, spec::Duration>{3s, 3s},
                                    {1500ms, 1500ms},
                                    {100ms, 1s},
                                    {60s, 3s}}) {
    topology.prove.hold = hold;
    std::size_t matrices = 0;
    for (const Observer& one : observers_of(topology, any_deployment())) {
      if (one.probe.kind != "firewall" && one.probe.kind != "tls-path") continue;
      ++matrices;
      EXPECT_EQ(one.probe.config.at("every_ns").as_int64(), every.count()) << one.host;
    }
    EXPECT_EQ(matrices, 24U) << "of 12 hosts, two each";
  }
}

// A database speaks its own protocol before TLS to clients, and none to the other nodes.
TEST(ObserverPlan, WhatIsSaidBeforeTlsIsSaidOnAServicesFirstPort) {
  const spec::Topology topology = reference();
  std::size_t clients = 0;
  std::size_t nodes = 0;
  for (const Observer& observer : observers_of(topology, any_deployment())) {
    if (observer.probe.kind != "tls-path") continue;
    for (const json::value& target : observer.probe.config.at("targets").as_array()) {
      const json::value& hop = target.at("name");
      if (hop != "app-to-db" && hop != "db-to-db") continue;
      EXPECT_EQ(target.at("starttls"), hop == "app-to-db" ? "mysql" : "") << hop;
      ++(hop == "app-to-db" ? clients : nodes);
    }
  }
  EXPECT_EQ(clients, 6U) << "two application servers see three databases";
  EXPECT_EQ(nodes, 6U) << "each of three databases sees two";
}

TEST(ObserverPlan, WithoutAPageToAskThereIsNoLedger) {
  spec::Topology topology = audited_topology();
  topology.workload.audit_url.clear();
  EXPECT_TRUE(of_kind(topology, "ledger").empty());
  EXPECT_FALSE(of_kind(topology, "firewall").empty());
}

TEST(ObserverPlan, WithoutAVipTheNameIsResolved) {
  spec::Topology topology = audited_topology();
  topology.workload.vip.clear();
  EXPECT_FALSE(of_kind(topology, "ledger").front().probe.config.contains("address"));
}

}  // namespace
}  // namespace nospof::control
