#include "system/ruleset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof {
namespace {

using testing::HasSubstr;

TEST(Ruleset, OwnTablesAreLeftOutOfAListing) {
  const std::string host =
      "table inet nospof_host {\n\tchain in {\n\t\taccept\n\t}\n}\ntable netdev mine {\n}\n";
  const std::string own =
      "table netdev nospof_0000ff00 { # progname nospof\n\tflags owner\n\n\tchain x {\n"
      "\t\tdrop\n\t}\n}\n";
  EXPECT_EQ(without_own_tables(host), host);
  EXPECT_EQ(without_own_tables(own + host), host);
  EXPECT_EQ(without_own_tables(host + own), host);
  EXPECT_EQ(without_own_tables(own + host + own), host);
  EXPECT_EQ(without_own_tables(own), "");
  EXPECT_EQ(without_own_tables(""), "");
  EXPECT_EQ(without_own_tables("no table"), "");
}

TEST(Ruleset, ANameIsOwnOnlyWithEightDigits) {
  EXPECT_TRUE(is_own_table("nospof_01234567"));
  EXPECT_TRUE(is_own_table("nospof_89abcdef"));
  for (const char* other :
       {"nospof_", "nospof_host", "nospof_0123456", "nospof_012345678", "nospof_0123456G", "x"})
    EXPECT_FALSE(is_own_table(other)) << other;
}

TEST(Ruleset, AListingIsTakenApartByTables) {
  const auto tables = split_listing(
      "# Warning: what nft says\ntable ip a { # progname x\n\tflags owner\n\tchain c {\n\t}\n}\n"
      "table inet b {\n\tset s {\n\t\tflags dynamic\n\t}\n}\n");
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[0].table, (NftTable{"ip", "a"}));
  EXPECT_TRUE(tables[0].has_owner);
  EXPECT_EQ(tables[1].table, (NftTable{"inet", "b"}));
  EXPECT_FALSE(tables[1].has_owner);
  EXPECT_THAT(tables[1].text, HasSubstr("flags dynamic\n\t}\n}\n"));
}

TEST(Ruleset, AListingThatIsCutOffIsTakenAsItIs) {
  for (const std::string_view cut : {"table ", "table \n", "table ip", "table ip \n", "\n"}) {
    for (const TableListing& table : split_listing(cut)) EXPECT_EQ(table.table.name, "") << cut;
    without_learned_elements(cut);
  }
}

TEST(Ruleset, LearnedElementsAreLeftOutAndGivenOnesKept) {
  const std::string head = "table inet b {\n";
  const std::string learned =
      "\tset s {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t\ttimeout 1h\n";
  const std::string given =
      "\tset g {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1,\n"
      "\t\t\t     10.0.0.2 }\n\t}\n";
  const std::string rest = "\n\tchain c {\n\t\tip saddr { 10.0.0.1, 10.0.0.2 } drop\n\t}\n}\n";
  const std::string with = head + learned +
                           "\t\telements = { 198.18.0.1,\n\t\t\t     198.18.0.2 }\n\t}\n" + given +
                           rest;
  const std::string without = head + learned + "\t}\n" + given + rest;
  EXPECT_EQ(without_learned_elements(with), without);
  EXPECT_EQ(without_learned_elements(without), without);
}

TEST(Ruleset, ADifferenceIsSaidInASentence) {
  EXPECT_EQ(first_difference("a\nb\n", "a\nc\nb\n"), "new is 'c'");
  EXPECT_EQ(first_difference("a\n\tb\n", "a\n"), "missing is 'b'");
  EXPECT_EQ(first_difference("a\nb\n", "b\na\n"), "their order or number changed");
}

}  // namespace
}  // namespace nospof
