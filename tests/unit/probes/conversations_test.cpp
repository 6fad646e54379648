#include "probes/conversations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/probes/packet_bytes.hpp"

namespace nospof::probes {
namespace {

using namespace test;
using namespace std::chrono_literals;

Packet packet(const std::string& bytes) {
  return packet_in_network_layer(bytes, bytes[0] == '\x60' ? 0x86dd : 0x0800).value();
}
Packet segment(unsigned from, unsigned to, unsigned flags = ack) {
  return packet(ipv4(tcp("", {.from = from, .to = to, .flags = flags})));
}
Packet answer(unsigned from, unsigned to, unsigned flags = ack) {
  return packet(ipv4(tcp("", {.from = from, .to = to, .flags = flags}),
                     {.from = "198.18.0.31", .to = "198.18.0.21"}));
}
std::string subject(Servers& servers, const Packet& each) {
  return text_of(servers.conversation(each.flow));
}

TEST(Servers, HaveTheLowerPort) {
  Servers servers(8);
  EXPECT_EQ(subject(servers, segment(43512, 8443)), "198.18.0.21 -> 198.18.0.31:8443/tcp");
  EXPECT_EQ(subject(servers, segment(51000, 8443)), "198.18.0.21 -> 198.18.0.31:8443/tcp");
  EXPECT_EQ(subject(servers, answer(8443, 43512)), "198.18.0.21 -> 198.18.0.31:8443/tcp")
      << "both directions are one";
  EXPECT_EQ(subject(servers, packet(ipv6(udp("", 40000, 53), 17))),
            "2001:db8::21 -> [2001:db8::31]:53/udp");
}

TEST(Servers, AreThoseThatAcceptConnections) {
  Servers servers(8);
  servers.learn(segment(40000, 50000, syn));
  EXPECT_EQ(subject(servers, segment(40000, 50000)), "198.18.0.31 -> 198.18.0.21:40000/tcp")
      << "to be asked is not to accept";
  servers.learn(answer(50000, 40000, syn | ack));
  EXPECT_EQ(subject(servers, segment(40000, 50000)), "198.18.0.21 -> 198.18.0.31:50000/tcp");
  EXPECT_EQ(subject(servers, answer(50000, 33333)), "198.18.0.21 -> 198.18.0.31:50000/tcp");
}

TEST(Servers, WithEqualPortsAreTheSameForBothDirections) {
  Servers servers(8);
  EXPECT_EQ(subject(servers, segment(4567, 4567)), "198.18.0.21 -> 198.18.0.31:4567/tcp");
  EXPECT_EQ(subject(servers, answer(4567, 4567)), "198.18.0.21 -> 198.18.0.31:4567/tcp");
  const Packet piece = packet(ipv4("rest", {.protocol = 17, .cut = 3}));
  EXPECT_EQ(subject(servers, piece), "198.18.0.21 -> 198.18.0.31/udp");
}

Conversation conversation(unsigned port) {
  Servers servers(8);
  return servers.conversation(segment(60000, port).flow);
}
std::int64_t at(std::chrono::milliseconds time) {
  return Nanoseconds(time).count();
}

TEST(Sightings, AreToldOnceAndOnceMoreWhenTheyAreOver) {
  Sightings sightings(5s, 10);
  EXPECT_TRUE(sightings.saw(conversation(80), at(1s)));
  const kinds::Finding first = sightings.finding(conversation(80), at(1s), at(900ms), "here");
  EXPECT_EQ(first.what, "plaintext");
  EXPECT_EQ(first.subject, "198.18.0.21 -> 198.18.0.31:80/tcp");
  EXPECT_EQ(first.at_ns, at(1s));
  EXPECT_EQ(first.since_ns, at(900ms));
  EXPECT_EQ(first.detail, "here");
  EXPECT_TRUE(first.violation);
  EXPECT_FALSE(first.over);
  EXPECT_FALSE(sightings.saw(conversation(80), at(2s)));
  EXPECT_FALSE(sightings.saw(conversation(80), at(1500ms))) << "an older one, read later";
  EXPECT_TRUE(sightings.saw(conversation(81), at(3s)));
  EXPECT_TRUE(sightings.take_over(at(6999ms)).empty());
  const auto over = sightings.take_over(at(7s));
  ASSERT_EQ(over.size(), 1U);
  EXPECT_TRUE(over[0].over);
  EXPECT_TRUE(over[0].violation);
  EXPECT_EQ(over[0].subject, first.subject);
  EXPECT_EQ(over[0].since_ns, at(2s)) << "the last one";
  EXPECT_EQ(over[0].at_ns, at(7s));
  EXPECT_EQ(over[0].detail, "seen in 3 packets");
  EXPECT_TRUE(sightings.take_over(at(7s)).empty());
  EXPECT_TRUE(sightings.saw(conversation(80), at(7500ms))) << "begins anew";
}

TEST(Sightings, BeyondTheLimitAreOneFinding) {
  Sightings sightings(5s, 2);
  EXPECT_TRUE(sightings.saw(conversation(80), at(1s)));
  EXPECT_TRUE(sightings.saw(conversation(81), at(1s)));
  EXPECT_TRUE(sightings.saw(conversation(82), at(1s)));
  EXPECT_EQ(sightings.finding(conversation(82), 0, 0, "").subject, "other conversations");
  EXPECT_FALSE(sightings.saw(conversation(83), at(1s)));
  EXPECT_FALSE(sightings.saw(conversation(80), at(1s))) << "it has its own place";
  EXPECT_EQ(sightings.take_over(at(6s)).size(), 3U);
}

}  // namespace
}  // namespace nospof::probes
