// The verbs analyze, plan, compare and import of the built program, and prove with a saved plan.

#include <algorithm>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

CommandResult nospof(std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), test::built_program);
  return run_command(std::move(options), std::chrono::seconds(60));
}

std::string example(const std::string& name) {
  return std::string(test::source_folder) + "/experiments/" + name + "/topology.yaml";
}

boost::json::value parsed(const CommandResult& result) {
  return boost::json::parse(result.output);
}

TEST(AnalyzeTopology, PassesTheReferenceStack) {
  const CommandResult result = nospof({"analyze", example("three-tier")});
  EXPECT_EQ(result.exit_code, 0) << result.output << result.errors;
  EXPECT_THAT(result.output, HasSubstr("read, write: lb (1 of 2), web (1 of 2), app (1 of 2), db "
                                       "(2 of 3)\n  single points of failure: none\n"));
  EXPECT_THAT(result.output, HasSubstr("taken for granted, not part of the claim: shared "
                                       "network-segment, shared stack-ca"));
  EXPECT_THAT(result.output, Not(HasSubstr("error:")));
  EXPECT_THAT(result.output, HasSubstr("No single point of failure in this model"));
}

TEST(AnalyzeTopology, PredictsEachNegativeTopologyByName) {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"single-db", "losing db1 alone stops: read, write [single-point-of-failure]"},
      {"single-lb", "losing lb1 alone stops: read, write [single-point-of-failure]"},
      {"single-web", "losing web1 alone stops: read, write [single-point-of-failure]"},
      {"open-firewall", "service 'mariadb' runs nft: the firewall of tier 'db' is no longer"},
      {"plaintext-inner-hop", "tier 'web' -> tier 'app' at 8443/tcp: users' requests go there"},
      {"tls-terminated", "TLS hop 'user-to-web' ends at tier 'web', but 'haproxy' on lb1, lb2"},
      {"unmonitored", "the monitoring learns nothing about app2"}};
  for (const auto& [name, text] : expected) {
    const CommandResult result = nospof({"analyze", example(name)});
    EXPECT_EQ(result.exit_code, 1) << name << result.errors;
    EXPECT_THAT(result.output, HasSubstr(text)) << name;
  }
}

// Else a proof of one of them says nothing of what it is a control for.
TEST(Variants, AreTheReferenceStackButForWhatTheirScriptSays) {
  SpawnOptions options;
  options.argv = {std::string(test::source_folder) + "/scripts/variants", "--check"};
  const CommandResult result = run_command(std::move(options), std::chrono::seconds(60));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
}

// Who acknowledges a write before it is safe is found by breaking things only.
TEST(AnalyzeTopology, SeesThatWritesAreAcknowledgedTooEarly) {
  const CommandResult result = nospof({"analyze", example("async-replication")});
  EXPECT_EQ(result.exit_code, 1) << result.output << result.errors;
  EXPECT_THAT(result.output, HasSubstr("single points of failure: none"));
  EXPECT_THAT(result.output, HasSubstr("[acknowledged-too-early]"));
}

TEST(AnalyzeTopology, NamesTheLineOfASinglePointOfFailure) {
  const std::string text = read_file(example("single-db"));
  const auto lines =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("  db1:")),
                 '\n') +
      1;
  const CommandResult result = nospof({"analyze", "--json", example("single-db")});
  EXPECT_EQ(result.exit_code, 1);
  bool found = false;
  const boost::json::value answer = parsed(result);
  for (const auto& point : answer.at("single_points").as_array())
    if (point.at("name") == "db1") {
      found = true;
      EXPECT_EQ(point.at("line").as_int64(), lines);
      EXPECT_EQ(point.at("functions").as_array().size(), 2U);
    }
  EXPECT_TRUE(found);
}

TEST(AnalyzeTopology, WritesSarif) {
  const CommandResult result = nospof({"analyze", "--sarif", example("unmonitored")});
  EXPECT_EQ(result.exit_code, 1);
  const auto log = parsed(result);
  EXPECT_EQ(log.at("version"), "2.1.0");
  EXPECT_EQ(log.at("runs").at(0).at("results").at(0).at("ruleId"), "host-unmonitored");
}

TEST(AnalyzeTopology, RefusesBadInput) {
  EXPECT_EQ(nospof({"analyze"}).exit_code, 2);
  EXPECT_EQ(nospof({"analyze", "--json", "--sarif", example("three-tier")}).exit_code, 2);
  const CommandResult result = nospof({"analyze", "/nowhere/topology.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("/nowhere/topology.yaml: cannot be read"));
}

TEST(AnalyzeTopology, DrawsAndWritesItsTree) {
  const test::TemporaryFolder folder;
  const std::string mef = folder / "tree.xml";
  const std::string certificate = folder / "certificate.json";
  const CommandResult result = nospof({"analyze", example("single-db"), "--mef-out", mef,
                                       "--certificate", certificate, "--function", "write"});
  EXPECT_EQ(result.exit_code, 1) << result.errors;
  EXPECT_THAT(read_file(certificate), HasSubstr("mariadb on db1"));
  const CommandResult again = nospof({"analyze", "--mef", mef});
  EXPECT_EQ(again.exit_code, 1) << again.errors;
  EXPECT_THAT(again.output, HasSubstr("mariadb on db1"));
  EXPECT_THAT(nospof({"analyze", example("single-db"), "--dot"}).output, HasSubstr("digraph"));
  EXPECT_THAT(nospof({"analyze", example("single-db"), "--mermaid"}).output,
              HasSubstr("flowchart"));
  EXPECT_EQ(nospof({"analyze", example("single-db"), "--function", "delete"}).exit_code, 2);
}

TEST(Plan, NamesExactlyTheCellsThatProveRuns) {
  const CommandResult plan = nospof({"plan", "--json", example("single-web")});
  ASSERT_EQ(plan.exit_code, 0) << plan.errors;
  const CommandResult list = nospof({"prove", "--list", example("single-web")});
  std::string cells;
  const boost::json::value planned = parsed(plan);
  for (const auto& cell : planned.at("cells").as_array())
    cells += std::string(cell.at("id").as_string()) + "\n";
  EXPECT_THAT(list.output, StartsWith(cells));
  EXPECT_THAT(cells, HasSubstr("web1/host-crash"));
}

TEST(List, DoesNotBuryTheCellsUnderThoseThatAreLeftOut) {
  const CommandResult list =
      nospof({"prove", "--list", example("three-tier"), "--only", "web1/host-crash"});
  EXPECT_EQ(list.exit_code, 0) << list.errors;
  EXPECT_THAT(list.output,
              AllOf(StartsWith("web1/host-crash\nleft out: "),
                    HasSubstr("195 cells: not asked for (--only)\n"), EndsWith("\n1 cell\n")));
  EXPECT_LT(std::ranges::count(list.output, '\n'), 30);
}

TEST(Plan, IsSavedAndRunByProve) {
  const test::TemporaryFolder folder;
  const std::string file = folder.path() + "/plan.json";
  const CommandResult plan = nospof({"plan", example("single-web"), "--out", file});
  ASSERT_EQ(plan.exit_code, 0) << plan.errors;
  EXPECT_THAT(plan.output, HasSubstr("web1/nginx/process-kill"));
  EXPECT_THAT(plan.output, HasSubstr("read needs 1 of tier web, 0 left"));
  const CommandResult list = nospof({"prove", "--list", example("single-web"), "--plan", file});
  EXPECT_EQ(list.exit_code, 0) << list.errors;
  EXPECT_EQ(list.output, nospof({"prove", "--list", example("single-web")}).output);
}

TEST(Plan, ForAnotherTopologyIsRefused) {
  const test::TemporaryFolder folder;
  const std::string file = folder.path() + "/plan.json";
  ASSERT_EQ(nospof({"plan", example("single-web"), "--out", file}).exit_code, 0);
  const CommandResult other = nospof({"prove", example("single-lb"), "--plan", file});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.errors, HasSubstr("it is a plan for another version of"));
  const CommandResult both =
      nospof({"prove", example("single-web"), "--plan", file, "--only", "web1/*"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_EQ(nospof({"prove", example("single-web"), "--plan", "/nowhere"}).exit_code, 2);
}

TEST(Compare, PrintsATable) {
  const CommandResult result = nospof({"compare", example("one-of-each"), example("three-tier")});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, StartsWith("| | one-of-each | three-tier |\n"));
  EXPECT_THAT(result.output, HasSubstr("| hosts | 5 | 11 |"));
  EXPECT_THAT(result.output, HasSubstr("| **cost per year** | 5076 EUR | 11972 EUR |"));
  EXPECT_THAT(result.output, HasSubstr("| minutes down per year | 1402 | 1.85 |"));
  EXPECT_THAT(result.output, HasSubstr("4.93 EUR for each minute of downtime less per year"));
}

TEST(Compare, SaysWhichHostsHaveNoPrice) {
  const CommandResult result =
      nospof({"compare", example("three-tier"), example("three-tier-patroni")});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("three-tier-patroni: no cost is given for lb1"));
  EXPECT_EQ(nospof({"compare", example("three-tier")}).exit_code, 2);
}

TEST(Import, WritesASkeletonThatIsValid) {
  const test::TemporaryFolder folder;
  const std::string source = folder.path() + "/compose.yaml";
  const std::string skeleton = folder.path() + "/topology.yaml";
  write_file(source, "services:\n  web: { image: nginx, expose: [80] }\n");
  const CommandResult result = nospof({"import", source, "--from", "compose", "--out", skeleton});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_THAT(result.errors, HasSubstr("saved to " + skeleton));
  EXPECT_THAT(read_file(skeleton), HasSubstr("# not known: "));
  EXPECT_EQ(nospof({"validate", skeleton}).exit_code, 0);
  EXPECT_THAT(nospof({"analyze", skeleton}).output, HasSubstr("losing web1 alone stops"));
  const CommandResult again = nospof({"import", source, "--from", "compose", "--out", skeleton});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.errors, HasSubstr("exists already"));
}

TEST(Import, RefusesBadInput) {
  EXPECT_EQ(nospof({"import", "/nowhere", "--from", "compose"}).exit_code, 2);
  EXPECT_EQ(nospof({"import", example("three-tier"), "--from", "docker"}).exit_code, 2);
  EXPECT_EQ(nospof({"import", example("three-tier")}).exit_code, 2);
  const test::TemporaryFolder folder;
  const std::string source = folder.path() + "/compose.yaml";
  write_file(source, "services:\n  web: { image: nginx }\n");
  const CommandResult nowhere =
      nospof({"import", source, "--from", "compose", "--out", folder.path() + "/new/t.yaml"});
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_THAT(nowhere.errors, HasSubstr("there is no folder " + folder.path() + "/new"));
}

}  // namespace
}  // namespace nospof
