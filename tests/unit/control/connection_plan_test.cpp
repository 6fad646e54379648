// What the probe that looks at connections is told of a topology.

#include "control/connection_plan.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/observers.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::control {
namespace {

namespace json = boost::json;

spec::Topology listening_topology() {
  spec::Topology topology = test::sample_topology();
  topology.services[0].listens = {"443/tcp", "53/udp"};
  topology.services[1].listens = {"443/tcp"};
  topology.flows.push_back(
      test::sample_flow({"web1", "lb1"}, {"lb1", "lb2"}, spec::Protocol::tcp, {443}, 200));
  topology.flows.back().to_vip = "www";
  return topology;
}

json::object config_of(const std::string& host) {
  const spec::Topology topology = listening_topology();
  return connections_config(topology, *topology.find_host(host));
}

TEST(ConnectionPlan, AHostMayUseWhatItsFlowsAllow) {
  const json::object config = config_of("lb1");
  EXPECT_EQ(config.at("host"), "lb1");
  EXPECT_EQ(config.at("uses"),
            (json::array{{{"flow", "lb -> web:443/tcp"}, {"to", "web1"}, {"port", 443}},
                         {{"flow", "lb -> web:8443/tcp"}, {"to", "web1"}, {"port", 8443}},
                         {{"flow", "web, lb1 -> www:443/tcp"}, {"to", "www"}, {"port", 443}}}))
      << json::serialize(config.at("uses"));
}

TEST(ConnectionPlan, EveryHostAndFloatingAddressIsKnownByName) {
  EXPECT_EQ(config_of("web1").at("hosts"),
            (json::array{{{"name", "lb1"}, {"address", "198.18.0.11"}},
                         {{"name", "lb2"}, {"address", "198.18.0.12"}},
                         {{"name", "web1"}, {"address", "198.18.0.21"}},
                         {{"name", "client"}, {"address", "198.18.0.101"}},
                         {{"name", "www"}, {"address", "198.18.0.10"}}}));
}

TEST(ConnectionPlan, ServicesListenWhereTheyAreAndOnTheFloatingAddressesOfTheirHosts) {
  EXPECT_EQ(config_of("web1").at("listeners"), (json::array{{{"on", "lb1"}, {"port", 443}},
                                                            {{"on", "lb2"}, {"port", 443}},
                                                            {{"on", "web1"}, {"port", 443}},
                                                            {{"on", "www"}, {"port", 443}}}));
}

TEST(ConnectionPlan, TheProbeRunsOnEachHostOfTheStackAndNowhereElse) {
  Deployment deployment;
  deployment.marker = "0123456789abcdef";
  deployment.authority_file = [](const std::string& name) { return "/etc/" + name + ".crt"; };
  std::vector<std::string> hosts;
  for (const Observer& observer : observers_of(test::sample_topology(), deployment))
    if (observer.probe.kind == "connections") hosts.push_back(observer.host);
  EXPECT_THAT(hosts, testing::ElementsAre("lb1", "lb2", "web1"));
}

}  // namespace
}  // namespace nospof::control
