#include "probes/marker_scan.hpp"

#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/probes/packet_bytes.hpp"

namespace nospof::probes {
namespace {

using namespace test;

const std::string marker = "c7f3a9d2e51b-";

class MarkerScanTest : public testing::Test {
 protected:
  bool sees(const std::string& network_layer, int interface = 2, std::uint16_t type = 0x0800) {
    const auto packet = packet_in_network_layer(network_layer, type);
    EXPECT_TRUE(packet);
    const auto match = scan_.read(interface, *packet);
    if (match) shown_ = excerpt(*match, marker);
    if (match) flow_ = text_of(match->flow.from) + " " + text_of(match->flow.to);
    return match.has_value();
  }
  bool sees_tcp(std::string_view payload, std::uint32_t sequence, int interface = 2) {
    return sees(ipv4(tcp(payload, {.sequence = sequence})), interface);
  }

  MarkerScan scan_{marker, 16};
  std::string shown_;
  std::string flow_;
};

TEST_F(MarkerScanTest, FindsItAnywhereInOnePacket) {
  EXPECT_TRUE(sees_tcp(marker, 1));
  EXPECT_TRUE(sees_tcp("GET /?v=" + marker + "5xY HTTP/1.1", 1000));
  EXPECT_TRUE(sees(ipv4(udp("<13>" + marker + "5xY"), {.protocol = 17})));
  EXPECT_TRUE(sees(ipv6(tcp("v=" + marker)), 2, 0x86dd));
  EXPECT_FALSE(sees_tcp(marker.substr(1), 5000));
  EXPECT_FALSE(sees_tcp("", 6000));
}

TEST_F(MarkerScanTest, FindsItSplitAtEveryByte) {
  std::uint32_t sequence = 1;
  const std::string text = "v=" + marker + "5xY ";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    const bool early = sees_tcp(text.substr(0, cut), sequence);
    sequence += static_cast<std::uint32_t>(cut);
    const bool late = sees_tcp(text.substr(cut), sequence);
    sequence += static_cast<std::uint32_t>(text.size() - cut);
    EXPECT_TRUE(early != late) << "once, cut at " << cut;
  }
}

TEST_F(MarkerScanTest, FindsItInSingleBytesAndAcrossTheEndOfNumbers) {
  const std::string text = "v=" + marker;
  std::uint32_t sequence = 0xfffffff8;
  int seen = 0;
  for (const char c : text) seen += sees_tcp(std::string(1, c), sequence++) ? 1 : 0;
  EXPECT_EQ(seen, 1);
}

TEST_F(MarkerScanTest, WhatIsSentAgainDoesNoHarm) {
  EXPECT_FALSE(sees_tcp("v=c7f3a9", 100));
  EXPECT_FALSE(sees_tcp("v=c7f3a9", 100)) << "the same";
  EXPECT_FALSE(sees_tcp("c7f3", 102)) << "a part";
  EXPECT_TRUE(sees_tcp("f3a9d2e51b-", 104)) << "the end of it, and more";
  EXPECT_FALSE(sees_tcp("v=c7f3a9", 200));
  EXPECT_FALSE(sees_tcp("v=", 200)) << "the beginning alone";
  EXPECT_TRUE(sees_tcp("d2e51b-", 208)) << "follows what came before that";
}

TEST_F(MarkerScanTest, DoesNotJoinWhatDoesNotFollow) {
  EXPECT_FALSE(sees_tcp("v=c7f3a9", 100));
  EXPECT_FALSE(sees_tcp("d2e51b-", 400)) << "a gap lies between";
  EXPECT_FALSE(sees_tcp("v=c7f3a9", 1000));
  EXPECT_FALSE(sees(ipv4(tcp("d2e51b-", {.to = 8444, .sequence = 1008})))) << "another flow";
  EXPECT_FALSE(sees_tcp("d2e51b-", 1008, 3)) << "another device";
  EXPECT_FALSE(sees(ipv4(tcp("", {.sequence = 1007, .flags = syn}))));
  EXPECT_FALSE(sees_tcp("d2e51b-", 1008)) << "another connection";
}

TEST_F(MarkerScanTest, ReadsTheSamePacketsOnTwoDevices) {
  EXPECT_FALSE(sees_tcp("c7f", 100, 2));
  EXPECT_FALSE(sees_tcp("c7f", 100, 3));
  EXPECT_FALSE(sees_tcp("3a9d2", 103, 2));
  EXPECT_FALSE(sees_tcp("3a9d2", 103, 3));
  EXPECT_TRUE(sees_tcp("e51b-", 108, 2));
  EXPECT_TRUE(sees_tcp("e51b-", 108, 3));
}

TEST_F(MarkerScanTest, FindsItInPiecesOfADatagram) {
  const std::string whole = udp(std::string(10, ' ') + marker);
  EXPECT_FALSE(sees(ipv4(whole.substr(0, 24), {.protocol = 17, .id = 5, .cut = 0x2000})));
  EXPECT_TRUE(sees(ipv4(whole.substr(24), {.protocol = 17, .id = 5, .cut = 3})));
  EXPECT_EQ(flow_, "198.18.0.21:43512 198.18.0.31:514") << "the first piece had the ports";
  EXPECT_TRUE(sees(ipv4("...." + marker, {.protocol = 17, .id = 6, .cut = 3})));
  EXPECT_EQ(flow_, "198.18.0.21 198.18.0.31") << "of one whose first piece was not seen";
}

TEST_F(MarkerScanTest, ForgetsTheFlowThatWasSilentForLongest) {
  EXPECT_FALSE(sees_tcp("c7f3a9", 100));
  for (unsigned port = 1; port <= 15; ++port) sees(ipv4(tcp("x", {.from = port})));
  EXPECT_TRUE(sees_tcp("d2e51b-", 106)) << "16 flows fit";
  EXPECT_FALSE(sees_tcp("c7f3a9", 113));
  sees(ipv4(tcp("x", {.from = 16})));
  EXPECT_TRUE(sees_tcp("d2e51b-", 119)) << "it was used later than others";
  EXPECT_FALSE(sees_tcp("c7f3a9", 200));
  for (unsigned port = 1; port <= 16; ++port) sees(ipv4(tcp("x", {.from = port})));
  EXPECT_FALSE(sees_tcp("d2e51b-", 206));
}

TEST_F(MarkerScanTest, ShowsWhatIsAroundItAndHidesTheToken) {
  EXPECT_TRUE(sees_tcp("GET /canary?id=17&v=" + marker + "5xYz_8-k HTTP/1.1\r\nHost: w", 1));
  EXPECT_EQ(shown_, "*** /canary?id=17&v=c7f3a9d2e51b-*** HTTP/1.1..Host: w");
  EXPECT_TRUE(sees_tcp("secretrest " + marker + "AAA " + marker + "BBB", 2000));
  EXPECT_EQ(shown_, "*** c7f3a9d2e51b-*** c7f3a9d2e51b-***");
  EXPECT_TRUE(sees_tcp(std::string(100, 'S') + "&" + marker + std::string(100, 'S'), 3000));
  EXPECT_THAT(shown_, testing::Not(testing::HasSubstr("S")));
  EXPECT_FALSE(sees_tcp("{\"v\":\"c7f3", 5000));
  EXPECT_TRUE(sees_tcp("a9d2e51b-SECRET\"}", 5010));
  EXPECT_EQ(shown_, "{\"v\":\"c7f3a9d2e51b-***\"}");
}

// Whatever the cuts, a marker in a stream is seen, and one that is not there is not.
TEST_F(MarkerScanTest, SeesWhatASearchOfTheWholeStreamSees) {
  std::mt19937 random(20261128);  // NOLINT: the same streams each time
  const auto below = [&random](std::size_t limit) {
    return static_cast<std::size_t>(random()) % limit;
  };
  for (int round = 0; round < 2000; ++round) {
    std::string stream(below(60), 'c');
    if (round % 2 == 0) stream += marker.substr(0, 1 + below(marker.size()));
    stream += marker.substr(below(3)) + std::string(below(60), '7');
    MarkerScan scan(marker, 4);
    bool seen = false;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t back = std::min(at, below(6));  // sends a few bytes again
      const std::string bytes = ipv4(tcp(stream.substr(at - back, back + 1 + below(8)),
                                         {.sequence = static_cast<std::uint32_t>(at - back)}));
      const auto packet = packet_in_network_layer(bytes, 0x0800);
      seen = scan.read(1, *packet).has_value() || seen;
      at = std::max(at, at - back + packet->payload.size());
    }
    EXPECT_EQ(seen, stream.find(marker) != std::string::npos) << stream;
  }
}

}  // namespace
}  // namespace nospof::probes
