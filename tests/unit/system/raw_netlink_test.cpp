#include "system/raw_netlink.hpp"

#include <gtest/gtest.h>
#include <linux/netlink.h>

#include "system/check.hpp"
#include "system/hex.hpp"
#include "system/in_place_file.hpp"

namespace nospof {
namespace {

struct Head {
  std::uint32_t number = 0;
};

TEST(RawNetlink, AttributesAreFoundAndLeftOut) {
  std::string payload = bytes_of(Head{7});
  append_attribute(payload, 1, "abc");
  append_attribute(payload, 2, "");
  append_attribute(payload, 3, "12345678");
  EXPECT_EQ(payload.size() % 4, 0U);
  EXPECT_EQ(header_of<Head>(payload)->number, 7U);
  EXPECT_EQ(attribute(payload, sizeof(Head), 1), "abc");
  EXPECT_EQ(attribute(payload, sizeof(Head), 2), "");
  EXPECT_EQ(attribute(payload, sizeof(Head), 3), "12345678");
  EXPECT_EQ(attribute(payload, sizeof(Head), 4), std::nullopt);
  const std::string less = without_attributes(payload, sizeof(Head), {2, 3});
  EXPECT_EQ(attribute(less, sizeof(Head), 1), "abc");
  EXPECT_EQ(attribute(less, sizeof(Head), 3), std::nullopt);
}

TEST(RawNetlink, WhatIsCutOffEndsTheList) {
  std::string payload = bytes_of(Head{7});
  append_attribute(payload, 1, "abcdefgh");
  for (std::size_t size = 0; size + 1 < payload.size(); ++size)
    EXPECT_EQ(attribute(payload.substr(0, size), sizeof(Head), 1), std::nullopt) << size;
}

// The kernel answers with its errno also where the request is larger than the room for an answer.
TEST(RawNetlink, ARefusalOfALargeRequestIsHeard) {
  RawNetlink socket(NETLINK_ROUTE);
  constexpr std::uint16_t no_such_type = 0x7fff;
  EXPECT_EQ(
      socket.execute("ask for nothing", {no_such_type, std::string(64 * 1024, '\0')}, 0, nullptr),
      EOPNOTSUPP);
}

TEST(Hex, ThereAndBack) {
  const std::string bytes("\0\x7f\xff z", 5);
  EXPECT_EQ(hex_of(bytes), "007fff207a");
  EXPECT_EQ(bytes_of_hex(hex_of(bytes)), bytes);
  EXPECT_THROW(bytes_of_hex("0"), Error);
  EXPECT_THROW(bytes_of_hex("0g"), Error);
}

TEST(InPlaceFile, WhatIsHalfWrittenIsKnown) {
  const std::string from = "the old and longer content";
  const std::string to = "the new content";
  for (std::size_t cut = 0; cut <= to.size(); ++cut) {
    EXPECT_TRUE(is_half_written(to.substr(0, cut) + from.substr(cut), from, to)) << cut;
    EXPECT_TRUE(is_half_written(from.substr(0, cut) + to.substr(cut), to, from)) << cut;
  }
  EXPECT_TRUE(is_half_written(from, to, from));
  EXPECT_FALSE(is_half_written("something else", from, to));
  EXPECT_FALSE(is_half_written(to + "!", from, to));
}

}  // namespace
}  // namespace nospof
