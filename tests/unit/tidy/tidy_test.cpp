#include "tests/unit/tidy/tidy.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/places.hpp"

namespace nospof::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> files = read_tree(test::source_folder);
  return files;
}

const SourceFile& file_named(const std::string& path) {
  for (const SourceFile& file : tree())
    if (file.path == path) return file;
  throw std::runtime_error("there is no " + path);
}

std::string findings(const std::function<std::vector<std::string>(const SourceFile&)>& check) {
  std::string text;
  for (const SourceFile& file : tree())
    for (const std::string& finding : check(file)) text += finding + "\n";
  return text;
}

TEST(Tree, IsRead) {
  EXPECT_GT(tree().size(), 50U);
  EXPECT_THAT(file_named("harness/spec/units.hpp").text, HasSubstr("#pragma once"));
}

TEST(Tree, KeepsTheIncludeRule) {
  EXPECT_EQ(findings([](const SourceFile& file) { return check_includes(file, design_rule()); }),
            "");
}

TEST(Tree, LinksNoMoreThanItMayInclude) {
  const IncludeRule links = link_lines(file_named("CMakeLists.txt").text);
  EXPECT_THAT(check_link_lines(links, design_rule()), IsEmpty());
  EXPECT_EQ(
      findings([&](const SourceFile& file) { return check_includes_are_linked(file, links); }), "");
}

TEST(Tree, KeepsFilesAndLinesShort) {
  EXPECT_EQ(findings(check_size), "");
}

TEST(Tree, HeadersSayWhatTheyAre) {
  EXPECT_EQ(findings(check_header), "");
}

TEST(Tree, StartsNoShell) {
  EXPECT_EQ(findings(check_calls), "");
}

TEST(Tree, CanBeBuiltForFuzzing) {
  EXPECT_EQ(findings(check_for_clang), "");
}

TEST(Tree, KnowsNoMachine) {
  EXPECT_EQ(findings(check_paths), "");
}

// What each rule is for: files that break it are found.

TEST(Tidy, FindsForbiddenIncludes) {
  const SourceFile file{"harness/control/bad.cpp",
                        "#include <vector>\n"
                        "#include \"control/good.hpp\"\n"
                        "#include \"faults/process_kill.hpp\"\n"
                        "  #  include \"report/report.hpp\"\n"
                        "#include \"helper.hpp\"\n"
                        "#include \"../spec/units.hpp\"\n"
                        "#include \"control/good.hpp\"\n"};
  EXPECT_THAT(check_includes(file, design_rule()),
              ElementsAre("harness/control/bad.cpp:3: includes \"faults/process_kill.hpp\": "
                          "'control' may not include 'faults'",
                          "harness/control/bad.cpp:4: includes \"report/report.hpp\": 'control' "
                          "may not include 'report'",
                          HasSubstr("bad.cpp:5: includes \"helper.hpp\": an include names its"),
                          HasSubstr("bad.cpp:6:"), HasSubstr("bad.cpp:7: ")));
  EXPECT_THAT(check_includes({"harness/novelty/x.cpp", ""}, design_rule()),
              ElementsAre(HasSubstr("'novelty' has no line in the include rule")));
  EXPECT_THAT(check_includes({"harness/stray.cpp", ""}, design_rule()),
              ElementsAre(HasSubstr("has no line")));
}

TEST(Tidy, FindsFaultsAndProbesThatLookBeyondTheirInterface) {
  EXPECT_THAT(check_includes({"faults/bad.cpp",
                              "#include \"kinds/fault.hpp\"\n#include \"kinds/probe.hpp\"\n"
                              "#include \"spec/units.hpp\"\n#include \"spec/topology.hpp\"\n"
                              "#include \"probes/https.hpp\"\n#include \"agent/agent.hpp\"\n"},
                             design_rule()),
              ElementsAre(HasSubstr("bad.cpp:2:"), HasSubstr("bad.cpp:4:"), HasSubstr("bad.cpp:5:"),
                          HasSubstr("bad.cpp:6:")));
  EXPECT_THAT(check_includes({"probes/bad.cpp",
                              "#include \"kinds/fault.hpp\"\n#include \"faults/partition.hpp\"\n"},
                             design_rule()),
              ElementsAre(HasSubstr("bad.cpp:1:"), HasSubstr("bad.cpp:2:")));
  EXPECT_THAT(check_includes({"lab/bad.cpp", "#include \"kinds/fault.hpp\"\n"}, design_rule()),
              ElementsAre(HasSubstr("'lab' may not include 'kinds'")));
  EXPECT_THAT(check_includes({"harness/main.cpp",
                              "#include \"cli/cli.hpp\"\n#include \"faults/partition.hpp\"\n"},
                             design_rule()),
              IsEmpty());
}

TEST(Tidy, ReadsLinkLines) {
  const IncludeRule links = link_lines(
      "nospof_library(harness/system\n  LINKS fmt::fmt)\n"
      "nospof_library(lab LINKS nospof_spec nospof_system\n  OpenSSL::Crypto)\n");
  EXPECT_EQ(links, (IncludeRule{{"system", {}}, {"lab", {"spec", "system"}}}));
}

TEST(Tidy, FindsLinkLinesThatAreWiderThanTheRule) {
  const IncludeRule rule{{"lab", {"system"}}, {"system", {}}, {"main", {"lab"}}};
  EXPECT_THAT(check_link_lines({{"lab", {"system", "faults"}}, {"system", {}}}, rule),
              ElementsAre("CMakeLists.txt: 'lab' may not link 'faults'"));
  EXPECT_THAT(check_link_lines({{"lab", {}}}, rule),
              ElementsAre("CMakeLists.txt: no nospof_library line for 'system'"));
  EXPECT_THAT(check_link_lines({{"lab", {}}, {"system", {}}, {"new", {}}}, rule),
              ElementsAre("CMakeLists.txt: 'new' has no line in the include rule"));
}

TEST(Tidy, FindsIncludesThatAreNotLinked) {
  const IncludeRule links{{"hosts", {"lab"}}, {"lab", {"system"}}, {"system", {}}, {"spec", {}}};
  EXPECT_THAT(
      check_includes_are_linked(
          {"harness/hosts/x.cpp", "#include \"system/fd.hpp\"\n#include \"spec/units.hpp\"\n"},
          links),
      ElementsAre("harness/hosts/x.cpp:2: includes \"spec/units.hpp\", but 'hosts' does "
                  "not link 'spec'"));
}

TEST(Tidy, FindsLongFilesAndLines) {
  std::string text;
  for (int i = 0; i < 401; ++i) text += "x\n";
  EXPECT_THAT(check_size({"a.cpp", text}), ElementsAre("a.cpp:401: a file has at most 400 lines"));
  EXPECT_THAT(check_size({"a.md", text}), IsEmpty());
  EXPECT_THAT(check_size({"a.cpp", "\n" + std::string(101, 'x') + "\n"}),
              ElementsAre("a.cpp:2: 101 columns, at most 100 are allowed"));
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xC3\xBC";
  EXPECT_THAT(check_size({"a.cpp", umlauts}), IsEmpty()) << "columns, not bytes";
}

TEST(Tidy, FindsHeadersWithoutGuardOrComment) {
  EXPECT_THAT(check_header({"a.hpp", "#pragma once\n// What it is.\n"}), IsEmpty());
  EXPECT_THAT(check_header({"a.hpp", "// What it is.\n"}),
              ElementsAre(HasSubstr("no #pragma once")));
  EXPECT_THAT(check_header({"a.hpp", "#pragma once\n\n#include <vector>\n// later\n"}),
              ElementsAre(HasSubstr("begins with a comment")));
  EXPECT_THAT(check_header({"a.hpp", ""}).size(), 2U);
  EXPECT_THAT(check_header({"a.cpp", ""}), IsEmpty());
}

TEST(Tidy, FindsShells) {
  EXPECT_THAT(
      check_calls({"a.cpp", "int x = std::system(\"ls\");\nauto f = popen (cmd, \"r\");\n"}),
      ElementsAre(HasSubstr("a.cpp:1: system()"), HasSubstr("a.cpp:2: popen()")));
  EXPECT_THAT(check_calls({"a.cpp",
                           "// system(x)\n/* popen(\n system( */ f(\"system(1)\", 'a', '\"');\n"
                           "auto r = R\"x(popen(\"1\"))x\"; int n = 1'000; filesystem(3);\n"}),
              IsEmpty());
  EXPECT_THAT(check_calls({"a.cpp", "f('\"'); system(\"x\"); // \"\n"}).size(), 1U);
}

TEST(Tidy, FindsAlgorithmsThatClangCannotCompile) {
  EXPECT_THAT(check_for_clang({"a.cpp", "a;\nx.erase(std::ranges::unique(x).begin(), x.end());\n"}),
              ElementsAre(HasSubstr("a.cpp:2: ranges::unique(): ")));
  EXPECT_THAT(check_for_clang({"a.cpp", "std::unique(x.begin(), x.end()); ranges::find(x, 1);"}),
              IsEmpty());
}

TEST(Tidy, FindsPathsOfOneMachine) {
  const std::string home = std::string("/ho") + "me/someone";
  EXPECT_THAT(check_paths({"docs/a.md", "fine\nsee " + home + "/x\n"}),
              ElementsAre(HasSubstr("docs/a.md:2:")));
  EXPECT_THAT(check_paths({"a.sh", "cp x" + home + "\n"}), IsEmpty()) << "part of a longer path";
}

TEST(Tidy, CodeOnlyKeepsLinesAndCode) {
  EXPECT_EQ(code_only("a \"b\" // c\nd /* e\nf */ g 'h'"), "a \" \"     \nd     \n     g ' '");
  EXPECT_EQ(code_only("x(\"a\\\"b\");"), "x(\"    \");");
}

}  // namespace
}  // namespace nospof::tidy
