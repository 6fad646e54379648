#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec/experiment.hpp"
#include "system/check.hpp"

namespace nospof::spec {
namespace {

using testing::HasSubstr;

TEST(Tolerances, CompareAsWritten) {
  struct Case {
    const char* text;
    double below, at, above;  ///< 1 when it holds for 2.999 s, 3 s and 3.001 s
  };
  for (const Case& item : {Case{"< 3s", 1, 0, 0}, Case{"<= 3s", 1, 1, 0}, Case{"== 3s", 0, 1, 0},
                           Case{">= 3s", 0, 1, 1}, Case{"> 3s", 0, 0, 1}, Case{"<=3s", 1, 1, 0}}) {
    const Tolerance tolerance = parse_tolerance(Figure::longest_outage, item.text);
    EXPECT_EQ(tolerance.text, item.text);
    EXPECT_EQ(tolerance.holds(2.999), item.below > 0) << item.text;
    EXPECT_EQ(tolerance.holds(3), item.at > 0) << item.text;
    EXPECT_EQ(tolerance.holds(3.001), item.above > 0) << item.text;
  }
}

TEST(Tolerances, BetweenIncludesItsBounds) {
  const Tolerance tolerance = parse_tolerance(Figure::p99, "between 1ms and 50ms");
  EXPECT_EQ(tolerance.comparator, Comparator::between);
  EXPECT_TRUE(tolerance.holds(0.001));
  EXPECT_TRUE(tolerance.holds(0.05));
  EXPECT_FALSE(tolerance.holds(0.0009));
  EXPECT_FALSE(tolerance.holds(0.0501));
}

TEST(Tolerances, NeverHoldWithoutAValue) {
  for (const char* text : {"< 3s", "<= 3s", "== 3s", ">= 3s", "> 3s", "between 0s and 3s"}) {
    const Tolerance tolerance = parse_tolerance(Figure::max, text);
    EXPECT_FALSE(tolerance.holds(std::numeric_limits<double>::quiet_NaN())) << text;
  }
}

TEST(Tolerances, AreInTheUnitOfTheirFigure) {
  EXPECT_EQ(parse_tolerance(Figure::availability, ">= 99.9%").low, 0.999);
  EXPECT_EQ(parse_tolerance(Figure::failed, "== 0").low, 0);
  EXPECT_EQ(parse_tolerance(Figure::failed, "<= 14").low, 14);
  EXPECT_EQ(parse_tolerance(Figure::time_to_recover, "<= 1.5s").low, 1.5);
  EXPECT_EQ(parse_tolerance(Figure::p50, "< 20ms").low, 0.02);
}

std::string refusal(Figure figure, const std::string& text) {
  try {
    parse_tolerance(figure, text);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Tolerances, SayWhatIsWrong) {
  EXPECT_THAT(refusal(Figure::longest_outage, ""), HasSubstr("has no comparator"));
  EXPECT_THAT(refusal(Figure::longest_outage, "3s"), HasSubstr("has no comparator"));
  EXPECT_THAT(refusal(Figure::longest_outage, "= 3s"), HasSubstr("has no comparator"));
  EXPECT_THAT(refusal(Figure::longest_outage, "<= 3"), HasSubstr("'3' is no duration"));
  EXPECT_THAT(refusal(Figure::longest_outage, "<= -3s"), HasSubstr("'-3s' is no duration"));
  EXPECT_THAT(refusal(Figure::longest_outage, "<= <= 3s"), HasSubstr("'<= 3s' is no duration"));
  EXPECT_THAT(refusal(Figure::availability, ">= 0.99"), HasSubstr("'0.99' is no percentage"));
  EXPECT_THAT(refusal(Figure::failed, "<= 1%"), HasSubstr("'1%' is no count"));
  EXPECT_THAT(refusal(Figure::failed, "<= 1.5"), HasSubstr("'1.5' is no count"));
  EXPECT_THAT(refusal(Figure::failed, "<= -1"), HasSubstr("'-1' is no count"));
  EXPECT_THAT(refusal(Figure::p90, "between 1s"), HasSubstr("needs two bounds"));
  EXPECT_THAT(refusal(Figure::p90, "between 2s and 1s"), HasSubstr("can never hold"));
}

TEST(Figures, HaveNamesThatAreReadBack) {
  EXPECT_EQ(figure_name(Figure::longest_outage), "longest-outage");
  EXPECT_EQ(figure_name(Figure::time_to_recover), "time-to-recover");
  EXPECT_EQ(figure_names().size(), 11U);
  for (const std::string& name : figure_names()) {
    const auto figure = parse_figure(name);
    ASSERT_TRUE(figure) << name;
    EXPECT_EQ(figure_name(*figure), name);
  }
  EXPECT_EQ(parse_figure("p42"), std::nullopt);
}

TEST(Comparators, HaveTheirText) {
  EXPECT_EQ(comparator_text(Comparator::less), "<");
  EXPECT_EQ(comparator_text(Comparator::less_equal), "<=");
  EXPECT_EQ(comparator_text(Comparator::equal), "==");
  EXPECT_EQ(comparator_text(Comparator::greater_equal), ">=");
  EXPECT_EQ(comparator_text(Comparator::greater), ">");
  EXPECT_EQ(comparator_text(Comparator::between), "between");
}

TEST(Tolerances, OfPlainNumbers) {
  EXPECT_TRUE(parse_number_tolerance("<= 3").holds(3));
  EXPECT_FALSE(parse_number_tolerance("<= 3").holds(3.0001));
  EXPECT_TRUE(parse_number_tolerance("> -0.5").holds(0));
  EXPECT_TRUE(parse_number_tolerance("between 1e3 and 2e3").holds(1500));
  EXPECT_FALSE(parse_number_tolerance("== 0").holds(std::numeric_limits<double>::quiet_NaN()));
  for (const char* text : {"3", "<= 3s", "<= ", "== inf", "== nan", "between 2 and 1", "<= 3 4"})
    EXPECT_THROW(parse_number_tolerance(text), Error) << text;
}

}  // namespace
}  // namespace nospof::spec
