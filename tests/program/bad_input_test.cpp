// The verbs validate and schema of the built program, and what any verb does with bad input.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

CommandResult nospof(std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), test::built_program);
  return run_command(std::move(options), std::chrono::seconds(60));
}

std::string malformed(const std::string& name) {
  return std::string(test::source_folder) + "/tests/malformed/" + name;
}

TEST(Validate, SaysWhatIsInAGoodFile) {
  const std::string topology = malformed("base/topology.yaml");
  const std::string experiment = malformed("base/experiment.yaml");
  const CommandResult result = nospof({"validate", topology, experiment});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, topology + ": ok (topology small: 4 hosts, 2 tiers, 2 flows)\n" +
                               experiment + ": ok (experiment on small: 2 faults, 2 hypotheses)\n");
  EXPECT_THAT(result.errors, IsEmpty());
}

TEST(Validate, AndOtherVerbsThatStartNothingNameHostsThatCannotBeDriven) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(malformed("base"), folder / "stack");
  const std::string topology = folder / "stack/topology.yaml";
  std::string text = read_file(topology);
  const std::string lb2 = "zone: b, services: [proxy]";
  ASSERT_NE(text.find(lb2), std::string::npos);
  write_file(topology, text.insert(text.find(lb2), "transport: ssh, ssh: root@lb2, "));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"validate", topology},
        {"plan", topology},
        {"prove", "--list", topology},
        {"validate", folder / "stack/experiment.yaml"},
        {"run", "--dry-run", folder / "stack/experiment.yaml"}}) {
    const CommandResult result = nospof(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr("only hosts with transport lab, and not lb2;"))
        << arguments.front();
  }
}

TEST(Validate, NamesWhatIsWrongInATemplate) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(malformed("base"), folder / "stack");
  const std::string topology = folder / "stack/topology.yaml";
  const std::string word = "{{ secrets.db_password }}";
  const std::string good = read_file(topology);
  for (const auto& [bad, message] :
       {std::pair{"{{ host.nam }}", "'nam' is undefined here; did you mean 'name'?"},
        std::pair{"{{ host.name", "unexpected end of template"},
        std::pair{"{{ hosts | nofilter }}", "No filter named 'nofilter'"}}) {
    std::string text = good;
    ASSERT_NE(text.find(word), std::string::npos);
    write_file(topology, text.replace(text.find(word), word.size(), bad));
    const CommandResult result = nospof({"validate", topology});
    EXPECT_EQ(result.exit_code, 2) << bad << result.output;
    EXPECT_THAT(result.errors, HasSubstr(message));
    EXPECT_THAT(result.errors, StartsWith(topology + ":"));
  }
}

TEST(Validate, NamesWhatIsWrongInACommandThatReloads) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(malformed("base"), folder / "stack");
  const std::string topology = folder / "stack/topology.yaml";
  std::string text = read_file(topology);
  const std::string service = "    listens: [443/tcp]\n";
  ASSERT_NE(text.find(service), std::string::npos);
  write_file(topology, text.insert(text.find(service), "    reload: [kill, \"{{ nothing }}\"]\n"));
  const CommandResult result = nospof({"validate", topology});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.errors, HasSubstr("'nothing' is undefined"));
  EXPECT_THAT(result.errors, HasSubstr("reload of service proxy"));
}

TEST(Validate, RefusesEachMalformedFile) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(malformed(""))) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const CommandResult result = nospof({"validate", entry.path().string()});
    EXPECT_EQ(result.exit_code, 2) << entry.path();
    EXPECT_THAT(result.output, IsEmpty());
    EXPECT_THAT(result.errors, StartsWith(malformed("")));
  }
  EXPECT_GE(files, 60U);
}

TEST(Validate, ReportsGoodAndBadFilesTogether) {
  const CommandResult result = nospof({"validate", malformed("topology-tier-needs-zero.yaml"),
                                       malformed("base/topology.yaml"), malformed("none.yaml")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("base/topology.yaml: ok"));
  EXPECT_THAT(result.errors,
              HasSubstr("topology-tier-needs-zero.yaml:25:35: 'needs' of tier 'lb'"));
  EXPECT_THAT(result.errors, HasSubstr("none.yaml: cannot be read: No such file or directory"));
}

TEST(Schema, IsTheOneInDocs) {
  for (const std::string kind : {"topology", "experiment"}) {
    const CommandResult result = nospof({"schema", kind});
    ASSERT_EQ(result.exit_code, 0) << result.errors;
    const std::string file = "docs/schema/" + kind + ".schema.json";
    EXPECT_TRUE(result.output == read_file(std::string(test::source_folder) + "/" + file))
        << "make it anew with: nospof schema " << kind << " > " << file;
  }
}

TEST(Schema, RefusesUnknownKinds) {
  const CommandResult result = nospof({"schema", "topologie"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_THAT(result.errors, HasSubstr("did you mean 'topology'?"));
}

TEST(BadInput, StartsNothing) {
  std::string folder = (std::filesystem::temp_directory_path() / "nospof-bad-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string runs = folder + "/runs";
  const std::string topology = malformed("topology-tier-needs-zero.yaml");
  const std::string experiment = malformed("experiment-abort-when.yaml");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"prove", topology, "--runs", runs},
        std::vector<std::string>{"run", experiment, "--runs", runs},
        std::vector<std::string>{"run", experiment, "--dry-run", "--runs", runs},
        std::vector<std::string>{"lab", "up", topology}}) {
    const CommandResult result = nospof(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments.front();
    EXPECT_THAT(result.errors, StartsWith(malformed(""))) << arguments.front();
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << arguments.front();
  }
  std::filesystem::remove_all(folder);
}

TEST(BadInput, WhatIsReadIsNotWrittenOver) {
  const test::TemporaryFolder folder;
  const std::string source = std::string(test::source_folder) + "/experiments/three-tier";
  std::filesystem::copy(source, folder / "stack");
  const std::string topology = folder / "stack/topology.yaml";
  const std::string before = read_file(topology);
  const std::string another_name = folder / "stack/../stack/topology.yaml";
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"plan", topology, "--out", another_name},
        std::vector<std::string>{"analyze", topology, "--mef-out", topology},
        std::vector<std::string>{"analyze", topology, "--certificate", topology}}) {
    const CommandResult result = nospof(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments.front();
    EXPECT_THAT(result.errors, HasSubstr("is what was read")) << arguments.front();
    EXPECT_TRUE(read_file(topology) == before) << arguments.front();
  }
}

TEST(BadInput, ACommandThatIsNoneIsNamed) {
  const CommandResult result = nospof({"valdate", "x"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr("no command 'valdate'; did you mean 'validate'?"));
  EXPECT_THAT(nospof({"prober-x"}).errors, testing::Not(HasSubstr("'prober'"))) << "it is no verb";
}

TEST(BadInput, AnOptionsPatternsEndWithIt) {
  const std::string topology =
      std::string(test::source_folder) + "/experiments/three-tier/topology.yaml";
  const CommandResult result =
      nospof({"prove", "--only", "lb1/haproxy/*", "--only", "lb2/haproxy/*", topology, "--list"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("lb1/haproxy/process-kill"));
  EXPECT_THAT(result.output, HasSubstr("lb2/haproxy/process-kill"));
}

TEST(BadInput, WhatAnOptionDoesNotDoIsSaid) {
  const std::string topology = malformed("base/topology.yaml");
  const std::string tree = std::string(test::source_folder) + "/tests/program/mef/none.xml";
  EXPECT_THAT(nospof({"analyze", topology, "--order", "3"}).errors, HasSubstr("--order"));
  EXPECT_THAT(nospof({"analyze", topology, "--count"}).errors, HasSubstr("--count"));
  EXPECT_THAT(nospof({"analyze", topology, "--mef", tree}).errors, HasSubstr("not both"));
  EXPECT_THAT(nospof({"analyze", "--mef", tree, "--dot", "--certificate", "c"}).errors,
              HasSubstr("--certificate"));
  const test::TemporaryFolder folder;
  for (const std::string& name : {std::string(), folder / ""}) {
    EXPECT_THAT(nospof({"keygen", "--out", name}).errors, HasSubstr("names no file"));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
}

TEST(BadInput, NumbersBelowNothingAreRefused) {
  const std::string history = std::string(test::source_folder) + "/tests/histories/none";
  EXPECT_THAT(nospof({"check-history", history, "--max-states", "-1"}).errors,
              HasSubstr("--max-states"));
  EXPECT_THAT(nospof({"analyze", malformed("base/topology.yaml"), "--list", "-1"}).errors,
              HasSubstr("--list"));
}

}  // namespace
}  // namespace nospof
