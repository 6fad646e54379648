#include "probes/placeholders.hpp"

#include <set>

#include <gtest/gtest.h>

namespace nospof::probes {
namespace {

TEST(PlaceholderText, ReplacesEveryPlaceholderAndNothingElse) {
  const RequestNames names{"7-1", "abc"};
  const auto filled = [&](std::string_view text) { return PlaceholderText(text).fill(names); };
  EXPECT_EQ(filled("/canary?id={id}&v={token}"), "/canary?id=7-1&v=abc");
  EXPECT_EQ(filled("{token}{id}{token}"), "abc7-1abc");
  EXPECT_EQ(filled("{token}"), "abc");
  EXPECT_EQ(filled("end {id}"), "end 7-1");
  EXPECT_EQ(filled("{\"ok\":{id"), "{\"ok\":{id");
  EXPECT_EQ(filled("{ID} {{id}}"), "{ID} {7-1}");
  EXPECT_EQ(filled("nothing"), "nothing");
  EXPECT_EQ(filled(""), "");
}

TEST(PlaceholderText, DoesNotReplaceWhatItPutIn) {
  EXPECT_EQ(PlaceholderText("{id}").fill({"{token}", "abc"}), "{token}");
}

TEST(PlaceholderText, IsConstantWithoutPlaceholders) {
  for (const char* text : {"", "GET / {ID} {} {", "x"})
    EXPECT_TRUE(PlaceholderText(text).is_constant()) << text;
  for (const char* text : {"{id}", "{token}", "/?v={token}&x"})
    EXPECT_FALSE(PlaceholderText(text).is_constant()) << text;
}

TEST(RequestNamer, NamesAreUniqueWithinARun) {
  RequestNamer namer(1);
  std::set<std::string> ids;
  std::set<std::string> tokens;
  constexpr std::uint64_t count = 100'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const RequestNames names = namer.name(i);
    ids.insert(names.id);
    tokens.insert(names.token);
    ASSERT_EQ(names.token.size(), 32U);
    ASSERT_EQ(names.id.find_first_not_of("0123456789abcdef-"), std::string::npos);
  }
  EXPECT_EQ(ids.size(), count);
  EXPECT_EQ(tokens.size(), count);
}

TEST(RequestNamer, EveryNameBeginsWithTheMarker) {
  const RequestNames names = RequestNamer(1, "marker-of-a-run").name(7);
  EXPECT_EQ(names.id, "marker-of-a-run-7");
  EXPECT_TRUE(names.token.starts_with("marker-of-a-run"));
}

TEST(RequestNamer, RunsDifferBySeedAndRepeatWithIt) {
  EXPECT_NE(RequestNamer(1).name(0).id, RequestNamer(2).name(0).id);
  EXPECT_NE(RequestNamer(1).name(0).token, RequestNamer(2).name(0).token);
  EXPECT_EQ(RequestNamer(3).name(5).id, RequestNamer(3).name(5).id);
}

}  // namespace
}  // namespace nospof::probes
