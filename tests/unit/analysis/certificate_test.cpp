#include "analysis/certificate.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/low_orders.hpp"
#include "system/check.hpp"
#include "tests/support/random_tree.hpp"
#include "tests/unit/analysis/support.hpp"

namespace nospof::analysis {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One single point of failure, a pair of databases, two of three web servers.
FaultTree shop() {
  TreeBuilder builder("shop");
  const auto lb = builder.event("lb");
  const auto db =
      builder.gate("no database", Connective::all, {builder.event("db1"), builder.event("db2")});
  const auto web = builder.at_least(
      "too few", 2, {builder.event("web1"), builder.event("web2"), builder.event("web3")});
  builder.top(builder.gate("down", Connective::any, {lb, db, web}));
  return std::move(builder).build();
}

TEST(Certificate, SaysOfEveryEventWhetherItIsASinglePointOfFailure) {
  const FaultTree tree = shop();
  const Certificate certificate = certify(tree);
  EXPECT_THAT(certificate.single_points, ElementsAre("lb"));
  EXPECT_THAT(verify(tree, certificate), IsEmpty());
  for (const PathSet& set : certificate.path_sets) {
    ASSERT_TRUE(set.works);
    EXPECT_THAT(*set.works, Contains("lb"));
    EXPECT_EQ(set.works->size(), 4U) << "a minimal path set: lb, a database, two web servers";
  }
}

TEST(Certificate, OfALargeTreeNamesOnlyWhatEachPathSetAvoids) {
  const FaultTree tree = test::tiers(3, 400, 2);
  const Certificate certificate = certify(tree, {.names = 5'000});
  EXPECT_TRUE(certificate.path_sets.front().works);
  EXPECT_FALSE(certificate.path_sets.back().works);
  EXPECT_THAT(verify(tree, certificate), IsEmpty());
  std::size_t avoided = 0;
  for (const PathSet& set : certificate.path_sets) avoided += set.avoids.size();
  EXPECT_EQ(avoided, tree.events());
}

TEST(Certificate, AnAlteredOneIsRejected) {
  const FaultTree tree = shop();
  const Certificate right = certify(tree);
  ASSERT_GE(right.path_sets.size(), 2U);

  Certificate altered = right;
  altered.path_sets[0].works->pop_back();
  EXPECT_THAT(verify(tree, altered), Contains(HasSubstr("path_sets[0]: the top event occurs")));

  altered = right;
  altered.path_sets[0].works->push_back(altered.path_sets[0].avoids[0]);
  EXPECT_THAT(verify(tree, altered), Contains(HasSubstr("is in the set that avoids it")));

  altered = right;
  altered.path_sets[0].works.reset();
  altered.path_sets[0].avoids.push_back("lb");
  EXPECT_THAT(verify(tree, altered), Contains(HasSubstr("path_sets[0]: the top event occurs")));

  altered = right;
  const std::string forgotten = altered.path_sets.back().avoids.front();
  altered.path_sets.pop_back();
  EXPECT_THAT(verify(tree, altered), Contains("no path set avoids '" + forgotten + "'"));

  altered = right;
  altered.single_points.push_back("db1");
  EXPECT_THAT(verify(tree, altered),
              ElementsAre("single_points: when 'db1' fails, the top event does not occur"));

  altered = right;
  altered.path_sets[1].avoids.push_back("db9");
  EXPECT_THAT(verify(tree, altered),
              ElementsAre("path_sets[1].avoids: the tree has no event 'db9'"));
}

TEST(Certificate, OfAnotherTreeIsRejected) {
  const Certificate certificate = certify(test::k_of_n(2, 4, 0.1));
  EXPECT_THAT(verify(test::k_of_n(2, 4, 0.1), certificate), IsEmpty());
  EXPECT_THAT(verify(test::k_of_n(1, 4, 0.1), certificate), testing::Not(IsEmpty()));
  EXPECT_THAT(verify(test::k_of_n(2, 5, 0.1), certificate), Contains("no path set avoids 'e4'"));
}

TEST(Certificate, HoldsForTreesAtRandomAndAgreesWithTheirCutSets) {
  std::mt19937 random(11);
  int certified = 0;
  for (int i = 0; i < 3'000; ++i) {
    nospof::test::TreeShape shape;
    shape.events = 14;
    const FaultTree tree = nospof::test::RandomTree(shape, random).make();
    const LowOrders low = low_orders(tree, 1);
    if (low.always()) continue;
    const Certificate certificate = certify(tree, {.names = i % 2 == 0 ? 100'000U : 0U});
    ASSERT_THAT(verify(tree, certificate), IsEmpty()) << i;
    ASSERT_EQ(certificate.single_points.size(), low.count(1)) << i;
    ++certified;
  }
  EXPECT_GT(certified, 2'000);
}

TEST(Certificate, IsTheSameAfterItWasWrittenAndRead) {
  const FaultTree tree = shop();
  const std::string text = boost::json::serialize(certificate_json(certify(tree)));
  const Certificate read = parse_certificate(text, "c.json");
  EXPECT_EQ(boost::json::serialize(certificate_json(read)), text);
  EXPECT_THAT(verify(tree, read), IsEmpty());
}

TEST(Certificate, ATextThatIsNoneIsAnErrorThatSaysWhere) {
  const auto why = [](const std::string& text) {
    try {
      (void)parse_certificate(text, "c.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string head = R"({"kind":"nospof-certificate","tree":"t","single_points":[],)";
  EXPECT_THAT(why("{"), HasSubstr("c.json: not a JSON document"));
  EXPECT_THAT(why("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(why(head + R"("schema":2,"path_sets":[]})"), HasSubstr("c.json: schema: expected 1"));
  EXPECT_THAT(why(head + R"("schema":1})"), HasSubstr("the key 'path_sets' is missing"));
  EXPECT_THAT(why(head + R"("schema":1,"path_sets":[{"avoid":[]}]})"),
              HasSubstr("path_sets[0]: unknown key 'avoid'; expected avoids or works; did you mean "
                        "'avoids'?"));
  EXPECT_THAT(why(head + R"("schema":1,"path_sets":[{"avoids":["a",1]}]})"),
              HasSubstr("path_sets[0].avoids[1]: expected a text"));
}

TEST(Certificate, ATreeThatIsAlwaysDownOrNotCoherentHasNone) {
  TreeBuilder down("down");
  down.top(down.gate("top", Connective::any, {down.house("always", true), down.event("a")}));
  EXPECT_THROW((void)certify(std::move(down).build()), Error);
  TreeBuilder odd("odd");
  odd.top(odd.gate("top", Connective::negation, {odd.event("a")}));
  const FaultTree tree = std::move(odd).build();
  EXPECT_THROW((void)certify(tree), Error);
  EXPECT_THAT(verify(tree, Certificate{}), ElementsAre(HasSubstr("not coherent")));
}

}  // namespace
}  // namespace nospof::analysis
