#include "probes/packet.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/unit/probes/packet_bytes.hpp"

namespace nospof::probes {
namespace {

using namespace test;

TEST(Packet, IsReadFromTcpOverIpv4) {
  const std::string bytes = frame(ipv4(tcp("hello")));
  const auto packet = packet_in_frame(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(text_of(packet->flow.from), "198.18.0.21:43512");
  EXPECT_EQ(text_of(packet->flow.to), "198.18.0.31:8443");
  EXPECT_EQ(text_of(packet->flow.transport), "tcp");
  EXPECT_EQ(packet->payload, "hello");
  EXPECT_EQ(packet->sequence, 1000U);
  EXPECT_TRUE(packet->ack);
  EXPECT_FALSE(packet->syn);
  EXPECT_FALSE(packet->fragment);
}

TEST(Packet, IsReadFromUdpAndFromIpv6) {
  const std::string datagram = frame(ipv4(udp("log line"), {.protocol = 17}));
  const auto over_four = packet_in_frame(datagram);
  ASSERT_TRUE(over_four);
  EXPECT_EQ(over_four->payload, "log line");
  EXPECT_EQ(text_of(over_four->flow.transport), "udp");
  EXPECT_FALSE(over_four->sequence);

  const std::string six = frame(ipv6(tcp("hello")), 0x86dd);
  const auto over_six = packet_in_frame(six);
  ASSERT_TRUE(over_six);
  EXPECT_EQ(text_of(over_six->flow.from), "[2001:db8::21]:43512");
  EXPECT_EQ(address_text(over_six->flow.to), "2001:db8::31");
  EXPECT_EQ(over_six->payload, "hello");
}

TEST(Packet, EndsWhereIpSaysAndNotWhereTheFrameDoes) {
  const std::string padded = frame(ipv4(tcp("hi")) + std::string(20, 'x'));
  EXPECT_EQ(packet_in_frame(padded)->payload, "hi");
  const std::string six = frame(ipv6(udp("hi"), 17) + std::string(20, 'x'), 0x86dd);
  EXPECT_EQ(packet_in_frame(six)->payload, "hi");
}

TEST(Packet, WithoutALengthReachesToTheEnd) {
  std::string large = ipv4(tcp("not cut yet"));
  large[2] = large[3] = '\0';
  EXPECT_EQ(packet_in_network_layer(large, 0x0800)->payload, "not cut yet");
  std::string six = ipv6(tcp("not cut yet"));
  six[4] = six[5] = '\0';
  EXPECT_EQ(packet_in_network_layer(six, 0x86dd)->payload, "not cut yet");
}

TEST(Packet, IsFoundInsideVlanTags) {
  const std::string tag = number16(0x8100) + number16(7);
  const std::string outer = number16(0x88a8) + number16(9);
  EXPECT_EQ(packet_in_frame(frame(ipv4(tcp("in one")), 0x0800, tag))->payload, "in one");
  EXPECT_EQ(packet_in_frame(frame(ipv4(tcp("in two")), 0x0800, outer + tag))->payload, "in two");
  std::string many;
  for (int i = 0; i < 50; ++i) many += tag;
  EXPECT_FALSE(packet_in_frame(frame(ipv4(tcp("hidden")), 0x0800, many)));
}

TEST(Packet, SynTakesANumber) {
  const std::string bytes = ipv4(tcp("early", {.sequence = 0xffffffff, .flags = syn}));
  const auto packet = packet_in_network_layer(bytes, 0x0800);
  EXPECT_TRUE(packet->syn);
  EXPECT_FALSE(packet->ack);
  EXPECT_EQ(packet->sequence, 0U);
}

TEST(Packet, PiecesOfOneAreToldApart) {
  const std::string whole = udp(std::string(24, 'a'));
  const std::string first = ipv4(whole.substr(0, 16), {.protocol = 17, .id = 9, .cut = 0x2000});
  const std::string second = ipv4(whole.substr(16), {.protocol = 17, .id = 9, .cut = 2});
  const auto head = packet_in_network_layer(first, 0x0800);
  ASSERT_TRUE(head && head->fragment);
  EXPECT_TRUE(head->fragment->first);
  EXPECT_EQ(head->payload, std::string(8, 'a'));
  const auto rest = packet_in_network_layer(second, 0x0800);
  ASSERT_TRUE(rest && rest->fragment);
  EXPECT_FALSE(rest->fragment->first);
  EXPECT_EQ(rest->fragment->id, 9U);
  EXPECT_EQ(rest->flow.to.port, 0);
  EXPECT_EQ(text_of(rest->flow.to), "198.18.0.31");
  EXPECT_EQ(rest->payload, std::string(16, 'a'));
}

TEST(Packet, IsFoundBehindExtensionHeaders) {
  const std::string hop_by_hop = std::string(1, '\x3c') + std::string(1, '\0') + number32(1) + "pp";
  const std::string options = std::string(1, '\x2c') + std::string(1, '\1') + std::string(14, '\0');
  const std::string piece =
      std::string(1, '\x06') + std::string(1, '\0') + number16(1) + number32(77);
  const std::string bytes = ipv6(hop_by_hop + options + piece + tcp("deep"), 0);
  const auto packet = packet_in_network_layer(bytes, 0x86dd);
  ASSERT_TRUE(packet && packet->fragment);
  EXPECT_EQ(packet->payload, "deep");
  EXPECT_TRUE(packet->fragment->first);
  EXPECT_EQ(packet->fragment->id, 77U);

  const std::string later =
      std::string(1, '\x06') + std::string(1, '\0') + number16(8) + number32(77);
  const std::string behind = ipv6(later + "rest", 44);
  const auto rest = packet_in_network_layer(behind, 0x86dd);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->payload, "rest");
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += std::string(8, '\0');
  endless += '\x06' + std::string(7, '\0');
  EXPECT_FALSE(packet_in_network_layer(ipv6(endless + tcp("x"), 0), 0x86dd));
}

TEST(Packet, WhatIsNoTcpOrUdpIsNone) {
  EXPECT_FALSE(packet_in_frame(frame(ipv4(tcp("x"), {.protocol = 1}))));
  EXPECT_FALSE(packet_in_frame(frame(ipv4(tcp("x")), 0x0806)));
  EXPECT_FALSE(packet_in_frame(frame(ipv6(tcp("x")), 0x0800)));
  EXPECT_FALSE(packet_in_frame(frame(ipv4(tcp("x")), 0x86dd)));
}

// Each packet on the heap and of exactly its size: a sanitizer sees every byte read beyond it.
std::optional<Packet> read_exactly(std::string_view bytes, bool as_frame, std::uint16_t type) {
  const std::vector<char> own(bytes.begin(), bytes.end());
  const std::string_view view(own.data(), own.size());
  const auto packet = as_frame ? packet_in_frame(view) : packet_in_network_layer(view, type);
  if (packet && !packet->payload.empty()) {
    EXPECT_GE(packet->payload.data(), own.data());
    EXPECT_LE(packet->payload.data() + packet->payload.size(), own.data() + own.size());
  }
  return packet;
}

TEST(Packet, CutShortAnywhereIsNeverMisread) {
  const std::string tag = number16(0x8100) + number16(7);
  const std::string hop_by_hop = std::string(1, '\x06') + std::string(1, '\0') + number32(1) + "pp";
  for (const std::string& whole :
       {frame(ipv4(tcp("payload"))), frame(ipv4(udp("payload"), {.protocol = 17})),
        frame(ipv6(tcp("payload")), 0x86dd), frame(ipv6(hop_by_hop + tcp("payload"), 0), 0x86dd),
        frame(ipv4(tcp("payload")), 0x0800, tag)}) {
    const std::size_t headers = whole.size() - std::string_view("payload").size();
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto packet = read_exactly(whole.substr(0, size), true, 0);
      EXPECT_EQ(packet.has_value(), size >= headers) << size;
      if (packet) {
        EXPECT_EQ(packet->payload, whole.substr(headers, size - headers));
      }
    }
  }
}

TEST(Packet, SurvivesAnyBytes) {
  std::mt19937 random(20261128);  // NOLINT: the same bytes each time
  std::uniform_int_distribution<int> byte(0, 255);
  const std::string tag = number16(0x8100) + number16(7);
  const std::vector<std::string> seeds = {
      frame(ipv4(tcp("payload"))), frame(ipv4(udp("payload"), {.protocol = 17})),
      frame(ipv6(tcp("payload")), 0x86dd), frame(ipv4(tcp("payload")), 0x0800, tag)};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[static_cast<std::size_t>(round) % seeds.size()];
    for (int change = byte(random) % 8; change >= 0; --change)
      bytes[static_cast<std::size_t>(byte(random)) % bytes.size()] =
          static_cast<char>(byte(random));
    bytes.resize(static_cast<std::size_t>(byte(random)) % (bytes.size() + 1));
    read_exactly(bytes, true, 0);
    std::string noise(static_cast<std::size_t>(byte(random)), '\0');
    for (char& c : noise) c = static_cast<char>(byte(random));
    read_exactly(noise, true, 0);
    if (!noise.empty()) noise[0] = round % 2 == 0 ? '\x45' : '\x60';
    read_exactly(noise, false, round % 2 == 0 ? 0x0800 : 0x86dd);
  }
}

}  // namespace
}  // namespace nospof::probes
