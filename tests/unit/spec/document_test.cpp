#include "spec/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/spec/support.hpp"

namespace nospof::spec {
namespace {

using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Node tree_of(const std::string& text) {
  Problems problems;
  auto root = load_document(text, "x.yaml", problems);
  problems.raise();
  return root.value();
}

std::vector<std::string> refusals(const std::string& text) {
  return problems_of([&] { tree_of(text); });
}

TEST(Documents, BecomeTreesWithPlaces) {
  const Node root = tree_of("a: x\nb: [1, two]\nc:\n  d: 'no'\n  e: no\n");
  ASSERT_EQ(root.kind, Node::Kind::map);
  EXPECT_EQ(root.find("a")->text, "x");
  EXPECT_EQ(root.find("a")->mark.line, 1);
  EXPECT_EQ(root.find("a")->mark.column, 4);
  const Node& list = *root.find("b");
  EXPECT_EQ(list.kind, Node::Kind::list);
  EXPECT_EQ(list.values[1].text, "two");
  EXPECT_EQ(list.mark_of(std::size_t{1}).column, 8);
  EXPECT_EQ(root.find("c")->find("d")->text, "no");
  EXPECT_EQ(root.find("c")->find("e")->text, "no");
  EXPECT_EQ(root.find("c")->mark_of("e").line, 5);
  EXPECT_EQ(root.find("nothing"), nullptr);
}

TEST(Documents, PlaceAnEmptyValueAtItsKey) {
  const Node root = tree_of("a:\n\n\nb: ~\n");
  EXPECT_EQ(root.find("a")->kind, Node::Kind::null);
  EXPECT_EQ(root.find("a")->mark.line, 1);
  EXPECT_EQ(root.find("b")->kind, Node::Kind::null);
}

TEST(Documents, MayUseAliases) {
  const Node root = tree_of("a: &x { k: [1, 2] }\nb: *x\nc: *x\n");
  EXPECT_EQ(root.find("c")->find("k")->values[1].text, "2");
}

TEST(Documents, KeepMultilineTexts) {
  EXPECT_EQ(tree_of("a: |\n  one\n  two\n").find("a")->text, "one\ntwo\n");
  EXPECT_EQ(tree_of("a: \"one\\ntwo\"").find("a")->text, "one\ntwo");
  EXPECT_EQ(tree_of("a: plain text").find("a")->text, "plain text");
}

TEST(Documents, MayHaveMarkersAndAByteOrderMark) {
  EXPECT_EQ(tree_of("---\na: x\n...\n").find("a")->text, "x");
  EXPECT_EQ(tree_of("%YAML 1.2\n---\na: x\n").find("a")->text, "x");
  EXPECT_EQ(tree_of("\xef\xbb\xbf"
                    "a: x\n")
                .find("a")
                ->text,
            "x");
  EXPECT_EQ(tree_of("a: x\r\nb: y\r\n").find("b")->text, "y");
}

TEST(Documents, AreRefusedWhenThereIsMoreThanOne) {
  EXPECT_THAT(refusals("a: x\n---\nb: y\n"), ElementsAre(HasSubstr("here starts another")));
  EXPECT_THAT(refusals("\"a\" \"b\"\n"), ElementsAre(HasSubstr("here starts another")));
  EXPECT_THAT(refusals(std::string(100'000, ',')), ElementsAre(HasSubstr("1:1: ")));
}

TEST(Documents, ReportEveryDuplicateKeyAndGoOn) {
  EXPECT_THAT(refusals("a: 1\nb: 2\na: 3\nb: 4\n"),
              ElementsAre("3:1: key 'a' stands twice, the first time in line 1",
                          "4:1: key 'b' stands twice, the first time in line 2"));
}

TEST(Documents, AreUtf8) {
  EXPECT_THAT(refusals("a: \xc3\xa9\n"), IsEmpty());
  EXPECT_THAT(refusals("a: \xe2\x82\xac \xf0\x9f\x98\x80\n"), IsEmpty());
  for (const std::string bad :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xff\xfe", "\x1b", "\x7f"}) {
    EXPECT_THAT(refusals("a: x" + bad), ElementsAre(HasSubstr("1:5: expected UTF-8 text")));
  }
  EXPECT_THAT(refusals(std::string("a: \0b\n", 6)), ElementsAre(HasSubstr("the byte 0x00")));
}

TEST(Documents, AreBoundedWhateverTheText) {
  EXPECT_THAT(refusals(std::string(1024 * 1024 + 1, 'a')), ElementsAre(HasSubstr("1 MiB")));
  for (const std::string piece :
       {"[", "{", "- ",   "? ", "[? ", "{a: ", "&a ",  "*a ",    "! ",     "\"", "'",
        ",", "%", "|\n ", "\t", "x\n", "a: ",  "[a: ", "--- \n", "\"a\" ", "\n", " "}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    Problems problems;
    const auto root = load_document(text, "x.yaml", problems);
    EXPECT_EQ(root.has_value(), problems.empty()) << piece;
  }
}

TEST(Documents, RefuseAliasesThatMultiply) {
  std::string text = "a: &a " + std::string(3000, 'x') + "\nb: [";
  for (int i = 0; i < 2000; ++i) text += "*a, ";
  EXPECT_THAT(refusals(text + "]\n"), ElementsAre(HasSubstr("4 MiB of text")));
  EXPECT_THAT(refusals("a: &a [*a]\n"), ElementsAre(HasSubstr("inside what it refers to")));
}

TEST(Files, ThatCannotBeReadSayWhy) {
  const test::TemporaryFolder folder;
  const auto reasons = [](const std::string& path) {
    return problems_of([&] { read_topology(path); });
  };
  EXPECT_THAT(reasons(folder.path("none.yaml")),
              ElementsAre("0:0: cannot be read: No such file or directory"));
  EXPECT_THAT(reasons(folder.path("")), ElementsAre(HasSubstr("not a regular file")));
  ASSERT_EQ(::mkfifo(folder.path("fifo.yaml").c_str(), 0600), 0);
  EXPECT_THAT(reasons(folder.path("fifo.yaml")), ElementsAre(HasSubstr("not a regular file")));
  folder.write("large.yaml", std::string(1024 * 1024 + 1, '#'));
  EXPECT_THAT(reasons(folder.path("large.yaml")), ElementsAre(HasSubstr("larger than 1 MiB")));
}

TEST(Files, HaveAKind) {
  EXPECT_EQ(file_kind(test::source("tests/malformed/base/topology.yaml")), "topology");
  EXPECT_EQ(file_kind(test::source("tests/malformed/base/experiment.yaml")), "experiment");
  EXPECT_EQ(file_kind(test::source("tests/malformed/topology-many-problems.yaml")), "topology");
  const test::TemporaryFolder folder;
  const std::string other = folder.write("x.yaml", "kind: toplogy\n");
  EXPECT_THAT(problems_of([&] { file_kind(other); }),
              ElementsAre("1:7: expected 'kind: topology' or 'kind: experiment', found 'toplogy'; "
                          "did you mean 'topology'?"));
}

TEST(Files, OfTheOtherKindAreRefused) {
  const std::string topology = test::source("tests/malformed/base/topology.yaml");
  const std::string experiment = test::source("tests/malformed/base/experiment.yaml");
  EXPECT_THAT(problems_of([&] { read_topology(experiment); }),
              ElementsAre("1:7: expected 'kind: topology' here, found 'experiment'"));
  EXPECT_THAT(problems_of([&] { read_experiment(topology, test::catalogue()); }),
              ElementsAre("1:7: expected 'kind: experiment' here, found 'topology'"));
}

}  // namespace
}  // namespace nospof::spec
