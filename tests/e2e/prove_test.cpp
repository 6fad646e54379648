// The whole job on a small stack: the verdicts, the exit codes, and that the machine is as it was.

#include <filesystem>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> spof_names(const boost::json::object& result) {
  std::vector<std::string> names;
  for (const auto& spof : result.at("spofs").as_array())
    names.emplace_back(spof.as_object().at("name").as_string());
  return names;
}

TEST(Prove, ASmallRedundantStackPassesAndTheMachineIsAsItWas) {
  const auto before = machine_state();
  Sandbox sandbox;
  // Two servers behind keepalived alone survive what stops a server, not one that limps.
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--runs", sandbox.runs(),
                   "--labs", "1", "--min-idle", "0", "--only", "*/process-*", "--only", "*/tls:*",
                   "--only", "*/host-*", "--only", "*/partition", "--only", "*/disk-fill"},
                  400s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  const boost::json::object result = result_in(sandbox.runs());
  EXPECT_EQ(result.at("verdict").as_string(), "pass");
  std::vector<std::string> verdicts;
  for (const auto& cell : result.at("cells").as_array())
    verdicts.emplace_back(cell.as_object().at("verdict").as_string());
  EXPECT_EQ(verdicts.size(), 19U) << "9 of each server, and the control: both at once";
  EXPECT_EQ(result.at("totals").at("controls").to_number<int>(), 1);
  EXPECT_EQ(result.at("predictions").at("breaks_and_broke").to_number<int>(), 1);
  EXPECT_THAT(verdicts, Each(std::string("pass")));
  EXPECT_EQ(machine_state(), before);
  EXPECT_TRUE(sandbox.processes().empty());
}

TEST(Prove, AServerThatKeepsItsAddressThoughItHearsNothingIsASpof) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--runs", sandbox.runs(),
                   "--min-idle", "0", "--only", "web1/partition:one-way"},
                  120s);
  EXPECT_EQ(run.exit_code, 1) << run.output << run.errors;
  EXPECT_THAT(spof_names(result_in(sandbox.runs())), UnorderedElementsAre("web1"));
}

TEST(Prove, AStackWithOneWebServerHasThatSpofAndNoOther) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini-single/topology.yaml"), "--runs", sandbox.runs(),
                   "--labs", "1", "--min-idle", "0", "--skip", "*/netem:*", "--skip", "*/tls:*"},
                  400s);
  EXPECT_EQ(run.exit_code, 1) << run.output << run.errors;
  EXPECT_THAT(spof_names(result_in(sandbox.runs())), UnorderedElementsAre("web1"));
  EXPECT_THAT(run.output, HasSubstr("web1"));
}

TEST(Prove, OnAMachineWithTooLittleIdleTimeAFailureIsOpenAndTriedOnceMore) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini-single/topology.yaml"), "--runs", sandbox.runs(),
                   "--min-idle", "100", "--only", "web1/nginx/process-kill"},
                  200s);
  EXPECT_EQ(run.exit_code, 3) << run.output << run.errors;
  EXPECT_THAT(run.output, HasSubstr("1 of 1 cells are tried again, in a lab alone"));
  const boost::json::object result = result_in(sandbox.runs());
  EXPECT_THAT(spof_names(result), IsEmpty());
  const boost::json::object& cell = result.at("cells").at(0).as_object();
  EXPECT_EQ(cell.at("verdict"), "inconclusive");
  EXPECT_TRUE(cell.at("executed").as_bool());
  EXPECT_EQ(cell.at("earlier").as_array().size(), 1U);
  EXPECT_THAT(sandbox.labs(), IsEmpty());
}

// Kills the nginx of web2 in the lab that is up, or coming up, but not `last`; its worker goes on
// serving, so that only the stack's redundancy is gone.
std::optional<ProcessId> kill_nginx_of_web2(const Sandbox& sandbox, std::optional<ProcessId> last) {
  std::optional<ProcessId> killed;
  eventually(60s, [&] {
    for (const ProcessId& process : sandbox.processes()) {
      const std::string command = command_of(process.pid);
      if (command.find("master process") == std::string::npos ||
          command.find("hosts/web2/etc/nginx.conf") == std::string::npos || process == last)
        continue;
      send_signal(process, SIGKILL);
      killed = process;
    }
    return killed.has_value();
  });
  return killed;
}

TEST(Prove, AFreshLabThatDoesNotBecomeWholeIsMadeOnceMore) {
  Sandbox sandbox;
  const std::string copy = sandbox.folder() + "/mini";
  std::filesystem::copy(source("tests/e2e/mini"), copy);
  const std::string file = copy + "/topology.yaml";
  std::string text = read_file(file);
  const std::string deadline = "recovery_deadline: 30s";
  text.replace(text.find(deadline), deadline.size(), "recovery_deadline: 8s");
  write_file(file, text);
  Child proof = sandbox.start({"prove", file, "--runs", sandbox.runs(), "--no-observe", "--only",
                               "web1/nginx/process-kill", "--only", "web2/nginx/process-kill"},
                              "prove.log");
  ASSERT_TRUE(eventually(60s, [&] {
    const std::string events = file_below(sandbox.runs(), "events.ndjson");
    return !events.empty() && read_file(events).find("\"observe\"") != std::string::npos;
  }));
  const auto first = kill_nginx_of_web2(sandbox, std::nullopt);
  ASSERT_TRUE(first);
  ASSERT_TRUE(kill_nginx_of_web2(sandbox, first)) << "there was no second lab";
  const std::string log = sandbox.folder() + "/prove.log";
  ASSERT_TRUE(proof.wait(120s)) << read_file(log);
  EXPECT_THAT(read_file(log), HasSubstr("the fresh lab was of no use: "));
  const boost::json::object result = result_in(sandbox.runs());
  EXPECT_EQ(result.at("cells").at(1).at("verdict"), "pass") << read_file(log);
  EXPECT_TRUE(sandbox.processes().empty());
  EXPECT_THAT(sandbox.labs(), IsEmpty());
}

TEST(Prove, WhatIsObservedIsInTheResultOfEachCell) {
  Sandbox sandbox;
  const CommandResult run = sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--runs",
                                         sandbox.runs(), "--only", "web1/nginx/process-kill"},
                                        120s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  const boost::json::object result = result_in(sandbox.runs());
  EXPECT_TRUE(result.at("findings").as_array().empty()) << run.output;
  ASSERT_EQ(result.at("cells").as_array().size(), 1U);
  const boost::json::object& seen =
      result.at("cells").as_array()[0].as_object().at("observed").as_object();
  for (const char* figure : {"tls_violations", "clear_text", "open_flows"})
    EXPECT_EQ(seen.at(figure), 0) << figure;
  EXPECT_TRUE(seen.at("blind").as_array().empty()) << seen;
}

TEST(Prove, WhatIsSignedIsVerifiedByWhoeverHasTheKey) {
  Sandbox sandbox;
  const std::string key = sandbox.folder() + "/key";
  ASSERT_EQ(sandbox.run({"keygen", "--out", key}, 10s).exit_code, 0);
  const CommandResult run =
      sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--runs", sandbox.runs(),
                   "--sign", key + ".pem", "--only", "web1/nginx/process-kill"},
                  120s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  std::string bundle;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(sandbox.runs()))
    if (entry.path().filename() == "evidence.tar") bundle = entry.path();
  const CommandResult verified = sandbox.run({"verify", bundle, "--key", key + ".pub.pem"}, 60s);
  EXPECT_EQ(verified.exit_code, 0) << verified.output << verified.errors;
  EXPECT_THAT(verified.output, HasSubstr("Executed 1 of 1 planned cells, each once: 1 passed"));
}

TEST(Prove, AHoleInAFirewallIsFoundByNameThoughNobodyUsesIt) {
  Sandbox sandbox;
  const std::string copy = sandbox.folder() + "/mini";
  std::filesystem::copy(source("tests/e2e/mini"), copy);
  const std::string file = copy + "/topology.yaml";
  std::string text = read_file(file);
  const std::string service = "  nginx:\n";
  text.insert(text.find(service) + service.size(),
              "    prepare: [[nft, insert, rule, inet, nospof_host, input, tcp, dport, '443', "
              "accept]]\n");
  write_file(file, text);
  const CommandResult run = sandbox.run(
      {"prove", file, "--runs", sandbox.runs(), "--only", "web1/nginx/process-kill"}, 120s);
  EXPECT_EQ(run.exit_code, 1) << run.output << run.errors;
  std::vector<std::string> found;
  const boost::json::object result = result_in(sandbox.runs());
  for (const auto& finding : result.at("findings").as_array()) {
    EXPECT_EQ(finding.as_object().at("what").as_string(), "open");
    found.emplace_back(finding.as_object().at("subject").as_string());
  }
  EXPECT_THAT(found, UnorderedElementsAre("client -> web1:443/tcp", "client -> web2:443/tcp"));
  EXPECT_THAT(run.output, HasSubstr("client -> web1:443/tcp"));
}

TEST(Prove, ListsItsCellsWithoutStartingAnything) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"prove", source("experiments/three-tier/topology.yaml"), "--list"}, 10s);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("lb1/haproxy/process-kill\n"));
  EXPECT_THAT(run.output, HasSubstr("db3/partition\n"));
  EXPECT_THAT(run.output, HasSubstr("left out: client: it measures"));
  EXPECT_FALSE(std::filesystem::exists(sandbox.folder() + "/state"));
}

TEST(Run, AnExperimentOnARoleHoldsItsHypothesis) {
  Sandbox sandbox;
  const CommandResult run = sandbox.run(
      {"run", source("tests/e2e/mini/experiment.yaml"), "--runs", sandbox.runs()}, 120s);
  EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  EXPECT_EQ(result_in(sandbox.runs()).at("verdict").as_string(), "pass");
}

TEST(Run, ADryRunSaysTargetsBlastRadiusAndUndoAndStartsNothing) {
  Sandbox sandbox;
  const CommandResult run =
      sandbox.run({"run", "--dry-run", source("tests/e2e/mini/experiment.yaml")}, 10s);
  EXPECT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_THAT(run.output, HasSubstr("blast radius: web1"));
  EXPECT_THAT(run.output, HasSubstr("undo:"));
  EXPECT_FALSE(std::filesystem::exists(sandbox.folder() + "/state"));
}

TEST(Bad, InputIsRefusedBeforeAnythingIsStarted) {
  Sandbox sandbox;
  for (const char* verb : {"validate", "prove", "run"}) {
    const CommandResult run = sandbox.run({verb, source("tests/e2e/mini/nginx.conf.j2")}, 10s);
    EXPECT_EQ(run.exit_code, 2) << verb << run.output << run.errors;
    EXPECT_THAT(run.errors, HasSubstr("nginx.conf.j2")) << verb;
  }
  EXPECT_EQ(sandbox.run({"prove"}, 10s).exit_code, 2);
  EXPECT_EQ(sandbox.run({"nonsense"}, 10s).exit_code, 2);
  EXPECT_EQ(sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--budget", "5"}, 10s)
                .exit_code,
            2);
  EXPECT_FALSE(std::filesystem::exists(sandbox.folder() + "/state"));
}

TEST(Bad, ALabThatIsNotUpIsRefusedBeforeARunBegins) {
  Sandbox sandbox;
  const CommandResult run = sandbox.run({"prove", source("tests/e2e/mini/topology.yaml"), "--runs",
                                         sandbox.runs(), "--lab", "nobody"},
                                        10s);
  EXPECT_EQ(run.exit_code, 2) << run.output << run.errors;
  EXPECT_THAT(run.errors, HasSubstr("there is no lab 'nobody'; no lab is up"));
  EXPECT_FALSE(std::filesystem::exists(sandbox.runs()));
}

TEST(Labs, TwoOfTheSameTopologyRunSideBySide) {
  Sandbox sandbox;
  const std::string a = sandbox.lab_name("a");
  const std::string b = sandbox.lab_name("b");
  const std::string topology = source("tests/e2e/mini/topology.yaml");
  ASSERT_EQ(sandbox.run({"lab", "up", topology, "--name", a}, 60s).exit_code, 0);
  ASSERT_EQ(sandbox.run({"lab", "up", topology, "--name", b}, 60s).exit_code, 0);
  // Everything of a is broken at once; b must not notice.
  Child breaking = sandbox.start({"prove", topology, "--lab", a, "--only", "web1/*/*", "--only",
                                  "web1/host-*", "--runs", sandbox.runs() + "/a"},
                                 "a.log");
  const CommandResult calm =
      sandbox.run({"prove", topology, "--lab", b, "--only", "web2/keepalived/process-kill",
                   "--runs", sandbox.runs() + "/b"},
                  120s);
  EXPECT_EQ(calm.exit_code, 0) << calm.output << calm.errors;
  ASSERT_TRUE(breaking.wait(180s)) << read_file(sandbox.folder() + "/a.log");
  EXPECT_EQ(describe_wait_status(*breaking.status()), "exited with 0")
      << read_file(sandbox.folder() + "/a.log");
  EXPECT_EQ(sandbox.run({"lab", "down", a}, 30s).exit_code, 0);
  const CommandResult other = sandbox.run({"lab", "status", b}, 10s);
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_THAT(other.output, HasSubstr("web2"));
  EXPECT_EQ(sandbox.run({"lab", "down", b}, 30s).exit_code, 0);
  EXPECT_TRUE(eventually(5s, [&] { return sandbox.processes().empty(); }));
}

TEST(Report, OfAKilledRunIsInconclusiveAndNeverAPass) {
  Sandbox sandbox;
  Child controller = sandbox.start({"prove", source("tests/e2e/mini/topology.yaml"), "--only",
                                    "web1/partition", "--runs", sandbox.runs()},
                                   "run.log");
  std::string folder;
  ASSERT_TRUE(eventually(60s, [&] {
    if (!std::filesystem::exists(sandbox.runs())) return false;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sandbox.runs()))
      if (entry.path().filename() == "events.ndjson" &&
          read_file(entry.path()).find("\"phase\":\"observe\"") != std::string::npos)
        folder = entry.path().parent_path();
    return !folder.empty();
  }));
  controller.signal(SIGKILL);
  ASSERT_TRUE(controller.wait(10s));
  const CommandResult report = sandbox.run({"report", folder}, 20s);
  EXPECT_EQ(report.exit_code, 3) << report.output << report.errors;
  EXPECT_EQ(result_in(sandbox.runs()).at("verdict").as_string(), "inconclusive");
}

}  // namespace
}  // namespace nospof::e2e
