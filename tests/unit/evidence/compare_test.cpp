#include "evidence/compare.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::evidence {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> compared(const char* stated, const char* follows,
                                  Comparison comparison = {}) {
  return differences(boost::json::parse(stated), boost::json::parse(follows), comparison);
}

TEST(Compare, FindsNothingWhereNothingDiffers) {
  EXPECT_THAT(compared(R"({"a":[1,{"b":null}],"c":"x"})", R"({"c":"x","a":[1,{"b":null}]})"),
              IsEmpty());
  EXPECT_THAT(compared("0.1", "0.10000000000000001"), IsEmpty());
}

TEST(Compare, TellsThePlaceAndBothValues) {
  EXPECT_THAT(compared(R"({"a":{"b":[1,2]}})", R"({"a":{"b":[1,3]}})"),
              ElementsAre("a.b[1]: 2 is stated, but 3 follows"));
  EXPECT_THAT(
      compared(R"({"a":1})", R"({"b":2})"),
      ElementsAre("a: 1 is stated, but does not follow", "b: is not stated, but 2 follows"));
  EXPECT_THAT(compared("0.1", "0.1001"), SizeIs(1));
  EXPECT_THAT(compared("1", "\"1\""), SizeIs(1));
  EXPECT_THAT(compared("[1]", "[1,2]"), ElementsAre(": 1 entries are stated, but 2 follow"));
}

TEST(Compare, TellsEntriesByTheirId) {
  const char* two = R"({"cells":[{"id":"a","v":1},{"id":"b","v":2}]})";
  EXPECT_THAT(compared(R"({"cells":[{"id":"b","v":2}]})", two),
              ElementsAre(R"(cells[a]: is not stated, but {"id":"a","v":1} follows)"));
  EXPECT_THAT(compared(two, R"({"cells":[{"id":"b","v":2}]})"),
              ElementsAre(R"(cells[a]: {"id":"a","v":1} is stated, but does not follow)"));
  EXPECT_THAT(compared(two, R"({"cells":[{"id":"b","v":2},{"id":"a","v":1}]})"),
              ElementsAre("cells: stands in another order"));
  EXPECT_THAT(compared(R"({"cells":[{"id":"a","v":9},{"id":"b","v":2}]})", two),
              ElementsAre("cells[a].v: 9 is stated, but 1 follows"));
}

TEST(Compare, AnotherVersionMayKnowMoreButNotOtherwise) {
  EXPECT_THAT(compared(R"({"a":1})", R"({"a":1,"b":2})", {.additions = true}), IsEmpty());
  EXPECT_THAT(compared(R"({"a":1,"c":1})", R"({"a":2})", {.additions = true}), SizeIs(2));
  EXPECT_THAT(compared(R"([{"id":"a"}])", R"([{"id":"a"},{"id":"b"}])", {.additions = true}),
              SizeIs(1));
}

TEST(Compare, TellsOnlyTheFirstOfMany) {
  EXPECT_THAT(compared("[1,2,3,4,5]", "[6,7,8,9,0]", {.most = 2}),
              ElementsAre("[0]: 1 is stated, but 6 follows", "[1]: 2 is stated, but 7 follows",
                          "and more"));
}

}  // namespace
}  // namespace nospof::evidence
