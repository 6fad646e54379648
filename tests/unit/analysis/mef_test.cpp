#include "analysis/mef.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/draw.hpp"
#include "analysis/full_set.hpp"
#include "analysis/low_orders.hpp"
#include "spec/reader.hpp"
#include "tests/support/random_tree.hpp"
#include "tests/unit/analysis/support.hpp"

namespace nospof::analysis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string document(const std::string& gates, const std::string& data = "") {
  return "<?xml version=\"1.0\"?>\n<opsa-mef>\n<define-fault-tree name=\"shop\">\n" + gates +
         "</define-fault-tree>\n<model-data>\n" + data + "</model-data>\n</opsa-mef>\n";
}

FaultTree read(const std::string& text, const std::string& top = "") {
  return read_mef_text(text, "shop.xml", {top});
}

std::string why(const std::string& text, const std::string& top = "") {
  try {
    (void)read(text, top);
  } catch (const spec::SpecError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::vector<std::string>> named_sets(const FaultTree& tree, const LowOrders& low,
                                                 unsigned order) {
  std::vector<std::vector<std::string>> sets;
  for (const CutSet& set : low.list(order, 1'000'000)) sets.push_back(test::names(tree, set));
  return sets;
}

TEST(Mef, ReadsGatesEventsAndHouseEventsInAnyOrder) {
  const FaultTree tree = read(document(
      R"(<define-gate name="down"><label>nobody is served</label>
           <or><gate name="no-db"/><basic-event name="lb"/>
    <and><event name="spare"/><event name="web" type="basic-event"/></and></or></define-gate>
    <define-gate name="no-db"><atleast min="2"><basic-event name="db1"/><basic-event name="db2"/>
    <basic-event name="db3"/></atleast></define-gate>
    <define-house-event name="spare"><constant value="true"/></define-house-event>
)",
      R"(<define-basic-event name="db1"><float value="0.01"/></define-basic-event>
    <define-basic-event name="db2"><float value="1e-2"/></define-basic-event>
    <define-basic-event name="db3"/><define-basic-event name="lb"/><define-basic-event name="web"/>
)"));
  EXPECT_EQ(tree.name(), "shop");
  EXPECT_EQ(tree.file(), "shop.xml");
  EXPECT_EQ(tree.name_of(tree.top()), "down");
  EXPECT_EQ(tree.events(), 5U);
  EXPECT_EQ(tree.probability(*tree.find("db2")), 0.01);
  EXPECT_FALSE(tree.probability(*tree.find("db3")));
  EXPECT_EQ(tree.mark_of(*tree.find("no-db")).line, 7);
  const LowOrders low = low_orders(tree, 2);
  EXPECT_EQ(low.count(1), 2U);
  EXPECT_EQ(low.count(2), 3U);
}

TEST(Mef, EveryConnectiveMeansWhatTheFormatSays) {
  const auto probability = [](const std::string& formula) {
    const FaultTree tree =
        read(document("<define-gate name=\"g\">" + formula + "</define-gate>\n",
                      R"(<define-basic-event name="a"><float value="0.5"/></define-basic-event>
           <define-basic-event name="b"><float value="0.25"/></define-basic-event>
           <define-basic-event name="c"><float value="0.125"/></define-basic-event>)"));
    return FullSet(tree).probability();
  };
  const std::string a = R"(<basic-event name="a"/>)";
  const std::string b = R"(<basic-event name="b"/>)";
  const std::string c = R"(<basic-event name="c"/>)";
  EXPECT_DOUBLE_EQ(probability("<or>" + a + b + "</or>"), 0.625);
  EXPECT_DOUBLE_EQ(probability("<and>" + a + b + "</and>"), 0.125);
  EXPECT_DOUBLE_EQ(probability("<xor>" + a + b + "</xor>"), 0.5);
  EXPECT_DOUBLE_EQ(probability("<iff>" + a + b + "</iff>"), 0.5);
  EXPECT_DOUBLE_EQ(probability("<nor>" + a + b + "</nor>"), 0.375);
  EXPECT_DOUBLE_EQ(probability("<nand>" + a + b + "</nand>"), 0.875);
  EXPECT_DOUBLE_EQ(probability("<imply>" + a + b + "</imply>"), 1 - 0.5 * 0.75);
  EXPECT_DOUBLE_EQ(probability("<not>" + a + "</not>"), 0.5);
  EXPECT_DOUBLE_EQ(probability("<and>" + a + "<not>" + b + "</not></and>"), 0.375);
  EXPECT_DOUBLE_EQ(probability("<and>" + a + "<constant value=\"true\"/></and>"), 0.5);
  EXPECT_DOUBLE_EQ(probability(b), 0.25);
  const double two_or_more = 0.5 * 0.25 + 0.5 * 0.125 + 0.25 * 0.125 - 2 * 0.5 * 0.25 * 0.125;
  EXPECT_DOUBLE_EQ(probability("<atleast min=\"2\">" + a + b + c + "</atleast>"), two_or_more);
  EXPECT_DOUBLE_EQ(probability("<cardinality min=\"2\" max=\"2\">" + a + b + c + "</cardinality>"),
                   two_or_more - 0.5 * 0.25 * 0.125);
}

TEST(Mef, ComputesParametersAndArithmetic) {
  const FaultTree tree = read(document(
      R"(<define-gate name="g"><or><basic-event name="a"/><basic-event name="b"/></or></define-gate>
)",
      R"(<define-parameter name="hours"><int value="10"/></define-parameter>
    <define-parameter name="rate"><div><float value="0.02"/>
      <int value="2"/></div></define-parameter>
         <define-basic-event name="a"><exponential><parameter name="rate"/><parameter name="hours"/>
           </exponential></define-basic-event>
         <define-basic-event name="b"><sub><mul><parameter name="hours"/><float value="0.03"/></mul>
           <neg><float value="0.1"/></neg></sub></define-basic-event>)"));
  EXPECT_NEAR(*tree.probability(*tree.find("a")), 1 - std::exp(-0.1), 1e-15);
  EXPECT_NEAR(*tree.probability(*tree.find("b")), 0.4, 1e-15);
}

TEST(Mef, ReadsCommonCausesWithABetaFactor) {
  const FaultTree tree = read(document(
      R"(<define-gate name="g"><and><basic-event name="a"/>
           <basic-event name="b"/></and></define-gate>
         <define-CCF-group name="rack" model="beta-factor">
           <members><basic-event name="a"/><basic-event name="b"/></members>
           <distribution><float value="0.1"/></distribution>
           <factor level="2"><float value="0.2"/></factor></define-CCF-group>
)"));
  ASSERT_EQ(tree.common_causes().size(), 1U);
  EXPECT_NEAR(FullSet(tree).probability(), 1 - (1 - 0.02) * (1 - 0.08 * 0.08), 1e-15);
}

TEST(Mef, WhatItWritesItReadsAsTheSameTree) {
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) {
    nospof::test::TreeShape shape;
    shape.coherent = i % 2 == 0;
    const FaultTree tree = nospof::test::RandomTree(shape, random).make();
    const FaultTree again = read_mef_text(mef_text(tree), "again.xml");
    ASSERT_NEAR(FullSet(again).probability(), FullSet(tree).probability(), 1e-15) << i;
    if (!tree.coherent()) continue;
    const LowOrders before = low_orders(tree, 3);
    const LowOrders after = low_orders(again, 3);
    for (const unsigned order : {1U, 2U, 3U})
      ASSERT_EQ(named_sets(again, after, order), named_sets(tree, before, order)) << i;
  }
}

TEST(Mef, KeepsNamesThatAreNoneInXml) {
  TreeBuilder builder("a & b");
  const auto one = builder.event("db1/process \"<x>\"", {.probability = 0.5});
  builder.top(builder.gate("web is down", Connective::all, {one, builder.event("-x")}));
  const FaultTree again = read_mef_text(mef_text(std::move(builder).build()), "x.xml");
  EXPECT_TRUE(again.find("db1/process \"<x>\""));
  EXPECT_TRUE(again.find("-x"));
  EXPECT_EQ(again.name_of(again.top()), "web is down");
}

TEST(Mef, ErrorsSayWhichLine) {
  EXPECT_THAT(why("<opsa-mef>\n<define-fault-tree>\n</opsa-mef>"),
              HasSubstr("shop.xml:3:1: not XML"));
  EXPECT_THAT(why(""), HasSubstr("not XML"));
  EXPECT_THAT(why("<html/>"),
              HasSubstr("shop.xml:1:1: the document is <html>; expected <opsa-mef>"));
  EXPECT_THAT(why(document("<define-event-tree name=\"x\"/>\n")),
              HasSubstr("shop.xml:4:1: <define-event-tree> is not supported here"));
  EXPECT_THAT(
      why(document("<define-gate name=\"g\"><or>\n<basic-event name=\"db\"/>\n"
                   "<gate name=\"gg\"/></or></define-gate>\n",
                   "<define-basic-event name=\"db1\"/>\n")),
      testing::AllOf(HasSubstr("shop.xml:5:1: nothing is defined with the name 'db'; did you "
                               "mean 'db1'?"),
                     HasSubstr("shop.xml:6:1: nothing is defined with the name 'gg'")));
  EXPECT_THAT(why(document("<define-gate name=\"g\"><gate name=\"e\"/></define-gate>\n",
                           "<define-basic-event name=\"e\"/>\n")),
              HasSubstr("shop.xml:4:23: 'e' is a basic-event, not a gate"));
  EXPECT_THAT(
      why(document("<define-gate name=\"g\"><some><event name=\"e\"/></some></define-gate>\n",
                   "<define-basic-event name=\"e\"><lognormal/></define-basic-event>\n")),
      testing::AllOf(HasSubstr("shop.xml:4:23: <some> is no formula"),
                     HasSubstr("shop.xml:7:30: <lognormal> is no expression")));
  EXPECT_THAT(why(document("<define-gate name=\"g\"><event name=\"e\"/></define-gate>\n",
                           "<define-basic-event name=\"e\"><float value=\"1.5\"/>"
                           "</define-basic-event>\n")),
              HasSubstr("shop.xml:7:1: event 'e' has probability 1.5; expected 0 to 1"));
}

TEST(Mef, ACycleIsAnErrorThatNamesIt) {
  EXPECT_EQ(why(document("<define-gate name=\"a\"><not><gate name=\"b\"/></not></define-gate>\n"
                         "<define-gate name=\"b\"><not><gate name=\"c\"/></not></define-gate>\n"
                         "<define-gate name=\"c\"><not><gate name=\"a\"/></not></define-gate>\n")),
            "shop.xml:4:1: gate 'a' depends on itself: 'a' -> 'b' -> 'c' -> 'a'");
  EXPECT_THAT(
      why(document("<define-gate name=\"g\"><event name=\"e\"/></define-gate>\n",
                   "<define-parameter name=\"p\"><parameter name=\"p\"/></define-parameter>\n"
                   "<define-basic-event name=\"e\"><parameter name=\"p\"/>"
                   "</define-basic-event>\n")),
      HasSubstr("shop.xml:7:28: parameter 'p' depends on itself"));
}

TEST(Mef, WhenSeveralGatesCouldBeTheTopOneHasToBeChosen) {
  const std::string two = document(
      "<define-gate name=\"g\"><event name=\"e\"/></define-gate>\n"
      "<define-gate name=\"h\"><event name=\"e\"/></define-gate>\n",
      "<define-basic-event name=\"e\"/>\n");
  EXPECT_THAT(why(two), HasSubstr("shop.xml:5:1: 2 gates are used by no other one ('g' or 'h')"));
  EXPECT_EQ(read(two, "h").name_of(read(two, "h").top()), "h");
  EXPECT_THAT(why(two, "hh"), HasSubstr("nothing is defined with the name 'hh'"));
}

TEST(Mef, NothingIsFetchedAndNoEntityIsExpanded) {
  const std::string text =
      "<!DOCTYPE opsa-mef [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n" +
      std::string(
          "<opsa-mef><define-fault-tree name=\"t\"><define-gate name=\"g\">"
          "<event name=\"&x;\"/></define-gate></define-fault-tree></opsa-mef>");
  EXPECT_THAT(why(text), HasSubstr("nothing is defined with the name '&x;'"));
}

TEST(Mef, DeeplyNestedFormulasAreRefused) {
  std::string formula;
  for (int i = 0; i < 2'000; ++i) formula += "<not>";
  formula += "<event name=\"e\"/>";
  for (int i = 0; i < 2'000; ++i) formula += "</not>";
  EXPECT_THAT(why(document("<define-gate name=\"g\">" + formula + "</define-gate>\n")),
              HasSubstr("nested too deep"));
}

TEST(Drawing, HasEveryNodeAndEdgeBelowTheTop) {
  TreeBuilder builder("shop");
  builder.event("unused");
  const auto db = builder.at_least(
      "no db", 2, {builder.event("db\"1", {.probability = 0.25}), builder.event("db2")});
  builder.top(builder.gate("down", Connective::any, {db, builder.event("lb")}));
  const FaultTree tree = std::move(builder).build();
  EXPECT_EQ(dot_text(tree),
            "digraph \"shop\" {\n"
            "  node [fontname=\"sans-serif\"];\n"
            "  n5 [shape=box, label=\"down\\nOR\"];\n"
            "  n4 [shape=box, label=\"no db\\n2 of 2\"];\n"
            "  n3 [shape=ellipse, label=\"lb\"];\n"
            "  n2 [shape=ellipse, label=\"db2\"];\n"
            "  n1 [shape=ellipse, label=\"db\\\"1\\n0.25\"];\n"
            "  n5 -> n4;\n  n5 -> n3;\n  n4 -> n1;\n  n4 -> n2;\n}\n");
  EXPECT_EQ(mermaid_text(tree),
            "flowchart TD\n"
            "  n5[\"down<br>OR\"]\n"
            "  n4[\"no db<br>2 of 2\"]\n"
            "  n3(\"lb\")\n"
            "  n2(\"db2\")\n"
            "  n1(\"db#34;1<br>0.25\")\n"
            "  n5 --> n4\n  n5 --> n3\n  n4 --> n1\n  n4 --> n2\n");
}

}  // namespace
}  // namespace nospof::analysis
