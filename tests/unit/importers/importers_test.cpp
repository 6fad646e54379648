// Every skeleton must be a topology that the reader takes, and say what it could not know.

#include "importers/importers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/reader.hpp"
#include "system/check.hpp"

namespace nospof::importers {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

spec::Topology read(const std::string& skeleton) {
  return spec::read_topology_text(skeleton, "skeleton/topology.yaml");
}

std::vector<std::string> hosts_of(const spec::Topology& topology, const std::string& tier) {
  const spec::Tier* found = topology.find_tier(tier);
  return found == nullptr ? std::vector<std::string>{} : found->hosts;
}

std::string problem_of(const std::string& text, const std::string& file, Source source) {
  try {
    import_text(text, file, source);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was wrong";
}

constexpr const char* compose = R"(name: Shop_2
services:
  web:
    image: nginx:1.25
    ports: ["8080:80", "127.0.0.1:8443:443/tcp", { target: 53, protocol: udp }]
    depends_on: [api]
    deploy: { replicas: 2 }
    networks: [front]
  api:
    image: example/api
    command: gunicorn -b 0.0.0.0:8000 app:app
    expose: [8000]
    environment: { PASSWORD: hunter2 }
    depends_on: { db: { condition: service_healthy } }
    networks: [front, back]
  db:
    image: mariadb:11
    command: ["mariadbd", "--port=${PORT}"]
    expose: ["3306", "5000-5010"]
    healthcheck: { test: [CMD, "true"] }
    networks: { back: {} }
)";

TEST(Compose, BecomesATopologyThatIsValid) {
  const spec::Topology topology = read(import_text(compose, "shop/compose.yaml", Source::compose));
  EXPECT_EQ(topology.name, "shop-2");
  EXPECT_THAT(hosts_of(topology, "web"), ElementsAre("web1", "web2"));
  EXPECT_THAT(hosts_of(topology, "db"), ElementsAre("db1"));
  EXPECT_THAT(topology.find_service("web")->listens, ElementsAre("80/tcp", "443/tcp", "53/udp"));
  EXPECT_THAT(topology.find_service("api")->command,
              ElementsAre("gunicorn", "-b", "0.0.0.0:8000", "app:app"));
  ASSERT_EQ(topology.shared.size(), 2U);
  EXPECT_THAT(topology.shared[0].used_by, ElementsAre("web1", "web2", "api1"));
}

TEST(Compose, DependenciesBecomeFlows) {
  const spec::Topology topology = read(import_text(compose, "shop/compose.yaml", Source::compose));
  ASSERT_EQ(topology.flows.size(), 3U);
  EXPECT_THAT(topology.flows[0].from, ElementsAre("client"));
  EXPECT_THAT(topology.flows[1].to, ElementsAre("api1"));
  EXPECT_THAT(topology.flows[1].ports, ElementsAre(8000));
  EXPECT_THAT(topology.flows[2].from, ElementsAre("api1"));
}

TEST(Compose, ADependencyOnAServiceWithoutPortsIsAFlowToOneThatIsNotKnown) {
  const std::string text = import_text(
      "services:\n  web: { expose: [8443], depends_on: [db] }\n  db: { image: mariadb }\n",
      "shop/compose.yaml", Source::compose);
  EXPECT_THAT(text,
              HasSubstr("listens: [8080/tcp]    # not known: the port that those who need it"));
  const spec::Topology topology = read(text);
  ASSERT_EQ(topology.flows.size(), 2U);
  EXPECT_THAT(topology.flows[1].from, ElementsAre("web1"));
  EXPECT_THAT(topology.flows[1].to, ElementsAre("db1"));
}

TEST(Compose, SaysWhatItCouldNotKnow) {
  const std::string text = import_text(compose, "shop/compose.yaml", Source::compose);
  EXPECT_THAT(text, HasSubstr("# not known: the port written as '5000-5010'"));
  EXPECT_THAT(text, HasSubstr("command: [sleep, infinity]    # not known: what starts it"));
  EXPECT_THAT(text, HasSubstr("# not known: which machine each container runs on"));
  EXPECT_THAT(text, HasSubstr("# image mariadb:11"));
  EXPECT_THAT(text, HasSubstr("# it has a healthcheck"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << "secrets stay where they are";
}

TEST(Compose, RefusesWhatItIsNot) {
  EXPECT_THAT(problem_of("services: []\n", "c.yaml", Source::compose),
              HasSubstr("c.yaml:1:11: expected 'services:' with at least one service in it"));
  EXPECT_THAT(problem_of("a: 1\n", "c.yaml", Source::compose), HasSubstr("expected 'services:'"));
  EXPECT_THAT(problem_of("- a\n", "c.yaml", Source::compose), HasSubstr("expected a map"));
  EXPECT_THAT(problem_of("services:\n  web: nginx\n", "c.yaml", Source::compose),
              HasSubstr("c.yaml:2:8: service 'web': expected a map"));
  EXPECT_THAT(problem_of("services: [\n", "c.yaml", Source::compose), StartsWith("c.yaml:"));
  EXPECT_THAT(problem_of("", "c.yaml", Source::compose),
              AllOf(HasSubstr("c.yaml:1:1: the file is empty"), Not(HasSubstr("kind:"))));
}

TEST(Compose, ManyReplicasAreRefused) {
  EXPECT_THAT(
      problem_of("services:\n  a: { scale: 200 }\n  b: { scale: 41 }\n", "c.yaml", Source::compose),
      HasSubstr("241 hosts; at most 240 can be imported"));
}

TEST(Names, AreMadeFitForATopologyAndStayApart) {
  const spec::Topology topology = read(import_text(
      "services:\n  My_Very.Long-Service-Name-That-Goes-On: { expose: [80] }\n"
      "  my-very-long-service-name-that-goes-off: {}\n  client: {}\n  all: {}\n  www: {}\n",
      "c.yaml", Source::compose));
  EXPECT_EQ(topology.tiers.size(), 5U);
  EXPECT_EQ(topology.hosts.size(), 6U);
}

TEST(AnsibleIni, GroupsBecomeTiers) {
  const std::string text = import_text(
      "# the shop\nstray ansible_host=10.0.0.9\n\n[web]\nweb[01:03].example.org\n"
      "[db]\ndb-[a:b] ansible_host=10.0.0.5 ansible_user=admin  # primary\n"
      "[all_db:children]\ndb\n[db:vars]\nport=3306\n[backup]\ndb-a\n",
      "hosts.ini", Source::ansible);
  const spec::Topology topology = read(text);
  EXPECT_EQ(topology.name, "hosts");
  EXPECT_EQ(hosts_of(topology, "web").size(), 3U);
  EXPECT_THAT(hosts_of(topology, "db"), ElementsAre("db-a", "db-b"));
  EXPECT_THAT(hosts_of(topology, "ungrouped"), ElementsAre("stray"));
  EXPECT_THAT(text, HasSubstr("# there: admin@10.0.0.5"));
  EXPECT_THAT(text, HasSubstr("# not known: whether 'db-a' belongs to tier 'db' or to group "
                              "'backup'"));
  EXPECT_THAT(text, HasSubstr("# not known: what runs on each host"));
}

TEST(AnsibleIni, NamesTheLineOfWhatIsWrong) {
  EXPECT_THAT(problem_of("[web]\nweb[1:x]\n", "hosts", Source::ansible),
              HasSubstr("hosts:2:1: expected a host such as web1 or web[01:03], found 'web[1:x]'"));
  EXPECT_THAT(problem_of("[web:what]\n", "hosts", Source::ansible), HasSubstr("hosts:1:1:"));
  EXPECT_THAT(problem_of("", "hosts", Source::ansible), HasSubstr("there is no host in it"));
  std::string deep = "[web]\n";
  for (int i = 0; i < 100'000; ++i) deep += "[1:1]";
  EXPECT_THAT(problem_of(deep + "x\n", "hosts", Source::ansible), HasSubstr("hosts:2:1:"));
}

TEST(AnsibleYaml, GroupsMayBeNested) {
  const spec::Topology topology = read(import_text(
      "all:\n  hosts: { lone: {} }\n  children:\n    web: { hosts: { 'web[1:2]': {} } }\n"
      "    data:\n      children:\n        db:\n          hosts:\n"
      "            db1: { ansible_host: 10.0.0.5 }\n        cache:\n",
      "inventory.yml", Source::ansible));
  EXPECT_THAT(hosts_of(topology, "web"), ElementsAre("web1", "web2"));
  EXPECT_THAT(hosts_of(topology, "db"), ElementsAre("db1"));
  EXPECT_THAT(hosts_of(topology, "ungrouped"), ElementsAre("lone"));
}

TEST(Containerlab, NodesBecomeHostsAndSwitchesSegments) {
  const std::string text = import_text(
      "name: fabric\ntopology:\n  defaults: { kind: linux }\n  nodes:\n"
      "    leaf1: { kind: nokia_srlinux }\n    web1: { image: nginx, mgmt-ipv4: 172.20.20.11 }\n"
      "    web2:\n    db1: { group: data }\n"
      "  links:\n    - endpoints: [\"leaf1:e1-1\", \"web1:eth1\"]\n"
      "    - endpoints: [{ node: leaf1, interface: e1-2 }, { node: db1, interface: eth1 }]\n",
      "fabric.clab.yml", Source::containerlab);
  const spec::Topology topology = read(text);
  EXPECT_EQ(topology.name, "fabric");
  EXPECT_THAT(hosts_of(topology, "web"), ElementsAre("web1", "web2"));
  EXPECT_THAT(hosts_of(topology, "data"), ElementsAre("db1"));
  ASSERT_EQ(topology.shared.size(), 1U);
  EXPECT_EQ(topology.shared[0].name, "leaf1");
  EXPECT_THAT(topology.shared[0].used_by, ElementsAre("web1", "db1"));
  EXPECT_THAT(text, HasSubstr("# there: 172.20.20.11"));
  EXPECT_THAT(problem_of("topology: { nodes: {} }\n", "f.yml", Source::containerlab),
              HasSubstr("expected 'topology: nodes:'"));
}

TEST(Source, IsOneOfThree) {
  EXPECT_EQ(source_of("compose"), Source::compose);
  EXPECT_THROW(source_of("docker"), Error);
}

}  // namespace
}  // namespace nospof::importers
