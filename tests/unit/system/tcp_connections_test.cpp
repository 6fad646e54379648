// Messages of sock_diag, read from bytes.

#include "system/tcp_connections.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>

#include "system/own_connections.hpp"
#include "system/raw_netlink.hpp"

namespace nospof {
namespace {

constexpr __u8 established = 1;
constexpr __u8 fin_wait = 4;
constexpr __u8 close_wait = 8;
constexpr __u8 listening = 10;

inet_diag_msg head(int family, __u8 state, const char* local, const char* remote) {
  inet_diag_msg head{};
  head.idiag_family = static_cast<__u8>(family);
  head.idiag_state = state;
  ::inet_pton(family, local, head.id.idiag_src);
  ::inet_pton(family, remote, head.id.idiag_dst);
  head.id.idiag_sport = htons(45'678);
  head.id.idiag_dport = htons(3306);
  head.id.idiag_cookie[0] = 7;
  head.id.idiag_cookie[1] = 1;
  return head;
}

std::string with_bytes(std::string payload, std::uint64_t sent, std::uint64_t received) {
  tcp_info info{};
  info.tcpi_bytes_sent = sent;
  info.tcpi_bytes_received = received;
  info.tcpi_data_segs_out = sent > 0 ? 1 : 0;
  info.tcpi_data_segs_in = received > 0 ? 1 : 0;
  append_attribute(payload, INET_DIAG_INFO, bytes_of(info));
  return payload;
}

TEST(TcpConnections, HaveTheirEndsAndWhatTheyCarried) {
  std::string payload =
      with_bytes(bytes_of(head(AF_INET, established, "198.18.0.31", "198.18.0.41")), 40, 2);
  append_attribute(payload, INET_DIAG_CGROUP_ID, bytes_of(std::uint64_t{99}));
  const auto found = parse_tcp_connection(payload, false);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (TcpConnection{TcpPhase::open, "198.18.0.31", "198.18.0.41", 45'678, 3306,
                                   (std::uint64_t{1} << 32U) + 7, 42, 99}));
}

TEST(TcpConnections, AnIpv4AddressInsideOfAnIpv6OneIsIpv4) {
  const auto mapped = parse_tcp_connection(
      bytes_of(head(AF_INET6, established, "::ffff:198.18.0.31", "::ffff:198.18.0.41")), false);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->local, "198.18.0.31");
  EXPECT_EQ(mapped->remote, "198.18.0.41");
  const auto ipv6 =
      parse_tcp_connection(bytes_of(head(AF_INET6, listening, "::", "2001:db8::1")), false);
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->local, "::");
  EXPECT_EQ(ipv6->remote, "2001:db8::1");
}

TEST(TcpConnections, AreOpenUntilThisEndHasClosedThem) {
  const auto phase = [](__u8 state, bool ended) -> std::optional<TcpPhase> {
    const auto found =
        parse_tcp_connection(bytes_of(head(AF_INET, state, "198.18.0.1", "198.18.0.2")), ended);
    if (!found) return std::nullopt;
    return found->phase;
  };
  EXPECT_EQ(phase(established, false), TcpPhase::open);
  EXPECT_EQ(phase(close_wait, false), TcpPhase::open);
  EXPECT_EQ(phase(listening, false), TcpPhase::listening);
  EXPECT_EQ(phase(fin_wait, false), std::nullopt);
  EXPECT_EQ(phase(fin_wait, true), TcpPhase::ended);
  EXPECT_EQ(phase(listening, true), TcpPhase::ended);
}

TEST(TcpConnections, WhatIsCutOffIsNoneAndNeverReadBeyondItsEnd) {
  const std::string whole =
      with_bytes(bytes_of(head(AF_INET, established, "198.18.0.1", "198.18.0.2")), 5, 0);
  for (std::size_t size = 0; size < sizeof(inet_diag_msg); ++size)
    EXPECT_FALSE(parse_tcp_connection(std::string(whole, 0, size), false)) << size;
  // An attribute that is cut off is none.
  for (std::size_t size = sizeof(inet_diag_msg); size < whole.size(); ++size)
    EXPECT_EQ(parse_tcp_connection(std::string(whole, 0, size), false)->bytes, 0U) << size;
  EXPECT_EQ(parse_tcp_connection(whole, false)->bytes, 5U);
}

TEST(TcpConnections, AKernelThatCountsLessTellsLess) {
  std::string payload = bytes_of(head(AF_INET, established, "198.18.0.1", "198.18.0.2"));
  tcp_info info{};
  info.tcpi_bytes_received = 3;
  info.tcpi_data_segs_in = 1;
  append_attribute(payload, INET_DIAG_INFO,
                   bytes_of(info).substr(0, offsetof(tcp_info, tcpi_bytes_sent)));
  EXPECT_EQ(parse_tcp_connection(payload, false)->bytes, 3U);
}

TEST(TcpConnections, ThatOnlyEndCarriedNothing) {
  std::string payload = bytes_of(head(AF_INET, close_wait, "198.18.0.1", "198.18.0.2"));
  tcp_info info{};
  info.tcpi_bytes_received = 1;  // the FIN
  append_attribute(payload, INET_DIAG_INFO, bytes_of(info));
  EXPECT_EQ(parse_tcp_connection(payload, false)->bytes, 0U);
}

TEST(TcpConnections, OtherFamiliesAndProtocolsAreNone) {
  EXPECT_FALSE(parse_tcp_connection(bytes_of(head(AF_UNIX, established, "", "")), false));
  std::string payload = bytes_of(head(AF_INET, established, "198.18.0.1", "198.18.0.2"));
  append_attribute(payload, INET_DIAG_PROTOCOL, std::string(1, char{IPPROTO_UDP}));
  EXPECT_FALSE(parse_tcp_connection(payload, true));
  std::string garbage(200, '\xff');
  EXPECT_FALSE(parse_tcp_connection(garbage, true));
}

TEST(OwnConnections, AreKnownUntilTheyHaveEnded) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  ASSERT_EQ(::bind(listener.get(), address, sizeof at), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), address, &length), 0);
  const UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(made.get(), address, length), 0);
  sockaddr_in local{};
  ASSERT_EQ(::getsockname(made.get(), reinterpret_cast<sockaddr*>(&local), &length), 0);
  TcpConnection connection{TcpPhase::open,     "127.0.0.1", "127.0.0.1", ntohs(local.sin_port),
                           ntohs(at.sin_port), 1,           0,           0};

  follow_own_connections();
  EXPECT_FALSE(take_own_connection(connection));
  note_own_connection(made.get(), address, length);
  EXPECT_TRUE(take_own_connection(connection));
  EXPECT_TRUE(take_own_connection(connection));
  TcpConnection other = connection;
  other.remote_port += 1;
  EXPECT_FALSE(take_own_connection(other));
  connection.phase = TcpPhase::ended;
  EXPECT_TRUE(take_own_connection(connection));
  EXPECT_FALSE(take_own_connection(connection));
}

}  // namespace
}  // namespace nospof
