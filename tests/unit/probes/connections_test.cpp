// The connections probe's configuration, and what it makes of a connection.

#include "probes/connections.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/connections_config.hpp"
#include "probes/connections_judge.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using ::testing::IsEmpty;

ConnectionsConfig parsed(const std::string& text) {
  return parse_connections_config(json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

const std::string hosts = R"("hosts":[{"name":"app1","address":"198.18.0.31"},
  {"name":"db1","address":"198.18.0.41"},{"name":"lb1","address":"198.18.0.11"},
  {"name":"www","address":"198.18.0.10"}])";

ConnectionsConfig app1() {
  return parsed(R"({"host":"app1",)" + hosts + R"(,
    "listeners":[{"on":"app1","port":8443},{"on":"db1","port":3306},{"on":"www","port":443}],
    "uses":[{"flow":"app -> db:3306/tcp","to":"db1","port":3306},
            {"flow":"app -> www:443/tcp","to":"www","port":443}]})");
}

TEST(ConnectionsConfig, TakesEveryKeyAndHasDefaults) {
  const ConnectionsConfig config = app1();
  EXPECT_EQ(config.host, "app1");
  EXPECT_EQ(config.every, 1s);
  EXPECT_EQ(config.quiet, 10s);
  EXPECT_EQ(config.names.at("198.18.0.41"), "db1");
  EXPECT_EQ(config.listeners.size(), 3U);
  EXPECT_EQ(config.uses.at({"db1", 3306}), "app -> db:3306/tcp");
  const ConnectionsConfig other =
      parsed(R"({"host":"app1","every_ns":2000000000,"quiet_ns":500000000,)" + hosts + "}");
  EXPECT_EQ(other.every, 2s);
  EXPECT_EQ(other.quiet, 500ms);
  EXPECT_THAT(other.uses, IsEmpty());
}

TEST(ConnectionsConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(message(R"({"host":"app2",)" + hosts + "}"),
            R"(connections probe: host is "app2", expected the name of one of the hosts)");
  EXPECT_EQ(message(R"({"host":"app1","hosts":[{"name":"app1","address":"app1"}]})"),
            R"(connections probe: host 1: address is "app1", expected an IPv4 address such as )"
            "198.18.0.31");
  EXPECT_EQ(message(R"({"host":"a","hosts":[{"name":"a","address":"198.18.0.1"},
                        {"name":"b","address":"198.18.0.1"}]})"),
            "connections probe: host 2: 198.18.0.1 is there twice");
  EXPECT_EQ(message(R"({"host":"app1",)" + hosts + R"(,"uses":[{"flow":"f","to":"x","port":1}]})"),
            R"(connections probe: use 1: to is "x", expected the name of one of the hosts)");
  EXPECT_THAT(message(R"({"host":"app1",)" + hosts + R"(,"listeners":[{"on":"db1","port":0}]})"),
              ::testing::HasSubstr("listener 1: port is 0"));
  EXPECT_THAT(message(R"({"host":"app1",)" + hosts + R"(,"often":1})"),
              ::testing::HasSubstr("often"));
}

TcpConnection connection(const std::string& local, int local_port, const std::string& remote,
                         int remote_port, std::uint64_t bytes = 1, std::uint64_t cookie = 1) {
  return {TcpPhase::open, local, remote, local_port, remote_port, cookie, bytes, 0};
}

TcpConnection listener(const std::string& local, int port) {
  return {TcpPhase::listening, local, "0.0.0.0", port, 0, 2, 0, 0};
}

/// "allowed: app1 -> db1:3306/tcp"; "not ours".
std::string judged(const TcpConnection& connection, const std::vector<TcpConnection>& listens = {},
                   const ConnectionsConfig& config = app1()) {
  Listening listening;
  listening.looked(listens);
  const auto found = judge_connection(config, listening, connection);
  if (!found) return "not ours";
  return (found->flow != nullptr ? "allowed: " : "unknown: ") + found->subject();
}

TEST(ConnectionsJudge, ThisHostTellsOfWhatItConnectsTo) {
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "198.18.0.41", 3306)),
            "allowed: app1 -> db1:3306/tcp");
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "198.18.0.10", 443)),
            "allowed: app1 -> www:443/tcp");
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "198.18.0.41", 22)),
            "unknown: app1 -> db1:22/tcp");
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "198.18.0.11", 443)),
            "unknown: app1 -> lb1:443/tcp")
      << "the flow is to the floating address, not to its owner's own";
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "203.0.113.9", 443)),
            "unknown: app1 -> 203.0.113.9:443/tcp");
  EXPECT_EQ(judged(connection("fe80::1", 45'000, "fe80::2", 443)),
            "unknown: app1 -> fe80::2:443/tcp");
}

TEST(ConnectionsJudge, WhoListensDidNotConnect) {
  EXPECT_EQ(judged(connection("198.18.0.31", 8443, "198.18.0.11", 40'000)), "not ours")
      << "a service of the topology";
  EXPECT_EQ(judged(connection("198.18.0.31", 50'022, "198.18.0.11", 40'000),
                   {listener("0.0.0.0", 50'022)}),
            "not ours")
      << "its own listening socket";
  EXPECT_EQ(judged(connection("198.18.0.31", 50'022, "198.18.0.11", 60'000),
                   {listener("198.18.0.99", 50'022)}),
            "not ours")
      << "the lower port, when nobody is known to listen";
  EXPECT_EQ(judged(connection("198.18.0.31", 50'022, "198.18.0.11", 40'000),
                   {listener("198.18.0.99", 50'022)}),
            "unknown: app1 -> lb1:40000/tcp");
  EXPECT_EQ(judged(connection("198.18.0.31", 2000, "198.18.0.41", 3306)),
            "allowed: app1 -> db1:3306/tcp")
      << "the other one listens, however low the own port is";
}

TEST(ConnectionsJudge, StrangersAreToldOfByWhomTheyConnectTo) {
  EXPECT_EQ(judged(connection("198.18.0.31", 8443, "203.0.113.9", 40'000)),
            "unknown: 203.0.113.9 -> app1:8443/tcp");
  EXPECT_EQ(judged(connection("198.18.0.31", 22, "203.0.113.9", 40'000), {listener("::", 22)}),
            "unknown: 203.0.113.9 -> app1:22/tcp");
}

TEST(ConnectionsJudge, AHostWithItselfIsNoConnection) {
  EXPECT_EQ(judged(connection("127.0.0.1", 45'000, "127.0.0.1", 9115)), "not ours");
  EXPECT_EQ(judged(connection("::1", 45'000, "::1", 9115)), "not ours");
  EXPECT_EQ(judged(connection("198.18.0.31", 45'000, "198.18.0.31", 8443)), "not ours");
  EXPECT_EQ(judged(connection("198.18.0.10", 45'000, "198.18.0.31", 9999)), "not ours");
  EXPECT_EQ(judged(connection("198.18.0.10", 45'000, "198.18.0.10", 9999)), "not ours")
      << "a floating address that it has";
  TcpConnection never = connection("198.18.0.31", 45'000, "0.0.0.0", 0);
  never.phase = TcpPhase::ended;
  EXPECT_EQ(judged(never), "not ours") << "a listening socket that was closed";
}

TEST(ConnectionsJudge, AListenerIsKnownForAWhileAfterItsEnd) {
  const TcpConnection accepted = connection("198.18.0.31", 50'022, "203.0.113.9", 40'000);
  Listening listening;
  listening.looked({listener("0.0.0.0", 50'022)});
  for (int look = 0; look < Listening::kept; ++look) {
    listening.looked({});
    EXPECT_TRUE(listening.on(accepted)) << look;
  }
  listening.looked({});
  EXPECT_FALSE(listening.on(accepted));
}

TEST(ConnectionsCounter, CountsWhatCarriedDataOnce) {
  Counter counter;
  const std::vector<TcpConnection> one{connection("198.18.0.31", 45'000, "198.18.0.41", 3306)};
  ASSERT_EQ(counter.looked(one).size(), 1U);
  EXPECT_TRUE(counter.looked({connection("198.18.0.31", 1, "198.18.0.41", 2, 5, 9)})[0].is_new);
  TcpConnection ended = one[0];
  ended.phase = TcpPhase::ended;
  EXPECT_FALSE(counter.is_new(ended)) << "an end that is told late";
  ended.cookie = 77;
  EXPECT_TRUE(counter.is_new(ended));
  ended.bytes = 0;
  EXPECT_FALSE(counter.is_new(ended)) << "it may never have been made";
}

TEST(ConnectionsCounter, CountsASilentOneThatLasts) {
  Counter counter;
  const std::vector<TcpConnection> silent{
      connection("198.18.0.31", 45'000, "198.18.0.41", 3306, 0)};
  EXPECT_THAT(counter.looked(silent), IsEmpty());
  const auto second = counter.looked(silent);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_TRUE(second[0].is_new);
  const auto third = counter.looked(silent);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_FALSE(third[0].is_new);
}

}  // namespace
}  // namespace nospof::probes
