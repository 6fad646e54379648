#include "agent/lines.hpp"

#include <gtest/gtest.h>

namespace nospof::agent {
namespace {

std::vector<std::string> all(LineSplitter& lines) {
  std::vector<std::string> result;
  while (const auto line = lines.next())
    result.push_back(line->too_long ? "<too long>" : line->text);
  return result;
}

using Texts = std::vector<std::string>;

TEST(LineSplitter, CutsLinesThatArriveInPieces) {
  LineSplitter lines(100);
  lines.push("one\ntw");
  EXPECT_EQ(all(lines), Texts({"one"}));
  lines.push("o");
  EXPECT_EQ(all(lines), Texts{});
  lines.push("\n\nthree\n");
  EXPECT_EQ(all(lines), Texts({"two", "", "three"}));
}

TEST(LineSplitter, TakesALineOfExactlyTheLimit) {
  LineSplitter lines(3);
  lines.push("abc\nabcd\nx\n");
  EXPECT_EQ(all(lines), Texts({"abc", "<too long>", "x"}));
}

TEST(LineSplitter, TellsOfAnEndlessLineOnceAndGoesOnAfterIt) {
  LineSplitter lines(10);
  lines.push(std::string(11, 'a'));
  EXPECT_EQ(all(lines), Texts({"<too long>"}));
  for (int i = 0; i < 1000; ++i) {
    lines.push(std::string(1000, 'a'));
    EXPECT_EQ(all(lines), Texts{});
  }
  lines.push("aaa\nnext\n");
  EXPECT_EQ(all(lines), Texts({"next"}));
}

// With time in the square of their number this would take minutes.
TEST(LineSplitter, CutsManyShortLinesAtOnce) {
  LineSplitter lines(100);
  lines.push(std::string(std::size_t{1} << 20U, '\n') + "rest");
  std::size_t count = 0;
  while (lines.next()) ++count;
  EXPECT_EQ(count, std::size_t{1} << 20U);
  lines.push(" of it\n");
  EXPECT_EQ(all(lines), Texts({"rest of it"}));
}

TEST(ValidUtf8, KeepsWhatIsValid) {
  const std::string text = "plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 \n\t";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(ValidUtf8, ReplacesEveryBadByte) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b"),
            "a" + mark + "b");
  EXPECT_EQ(valid_utf8("\xC3"), mark);                                // cut short
  EXPECT_EQ(valid_utf8("\xC0\xAF"), mark + mark);                     // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), mark + mark + mark);          // surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80").size(), 4 * mark.size());  // above U+10FFFF
  EXPECT_EQ(valid_utf8("\x80z"), mark + "z");
}

}  // namespace
}  // namespace nospof::agent
