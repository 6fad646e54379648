#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ATopology, IsReadCompletely) {
  const Topology topology = topology_of(base_topology());
  EXPECT_EQ(topology.name, "small");
  EXPECT_EQ(topology.title, "small");
  EXPECT_EQ(topology.subnet, "198.18.0.0/24");
  EXPECT_EQ(topology.domain, "nospof.test");
  EXPECT_THAT(topology.zones, ElementsAre("a", "b"));
  EXPECT_THAT(topology.secrets, ElementsAre("db_password"));
  EXPECT_EQ(topology.variables.at("advert"), "0.1");
  ASSERT_EQ(topology.hosts.size(), 4U);
  EXPECT_EQ(topology.hosts[0].name, "lb1");
  EXPECT_EQ(topology.hosts[0].zone, "a");
  EXPECT_EQ(topology.hosts[0].mark.line, 19);
  EXPECT_THAT(topology.hosts[0].services, ElementsAre("proxy"));
  EXPECT_FALSE(topology.hosts[0].observer);
  EXPECT_TRUE(topology.hosts[3].observer);
  ASSERT_EQ(topology.tls_hops.size(), 1U);
  EXPECT_THAT(topology.tls_hops[0].to, ElementsAre("lb1", "lb2"));
  EXPECT_EQ(topology.tls_hops[0].via, "www");
  EXPECT_EQ(topology.roles[0].check.stdout_matches, "198.18.0.10");
  EXPECT_EQ(topology.roles[0].check.timeout, 2s);
  EXPECT_EQ(topology.workload.url, "https://www.nospof.test/canary?id={id}&v={token}");
  EXPECT_EQ(topology.find_service("proxy")->tls->identity, "www.nospof.test");
  EXPECT_EQ(topology.find_service("proxy")->command.back(), "{{ etc }}/proxy.cfg");
}

TEST(ATopology, FindsThingsByName) {
  const Topology topology = topology_of(base_topology());
  EXPECT_EQ(topology.find_host("db1")->address, "198.18.0.21");
  EXPECT_EQ(topology.find_host("db2"), nullptr);
  EXPECT_EQ(topology.find_tier("lb")->needs, 1);
  EXPECT_EQ(topology.find_tier("lb1"), nullptr);
  EXPECT_EQ(topology.find_vip("www")->address, "198.18.0.10");
  EXPECT_EQ(topology.find_vip("lb"), nullptr);
  EXPECT_EQ(topology.find_role("lb.vip-owner")->mark.line, 34);
  EXPECT_EQ(topology.find_role("lb"), nullptr);
  EXPECT_EQ(topology.find_service("nothing"), nullptr);
  EXPECT_EQ(topology.tier_of("lb2")->name, "lb");
  EXPECT_EQ(topology.tier_of("client"), nullptr);
}

TEST(ATopology, HasTheDefaultsOfItsStructs) {
  const Topology bare = topology_of(base_topology());
  const Topology named = topology_of(base_topology() + "slo: {}\nprove: {}\n");
  for (const Topology* topology : {&bare, &named}) {
    EXPECT_EQ(topology->slo.outage_budget, 10s);
    EXPECT_EQ(topology->slo.availability, Percent{0.999});
    EXPECT_EQ(topology->prove.baseline, ProveSettings{}.baseline);
    EXPECT_EQ(topology->prove.hold, ProveSettings{}.hold);
    EXPECT_EQ(topology->prove.settle, ProveSettings{}.settle);
    EXPECT_EQ(topology->prove.recovery_deadline, ProveSettings{}.recovery_deadline);
    EXPECT_EQ(topology->workload.rate, Workload{}.rate);
    EXPECT_EQ(topology->workload.timeout, Workload{}.timeout);
    EXPECT_EQ(topology->workload.slow, Workload{}.slow);
    EXPECT_EQ(topology->workload.expect_status, 200);
    EXPECT_EQ(topology->workload.connection, ConnectionMode::fresh);
    EXPECT_EQ(topology->tiers[1].needs, Tier{}.needs);
    EXPECT_EQ(topology->services[0].user, Service{}.user);
    EXPECT_EQ(topology->services[0].restart, Service{}.restart);
    EXPECT_EQ(topology->services[0].restart_delay, Service{}.restart_delay);
    EXPECT_EQ(topology->services[0].stop_signal, Service{}.stop_signal);
    EXPECT_EQ(topology->services[0].kill_mode, Service{}.kill_mode);
    EXPECT_EQ(topology->services[0].start_limit_burst, Service{}.start_limit_burst);
    EXPECT_EQ(topology->services[0].start_limit_interval, Service{}.start_limit_interval);
    EXPECT_EQ(topology->hosts[0].transport, TransportKind::lab);
    EXPECT_EQ(topology->authorities[0].valid, Authority{}.valid);
    EXPECT_FALSE(topology->shared[0].tested);
  }
}

TEST(ATopology, ExpandsTiersAndAll) {
  const Topology topology = topology_of(base_topology());
  EXPECT_THAT(topology.flows[0].from, ElementsAre("client"));
  EXPECT_EQ(topology.flows[0].to_vip, "www");
  EXPECT_THAT(topology.flows[0].to, ElementsAre("lb1", "lb2"));
  EXPECT_THAT(topology.flows[1].from, ElementsAre("lb1", "lb2"));
  EXPECT_EQ(topology.flows[1].to_vip, "");
  EXPECT_THAT(topology.flows[1].to, ElementsAre("db1"));
  EXPECT_THAT(topology.flows[1].ports, ElementsAre(3306));
  EXPECT_THAT(topology.shared[0].used_by, ElementsAre("lb1", "lb2", "db1", "client"));
  const Topology mixed =
      topology_of(replaced(base_topology(), "used_by: all", "used_by: [db, lb2, lb]"));
  EXPECT_THAT(mixed.shared[0].used_by, ElementsAre("db1", "lb2", "lb1"));
}

TEST(ATopology, ReadsWhatAHostMaySay) {
  const std::string text = replaced(
      base_topology(), "zone: b, services: [proxy] }",
      "zone: b, services: [proxy], transport: ssh, ssh: admin@lb2.example.org,\n"
      "    cost: { hardware: 1200 EUR, setup: 200 EUR, power: 15 EUR/month, maintenance: 120 "
      "EUR/year, administration: 40 EUR/month } }");
  const Host host = *topology_of(text).find_host("lb2");
  EXPECT_EQ(host.transport, TransportKind::ssh);
  EXPECT_EQ(host.ssh_destination, "admin@lb2.example.org");
  EXPECT_EQ(host.cost.hardware, (Money{1200, "EUR", Money::Per::once}));
  EXPECT_EQ(host.cost.maintenance, (Money{120, "EUR", Money::Per::year}));
  EXPECT_EQ(host.cost.administration, (Money{40, "EUR", Money::Per::month}));
}

TEST(ATopology, ReadsWhatAServiceMaySay) {
  const std::string text = replaced(
      base_topology(), "    listens: [3306/tcp]",
      "    listens: [3306/tcp, 53/udp]\n    title: the database\n    user: mysql\n"
      "    prepare: [[install, -d, /x], [true]]\n    environment: { A: 1, B: \"\" }\n"
      "    restart: on-abnormal\n    restart_delay: 5s\n    stop_signal: SIGINT\n"
      "    kill_mode: mixed\n    start_limit_burst: 3\n    start_limit_interval: 1m\n"
      "    tls: { identity: db.nospof.test, authority: stack, names: [x.test], owner: mysql }");
  const Service service = *topology_of(text).find_service("database");
  EXPECT_EQ(service.title, "the database");
  EXPECT_EQ(service.user, "mysql");
  EXPECT_THAT(service.prepare,
              ElementsAre(ElementsAre("install", "-d", "/x"), ElementsAre("true")));
  EXPECT_EQ(service.environment.at("A"), "1");
  EXPECT_EQ(service.environment.at("B"), "");
  EXPECT_EQ(service.restart, RestartPolicy::on_abnormal);
  EXPECT_EQ(service.restart_delay, 5s);
  EXPECT_EQ(service.stop_signal, "SIGINT");
  EXPECT_EQ(service.kill_mode, KillMode::mixed);
  EXPECT_EQ(service.start_limit_burst, 3);
  EXPECT_EQ(service.start_limit_interval, 1min);
  EXPECT_THAT(service.listens, ElementsAre("3306/tcp", "53/udp"));
  EXPECT_THAT(service.tls->names, ElementsAre("x.test"));
  EXPECT_EQ(service.tls->owner, "mysql");
}

TEST(ATopology, TakesRestartNoWithAndWithoutQuotes) {
  for (const std::string value : {"no", "\"no\"", "'no'"}) {
    const Topology topology =
        topology_of(replaced(base_topology(), "    listens: [3306/tcp]",
                             "    listens: [3306/tcp]\n    restart: " + value));
    EXPECT_EQ(topology.find_service("database")->restart, RestartPolicy::no) << value;
  }
  const Topology topology = topology_of(replaced(base_topology(), "    listens: [3306/tcp]",
                                                 "    listens: [3306/tcp]\n    restart: always"));
  EXPECT_EQ(topology.find_service("database")->restart, RestartPolicy::always);
}

TEST(ATopology, DoesNotDependOnTheOrderOfItsSections) {
  const std::string text = base_topology();
  const std::size_t services = text.find("services:\n  proxy");
  const std::size_t hosts = text.find("hosts:\n");
  const std::string moved =
      text.substr(0, services) + text.substr(hosts) + text.substr(services, hosts - services);
  EXPECT_THAT(problems_of([&] { topology_of(moved); }), IsEmpty());
}

TEST(ATopology, MayHaveHostsElsewhereOutsideOfTheLabRange) {
  std::string text = base_topology();
  for (std::size_t at = text.find("198.18."); at != std::string::npos; at = text.find("198.18.")) {
    text.replace(at, 7, "10.0.");
  }
  EXPECT_THAT(
      problems_of([&] { topology_of(text); }),
      ElementsAre(HasSubstr("hosts with transport lab need a subnet inside 198.18.0.0/15")));
  for (std::size_t at = text.find("address: 10.0.0."); at != std::string::npos;
       at = text.find("address: 10.0.0.", at + 1)) {
    const std::size_t end = text.find(',', at);
    if (text.find("dns_name", at) == end + 2) continue;  // the VIP
    text.insert(end, ", transport: container");
  }
  EXPECT_THAT(problems_of([&] { topology_of(text); }), IsEmpty());
}

TEST(ATopologysSum, ChangesWithTheFileAndItsTemplatesAndWithNothingElse) {
  const TemporaryFolder first;
  const TemporaryFolder second;
  const std::string text = replaced(base_topology(), "    listens: [3306/tcp]",
                                    "    listens: [3306/tcp]\n    files: [a.conf.j2, b.conf]");
  const auto sum_of = [](const TemporaryFolder& folder, const std::string& topology,
                         const std::string& a, const std::string& b) {
    folder.write("a.conf.j2", a);
    folder.write("b.conf", b);
    return read_topology(folder.write("topology.yaml", topology)).sha256;
  };
  const std::string sum = sum_of(first, text, "xy", "z");
  EXPECT_EQ(sum.size(), 64U);
  EXPECT_EQ(sum.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(sum_of(second, text, "xy", "z"), sum);
  EXPECT_NE(sum_of(first, text, "x", "yz"), sum);
  EXPECT_NE(sum_of(first, text, "xy", ""), sum);
  EXPECT_NE(sum_of(first, text + "# a comment\n", "xy", "z"), sum);
}

TEST(ATopologysFolder, IsAbsolute) {
  const TemporaryFolder folder;
  const Topology topology = read_topology(folder.write("t.yaml", base_topology()));
  EXPECT_EQ(topology.folder + "/", folder.path(""));
  EXPECT_EQ(topology.file, folder.path("t.yaml"));
}

TEST(Templates, AreCheckedForNames) {
  const TemporaryFolder folder;
  const std::string text = replaced(base_topology(), "    listens: [3306/tcp]",
                                    "    listens: [3306/tcp]\n    files: [a.j2, plain.conf]");
  folder.write("plain.conf", "{{ vars.of_somebody_else }}");
  const std::string topology = folder.write("topology.yaml", text);
  folder.write("a.j2",
               "{{ vars.advert }} {{secrets.db_password}} {{ host_by_name.db1.address }}\n"
               "{% for h in tiers.lb %}{{ h.name }}{% endfor %} {{ tiers.lb|length }}\n"
               "{% for n, v in vips.items() %}{{ vips.www.address }}{% endfor %}\n"
               "{# vars.comment #} {{ 'vars.text' }} {{ my.vars.own }} vars.outside\n"
               "{{ authorities.stack }} {% raw %}{{ vars.raw }}{% endraw %}\n");
  EXPECT_THAT(problems_of([&] { read_topology(topology); }), IsEmpty());
  folder.write("a.j2",
               "x\n {{ tiers.lbs[0].name }}{%- if vips.ww.address %}{% endif %}\n"
               "{{ host_by_name.db2 }} {{ authorities.other }}");
  EXPECT_THAT(
      problems_of([&] { read_topology(topology); }),
      ElementsAre(HasSubstr("2:11: unknown name 'lbs' in the template expression tiers.lbs"),
                  HasSubstr("2:37: unknown name 'ww'"), HasSubstr("3:17: unknown name 'db2'"),
                  HasSubstr("3:39: unknown name 'other'")));
}

TEST(TheExamples, AreValid) {
  const Topology topology = read_topology(source("experiments/three-tier/topology.yaml"));
  EXPECT_EQ(topology.name, "three-tier");
  EXPECT_EQ(topology.tiers.size(), 5U);
  EXPECT_EQ(topology.find_tier("db")->needs, 2);
}

TEST(ATopology, ReadsHowOftenThingsFail) {
  using std::chrono::hours;
  const std::string text = replaced(
      replaced(base_topology(), "198.18.0.21, zone: a,", "198.18.0.21, zone: a, mtbf: 99d,"),
      "used_by: all }",
      "used_by: all, mttr: 2h }\n"
      "reliability: { host: { mttr: 1d }, zone: { mtbf: 10d, mttr: 1h } }\n"
      "common_causes: [{ name: bug, on: lb, service: proxy, beta: 10%, note: one version }]\n"
      "functions: { write: { tiers: [lb, db], majority: [lb], any: [db] }, read: {} }");
  const Topology topology = topology_of(text);
  EXPECT_EQ(topology.find_host("db1")->times.mtbf, hours(24 * 99));
  EXPECT_FALSE(topology.find_host("db1")->times.mttr);
  EXPECT_EQ(topology.shared[0].times.mttr, hours(2));
  EXPECT_EQ(topology.reliability.host.mttr, hours(24));
  EXPECT_EQ(topology.reliability.host.mtbf, hours(24 * 365)) << "the default, beside what is said";
  EXPECT_EQ(topology.reliability.zone.mtbf, hours(240));
  ASSERT_EQ(topology.common_causes.size(), 1U);
  EXPECT_THAT(topology.common_causes[0].on, ElementsAre("lb1", "lb2"));
  EXPECT_EQ(topology.common_causes[0].service, "proxy");
  EXPECT_DOUBLE_EQ(topology.common_causes[0].beta.fraction, 0.1);
  ASSERT_EQ(topology.functions.size(), 2U);
  EXPECT_THAT(topology.functions[0].tiers, ElementsAre("lb", "db"));
  EXPECT_THAT(topology.functions[0].majority, ElementsAre("lb"));
  EXPECT_THAT(topology.functions[0].any, ElementsAre("db"));
  EXPECT_THAT(topology.functions[1].tiers, IsEmpty());
}

TEST(ATopology, MeanTimesAreTheDocumentedOnesWhenItSaysNothing) {
  const Reliability silent = topology_of(base_topology()).reliability;
  const Reliability said =
      topology_of(base_topology() +
                  "\nreliability: { host: {}, service: {}, link: {}, zone: {}, shared: {} }\n")
          .reliability;
  for (const auto member : {&Reliability::host, &Reliability::service, &Reliability::link,
                            &Reliability::zone, &Reliability::shared}) {
    EXPECT_EQ((silent.*member).mtbf, (said.*member).mtbf);
    EXPECT_EQ((silent.*member).mttr, (said.*member).mttr);
  }
}

TEST(ATopology, ServicesMaySayWhetherUsersNeedThem) {
  const Topology topology = topology_of(replaced(base_topology(), "    listens: [3306/tcp]",
                                                 "    listens: [3306/tcp]\n    needed: false"));
  EXPECT_EQ(topology.find_service("database")->needed, std::optional<bool>(false));
  EXPECT_FALSE(topology.find_service("proxy")->needed.has_value());
}

}  // namespace
}  // namespace nospof::spec::test
