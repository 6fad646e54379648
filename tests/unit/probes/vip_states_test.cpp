#include "probes/vip_states.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nospof::probes {
namespace {

const MacAddress first{2, 0, 0, 0, 0, 0x11};
const MacAddress second{2, 0, 0, 0, 0, 0x12};
constexpr const char* first_text = "02:00:00:00:00:11";

/// "what detail since..at", with a '-' before those that are over.
std::vector<std::string> texts(const std::vector<kinds::Finding>& findings) {
  std::vector<std::string> all;
  for (const kinds::Finding& each : findings) {
    EXPECT_EQ(each.subject, "198.18.0.100");
    EXPECT_FALSE(each.violation);
    all.push_back((each.over ? "-" : "") + each.what + " " + each.detail + " " +
                  std::to_string(each.since_ns) + ".." + std::to_string(each.at_ns));
  }
  return all;
}

class VipStates : public testing::Test {
 protected:
  std::vector<std::string> link(const std::set<MacAddress>& owners, Look look) {
    return texts(findings_.seen(state_of_link(owners), look));
  }
  std::vector<std::string> own(const std::set<std::string>& devices, Look look) {
    return texts(findings_.seen(state_of_holder(devices), look));
  }
  StateFindings findings_{"198.18.0.100"};
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(VipStates, TellAHolderFromBeginningToEnd) {
  EXPECT_THAT(own({}, {10, 11}), IsEmpty());
  EXPECT_THAT(own({}, {20, 21}), IsEmpty());
  EXPECT_THAT(own({"eth0"}, {30, 31}), ElementsAre("holds on eth0 20..31"));
  EXPECT_THAT(own({"eth0"}, {40, 41}), IsEmpty());
  EXPECT_THAT(own({"eth0", "lo"}, {50, 51}), IsEmpty()) << "it still has it";
  EXPECT_THAT(own({}, {60, 61}), ElementsAre("-holds on eth0, lo 50..61"));
}

TEST_F(VipStates, WhatIsSoAtFirstBeganAtAnUnknownTime) {
  EXPECT_THAT(own({"eth0"}, {10, 11}), ElementsAre("holds on eth0 0..11"));
}

TEST_F(VipStates, TellOwnersNoneAndTwo) {
  const std::string one = std::string(first_text) + " ";
  EXPECT_THAT(link({first}, {10, 19}), ElementsAre("owner " + one + "0..19"));
  EXPECT_THAT(link({first}, {20, 29}), IsEmpty());
  EXPECT_THAT(link({}, {30, 39}), ElementsAre("-owner " + one + "20..39",
                                              "no-owner nobody answers ARP requests 20..39"));
  EXPECT_THAT(link({second}, {50, 59}), ElementsAre("-no-owner nobody answers ARP requests 30..59",
                                                    "owner 02:00:00:00:00:12 30..59"));
  EXPECT_THAT(link({first, second}, {60, 69}),
              ElementsAre("-owner 02:00:00:00:00:12 50..69",
                          "two-owners 02:00:00:00:00:11, 02:00:00:00:00:12 50..69"));
  EXPECT_THAT(link({first, second}, {70, 79}), IsEmpty());
  EXPECT_THAT(link({first}, {80, 89}),
              ElementsAre("-two-owners 02:00:00:00:00:11, 02:00:00:00:00:12 70..89",
                          "owner " + one + "70..89"));
}

TEST_F(VipStates, AnotherOwnerEndsTheFormer) {
  link({first}, {10, 19});
  EXPECT_THAT(link({second}, {20, 29}),
              ElementsAre("-owner 02:00:00:00:00:11 10..29", "owner 02:00:00:00:00:12 10..29"));
}

}  // namespace
}  // namespace nospof::probes
