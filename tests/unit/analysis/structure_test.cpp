#include "analysis/structure.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/structure_json.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"
#include "system/pretty_json.hpp"
#include "tests/support/places.hpp"

namespace nospof::analysis {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::string file_of(const std::string& name) {
  return std::string(test::source_folder) + "/experiments/" + name + "/topology.yaml";
}

spec::Topology example(const std::string& name) {
  return spec::read_topology(file_of(name));
}

// The reference stack with one text in its topology replaced by another.
spec::Topology changed(const std::string& from, const std::string& to) {
  std::string text = read_file(file_of("three-tier"));
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("there is no " + from);
  return spec::read_topology_text(text.replace(at, from.size(), to), file_of("three-tier"));
}

std::vector<StructureFinding> of_severity(const spec::Topology& topology, Severity severity) {
  std::vector<StructureFinding> found;
  for (const StructureFinding& finding : check_structure(topology))
    if (finding.severity == severity) found.push_back(finding);
  return found;
}

// "tier-without-redundancy: db1"
std::vector<std::string> errors_of(const spec::Topology& topology) {
  std::vector<std::string> list;
  for (const StructureFinding& finding : of_severity(topology, Severity::error)) {
    std::string text = finding.id + ":";
    for (const std::string& name : finding.names) text += " " + name;
    list.push_back(text);
    EXPECT_GT(finding.mark.line, 0) << text;
    EXPECT_NE(finding.remedy, "") << text;
  }
  return list;
}

std::vector<std::string> ids_of(const spec::Topology& topology, Severity severity) {
  std::vector<std::string> list;
  for (const StructureFinding& finding : of_severity(topology, severity))
    list.push_back(finding.id);
  return list;
}

TEST(Structure, OfTheReferenceStackHasNoErrorAndNoWarning) {
  const spec::Topology topology = example("three-tier");
  EXPECT_THAT(errors_of(topology), IsEmpty());
  EXPECT_THAT(ids_of(topology, Severity::warning), IsEmpty());
  EXPECT_FALSE(has_errors(check_structure(topology)));
}

TEST(Structure, NamesWhatTheReferenceStackTakesForGranted) {
  std::vector<std::string> shared;
  for (const StructureFinding& finding : check_structure(example("three-tier")))
    if (finding.id == "shared-cause") shared.push_back(finding.names.front());
  EXPECT_THAT(shared, ElementsAre("network-segment", "stack-ca"));
  EXPECT_THAT(ids_of(example("three-tier"), Severity::note), Contains("one-authority"));
}

TEST(Structure, PredictsEachTopologyThatHasOneThingWrong) {
  EXPECT_THAT(errors_of(example("single-db")), ElementsAre("tier-without-redundancy: db1"));
  EXPECT_THAT(errors_of(example("single-web")), ElementsAre("tier-without-redundancy: web1"));
  EXPECT_THAT(errors_of(example("single-lb")),
              ElementsAre("tier-without-redundancy: lb1", "vip-with-one-owner: lb1"));
  EXPECT_THAT(errors_of(example("open-firewall")),
              ElementsAre("firewall-changed: db1 db2 db3 mariadb"));
  EXPECT_THAT(errors_of(example("plaintext-inner-hop")), ElementsAre("hop-without-tls: app1 app2"));
  EXPECT_THAT(errors_of(example("tls-terminated")),
              ElementsAre("tls-ends-too-early: lb1 lb2 haproxy"));
  EXPECT_THAT(errors_of(example("unmonitored")), ElementsAre("host-unmonitored: app2"));
  EXPECT_THAT(errors_of(example("async-replication")),
              ElementsAre("acknowledged-too-early: db1 db2 db3"));
}

TEST(Structure, AWriteThatTwoHostsHaveIsSafeFromTheLossOfOne) {
  EXPECT_THAT(errors_of(changed("acknowledged_by: 2", "acknowledged_by: 1")),
              ElementsAre("acknowledged-too-early: db1 db2 db3"));
  EXPECT_THAT(errors_of(example("three-tier-patroni")), IsEmpty());
}

TEST(Structure, FindsHostsOfOneTierInOneZone) {
  EXPECT_THAT(errors_of(changed("198.18.0.42, zone: b", "198.18.0.42, zone: a")),
              ElementsAre("zone-takes-tier-down: db1 db2 a"));
  EXPECT_THAT(ids_of(changed("198.18.0.43, zone: c", "198.18.0.43"), Severity::warning),
              ElementsAre("zone-unknown"));
}

TEST(Structure, ALossThatUsersDoNotNoticeIsAWarning) {
  EXPECT_THAT(ids_of(changed("mon: { hosts: [mon1, mon2], needs: 1 }",
                             "mon: { hosts: [mon1, mon2], needs: 2 }"),
                     Severity::warning),
              ElementsAre("tier-without-redundancy"));
}

TEST(Structure, FindsADatabaseThatClientsReach) {
  EXPECT_THAT(errors_of(changed("- { from: app, to: db, port: 3306 }",
                                "- { from: [app, client], to: db, port: 3306 }")),
              ElementsAre("inner-host-reachable: db1 db2 db3"));
}

TEST(Structure, FindsFlowsThatNothingUses) {
  EXPECT_THAT(ids_of(changed("- { from: mon, to: lb, port: 8404 }",
                             "- { from: mon, to: [lb, web], port: 8404 }"),
                     Severity::warning),
              IsSupersetOf({"unused-flow"}));
}

TEST(Structure, FindsFirewallProgramsAlsoInsideOfWords) {
  EXPECT_THAT(
      errors_of(changed("prepare: [[install, -d, -o, prometheus, \"{{ data }}/prometheus\"]]",
                        "prepare: [[sh, -c, \"/usr/sbin/iptables -F\"]]")),
      ElementsAre("firewall-changed: mon1 mon2 prometheus"));
}

TEST(Structure, OneIdentityForSeveralServicesIsAWarning) {
  EXPECT_THAT(
      ids_of(changed("identity: blackbox.nospof.test", "identity: alertmanager.nospof.test"),
             Severity::warning),
      ElementsAre("one-certificate"));
}

TEST(Structure, AnAuthorityThatNobodySpeaksOfIsAWarning) {
  EXPECT_THAT(
      ids_of(
          changed("- { name: stack-ca, kind: certificate-authority, used_by: all, tested: false }",
                  "- { name: power, kind: power, used_by: all }"),
          Severity::warning),
      ElementsAre("one-authority"));
}

TEST(Structure, ExportersMayBeNamed) {
  const spec::Topology topology = changed("  port: 9090\n  authority: stack\n",
                                          "  port: 9090\n  authority: stack\n  exporters: [app]\n");
  EXPECT_THAT(errors_of(topology), Contains("host-unmonitored: web1"));
  EXPECT_THAT(errors_of(topology), Not(Contains("host-unmonitored: app1")));
}

TEST(Structure, EveryFindingIsOneOfTheChecks) {
  for (const std::string name : {"three-tier", "three-tier-patroni", "single-lb", "unmonitored"})
    for (const StructureFinding& finding : check_structure(example(name)))
      EXPECT_TRUE(std::ranges::any_of(structure_checks(), [&](const auto& check) {
        return check.id == finding.id;
      })) << finding.id;
}

TEST(Structure, TextHasFileLineAndWhatToDo) {
  const spec::Topology topology = example("single-web");
  const std::string text = structure_text(topology, check_structure(topology));
  EXPECT_THAT(text, HasSubstr("error: " + topology.file + ":"));
  EXPECT_THAT(text, HasSubstr("needs 1 of its 1 host (web1): losing any of them stops users "
                              "[tier-without-redundancy]\n    add a host to tier 'web'"));
}

TEST(Sarif, HasRulesAndAResultWithItsLine) {
  const spec::Topology topology = example("single-web");
  const auto findings = check_structure(topology);
  const boost::json::value log =
      boost::json::parse(pretty_json(sarif_log(topology, structure_checks(), findings)));
  EXPECT_EQ(log.at("version").as_string(), "2.1.0");
  const auto& run = log.at("runs").at(0);
  EXPECT_EQ(run.at("tool").at("driver").at("rules").as_array().size(), structure_checks().size());
  ASSERT_EQ(run.at("results").as_array().size(), findings.size());
  const auto& first = run.at("results").at(0);
  EXPECT_EQ(first.at("ruleId").as_string(), "tier-without-redundancy");
  EXPECT_EQ(first.at("level").as_string(), "error");
  EXPECT_THAT(std::string(first.at("message").at("text").as_string()), HasSubstr("web1"));
  const auto& place = first.at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("region").at("startLine").as_int64(), findings[0].mark.line);
  EXPECT_EQ(place.at("artifactLocation").at("uri").as_string(), topology.file);
}

TEST(Sarif, EscapesWhatNoUriHas) {
  spec::Topology topology = example("single-web");
  topology.file = "a b/t%.yaml";
  const auto log = sarif_log(topology, structure_checks(), check_structure(topology));
  EXPECT_EQ(log.at("runs")
                .at(0)
                .at("results")
                .at(0)
                .at("locations")
                .at(0)
                .at("physicalLocation")
                .at("artifactLocation")
                .at("uri")
                .as_string(),
            "a%20b/t%25.yaml");
}

}  // namespace
}  // namespace nospof::analysis
