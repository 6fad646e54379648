// Netem in userspace from prepare to heal, and what is left when somebody dies in between.

#include <filesystem>

#include <signal.h>
#include <sys/wait.h>

#include "fault_netem_user_fixture.hpp"

namespace nospof::test {
namespace {

using faults::RandomLoss;
using testing::HasSubstr;
using Direction = NetemScope::Direction;

// Accepts everything as early as rules can, and established connections once more.
constexpr const char* permissive_firewall = R"(
table netdev early {
  chain in { type filter hook ingress device "eth0" priority -500; policy accept; counter accept; }
}
table inet host {
  set known { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
  chain pre { type filter hook prerouting priority -2147483648; policy accept; counter accept; }
  chain out { type filter hook output priority -2147483648; policy accept; counter accept; }
  chain in {
    type filter hook input priority -400; policy accept
    ct state established,related counter accept
    add @known { ip saddr }
    accept
  }
}
)";

class UserspaceNetemLife : public UserspaceNetem {
 protected:
  static NetemSettings delay(Nanoseconds by) {
    NetemSettings settings = roomy();
    settings.delay = by;
    return settings;
  }
  static NetemScope everything(Direction direction = Direction::egress) {
    NetemScope scope;
    scope.direction = direction;
    return scope;
  }
  static void load(const LinkedHost& host, const std::string& rules) {
    host.in([&] { NftContext().run(rules); });
  }
  std::string table() const {
    return std::string(injection_->undo().at(0).at("table").as_string());
  }
  bool has_table() {
    return h1().in([&] { return NftContext().has_table({"inet", table()}); });
  }
  /// The emulator's process, found as an operator would: by its name.
  std::optional<ProcessId> emulator() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string number = entry.path().filename();
      if (number.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto state = read_process(std::stoi(number));
      if (state && state->command == table() && state->state != 'Z') return state->id;
    }
    return std::nullopt;
  }
  static std::string eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + arrival;
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= end) return "not within 10 s";
      std::this_thread::sleep_for(5ms);
    }
    return {};
  }
};

TEST_F(UserspaceNetemLife, PrepareChangesNothingAndTheRecordIsComplete) {
  load(h1(), permissive_firewall);
  const std::string before = ruleset(h1());
  injection_ = prepare(delay(50ms), everything(), h1());
  const auto records = injection_->undo();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("op"), "packet-emulator");
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_FALSE(emulator());
  EXPECT_EQ(h1().in([&] { return injection_->confirm(); }).outcome, Outcome::not_yet);
  h1().in([&] { injection_->inject(); });
  EXPECT_EQ(injection_->undo(), records);
  EXPECT_TRUE(has_table());
  EXPECT_TRUE(emulator());
  heal();
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(UserspaceNetemLife, BitesAndHealsOnAHostThatAcceptsEverythingEarly) {
  load(h1(), permissive_firewall);
  const auto connection = establish(h2(), h1());
  const std::string before = ruleset(h1());
  NetemSettings lossy;
  lossy.loss = RandomLoss{1, 0};
  inject(lossy, everything(Direction::both));
  EXPECT_FALSE(connection.flows_to_server(silence)) << "established, and cut none the less";
  EXPECT_FALSE(connection.flows_to_client(silence));
  heal();
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_TRUE(is_readable(connection.server.get(), arrival));
  EXPECT_TRUE(is_readable(connection.client.get(), arrival));
}

// Whether all of a few megabytes come out as they went in.
bool carries_much(int from, int to) {
  constexpr std::size_t size = 1 << 20;
  const std::string sent = netem_payload(7, size);
  std::thread sender([&] {
    for (std::size_t at = 0; at < size;) {
      const ssize_t n = ::send(from, sent.data() + at, size - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  });
  std::string got;
  std::vector<char> block(1 << 16);
  while (got.size() < size && is_readable(to, arrival)) {
    const ssize_t n = ::recv(to, block.data(), block.size(), 0);
    if (n <= 0) break;
    got.append(block.data(), static_cast<std::size_t>(n));
  }
  if (got.size() < size) ::shutdown(from, SHUT_RDWR);
  sender.join();
  return got == sent;
}

void make_blocking(const UniqueFd& fd) {
  check("fcntl", ::fcntl(fd.get(), F_SETFL, 0));
}

// Segments of the host's own connections are held as copies: a firewall that knows connections lets
// the originals pass, and does not get to see the copies.
TEST_F(UserspaceNetemLife, ConnectionsLiveBehindAStatefulFirewall) {
  load(h1(), R"(
table inet host {
  chain in {
    type filter hook input priority 0; policy drop;
    ct state invalid counter drop
    ct state established,related accept
    tcp dport 7000-7001 ct state new accept
  }
  chain out {
    type filter hook output priority 0; policy drop;
    ct state established,related accept
    tcp dport 7000-7001 ct state new accept
  }
  chain post { type nat hook postrouting priority 100; policy accept; oifname "eth0" masquerade; }
}
)");
  const std::string before = ruleset(h1());
  const auto old = establish(h2(), h1());
  for (const auto direction : {Direction::egress, Direction::both}) {
    inject(delay(20ms), everything(direction));
    const auto in = establish(h2(), h1());
    const auto out = establish(h1(), h3());
    for (const auto* connection : {&old, &in, &out}) {
      make_blocking(connection->client);
      make_blocking(connection->server);
      EXPECT_TRUE(carries_much(connection->server.get(), connection->client.get()));
      EXPECT_TRUE(carries_much(connection->client.get(), connection->server.get()));
    }
    heal();
    for (const auto* connection : {&old, &in, &out}) {
      EXPECT_TRUE(carries_much(connection->server.get(), connection->client.get()));
      EXPECT_TRUE(carries_much(connection->client.get(), connection->server.get()));
    }
  }
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(UserspaceNetemLife, OtherPeersPortsAndProtocolsAreUntouched) {
  NetemSettings lossy;
  lossy.loss = RandomLoss{1, 0};
  NetemScope scope = everything(Direction::both);
  scope.peers = {h2().address()};
  inject(lossy, scope);
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h2(), h1()));
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
  EXPECT_TRUE(eventually_reaches(h3(), h1()));
  heal();
  scope.peers.clear();
  scope.protocol = NetemScope::Protocol::tcp;
  scope.ports = {port};
  inject(lossy, scope);
  EXPECT_FALSE(reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h3(), h1()));
  EXPECT_TRUE(datagram_arrives(h1(), h2())) << "UDP to the same port";
  const UniqueFd other = h2().listen(port + 5);
  EXPECT_TRUE(dial_until_open(h1(), h2().address(), port + 5));
}

TEST_F(UserspaceNetemLife, TwiceIsRefusedAndHealingTwiceDoesNothing) {
  inject(delay(50ms));
  EXPECT_THROW(h1().in([&] { injection_->inject(); }), Error);
  EXPECT_TRUE(has_table()) << "the first one stays in force";
  heal(*injection_, h1());
  heal(*injection_, h1());
  EXPECT_TRUE(passes_untouched(send_numbered({.packets = 100})));
}

TEST_F(UserspaceNetemLife, HealingLosesNothingThatIsHeld) {
  inject(delay(60s));
  const sockaddr_in to = endpoint(h2().address(), traffic_port);
  constexpr int held = 1000;
  for (int i = 0; i < held; ++i)
    ASSERT_EQ(::sendto(sender_.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
              1);
  EXPECT_FALSE(is_readable(receiver_.get(), silence));
  heal();
  int came = 0;
  std::array<char, 16> buffer{};
  while (is_readable(receiver_.get(), came < held ? arrival : silence) &&
         ::recv(receiver_.get(), buffer.data(), buffer.size(), 0) == 1)
    ++came;
  EXPECT_EQ(came, held);
}

TEST_F(UserspaceNetemLife, TwoAtOnceHealInAnyOrder) {
  NetemSettings lossy;
  lossy.loss = RandomLoss{1, 0};
  const std::string before = ruleset(h1());
  NetemScope to_h2 = everything();
  to_h2.peers = {h2().address()};
  NetemScope to_h3 = everything();
  to_h3.peers = {h3().address()};
  inject(lossy, to_h2);
  const auto second = prepare(lossy, to_h3, h1());
  h1().in([&] { second->inject(); });
  heal();
  EXPECT_TRUE(eventually_reaches(h1(), h2()));
  EXPECT_FALSE(reaches(h1(), h3()));
  heal(*second, h1());
  EXPECT_TRUE(eventually_reaches(h1(), h3()));
  EXPECT_EQ(ruleset(h1()), before);
}

TEST_F(UserspaceNetemLife, AKilledEmulatorLetsPacketsPass) {
  NetemSettings lossy;
  lossy.loss = RandomLoss{1, 0};
  const std::string before = ruleset(h1());
  inject(lossy);
  EXPECT_TRUE(send_numbered({.packets = 10}).arrivals().empty());
  const auto process = emulator();
  ASSERT_TRUE(process);
  ASSERT_TRUE(send_signal(*process, SIGKILL));
  EXPECT_EQ(eventually([&] { return !has_table(); }), "");
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_TRUE(passes_untouched(send_numbered({.packets = 100})));
  const auto answer = h1().in([&] { return injection_->confirm(); });
  EXPECT_EQ(answer.outcome, Outcome::unable);
  EXPECT_THAT(answer.evidence, HasSubstr("has ended"));
}

TEST_F(UserspaceNetemLife, TheEmulatorGoesWithItsOwner) {
  const std::string before = ruleset(h1());
  Pipe ready = make_pipe();
  Child owner =
      fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
        check("setns", ::setns(h1().namespace_fd(), CLONE_NEWNET));
        kinds::HostEnv env{.host = "h1"};
        const auto injection = faults::prepare_userspace_netem(delay(60s), only_traffic(), env);
        injection->inject();
        write_all(ready.write_end.get(), "y", "pipe");
        ::pause();
        return 1;
      });
  ASSERT_TRUE(is_readable(ready.read_end.get(), arrival));
  EXPECT_NE(ruleset(h1()), before);
  const sockaddr_in to = endpoint(h2().address(), traffic_port);
  ASSERT_EQ(::sendto(sender_.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            1);
  EXPECT_FALSE(is_readable(receiver_.get(), silence));
  owner.signal(SIGKILL);
  ASSERT_TRUE(owner.wait(arrival));
  EXPECT_TRUE(is_readable(receiver_.get(), arrival)) << "what was held is let go";
  EXPECT_EQ(eventually([&] { return ruleset(h1()) == before; }), "");
}

TEST_F(UserspaceNetemLife, TheRecordEndsAnEmulatorThatHangs) {
  const std::string before = ruleset(h1());
  inject(delay(50ms));
  const auto process = emulator();
  ASSERT_TRUE(process);
  ASSERT_TRUE(send_signal(*process, SIGSTOP));
  // As the understudy: another process with nothing but the record, in the same network.
  Child understudy = fork_process({}, [&, record = injection_->undo().at(0)] {
    check("setns", ::setns(h1().namespace_fd(), CLONE_NEWNET));
    kinds::HostEnv env{.host = "h1"};
    const auto first = agent::execute_undo(record, env);
    const auto again = agent::execute_undo(record, env);
    return first.done && first.changed && again.done && !again.changed ? 0 : 1;
  });
  ASSERT_EQ(understudy.wait(arrival), 0);
  EXPECT_EQ(ruleset(h1()), before);
  EXPECT_TRUE(passes_untouched(send_numbered({.packets = 100})));
}

TEST_F(UserspaceNetemLife, ConfirmedByItsOwnPacketsWhereNobodySendsAny) {
  NetemScope scope = everything(Direction::both);
  scope.neighbours = {h2().address(), h3().address()};
  inject(delay(30ms), scope);
  auto answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  EXPECT_THAT(answer.evidence, HasSubstr("back-end userspace"));
  EXPECT_THAT(answer.evidence, HasSubstr("held for 3"));
  heal();
  scope.protocol = NetemScope::Protocol::tcp;
  scope.ports = {port};
  inject(delay(30ms), scope);
  answer = confirm();
  EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  heal();
  // Nobody asks an application by UDP.
  inject(delay(30ms), only_traffic());
  answer = h1().in([&] { return injection_->confirm(); });
  EXPECT_EQ(answer.outcome, Outcome::not_yet) << answer.evidence;
}

TEST_F(UserspaceNetemLife, HealedIsNotConfirmedWhileTheHostsRulesDiffer) {
  inject(delay(10ms));
  injection_->release();
  load(h1(), "table inet more { }");
  const auto answer = h1().in([&] { return injection_->confirm_healed(); });
  EXPECT_EQ(answer.outcome, Outcome::not_yet);
  EXPECT_THAT(answer.evidence, HasSubstr("not as before"));
  load(h1(), "delete table inet more");
}

TEST_F(UserspaceNetemLife, WhatItCanNotDoIsRefusedByName) {
  const auto refusal = [&](const NetemSettings& settings, const NetemScope& scope) {
    try {
      prepare(settings, scope, h1());
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  NetemSettings twice;
  twice.duplicate = 0.1;
  EXPECT_THAT(refusal(twice, everything(Direction::ingress)), HasSubstr("duplicates of incoming"));
  EXPECT_EQ(refusal(twice, everything()), "");
  NetemSettings wide = delay(5s);
  wide.jitter = 3s;
  EXPECT_THAT(refusal(wide, everything()), HasSubstr("jitter"));
  NetemScope strange = everything();
  strange.peers = {"db1"};
  EXPECT_THAT(refusal(delay(1ms), strange), HasSubstr("'db1' is no IPv4 address"));
  strange.peers.clear();
  strange.protocol = NetemScope::Protocol::icmp;
  strange.ports = {80};
  EXPECT_THAT(refusal(delay(1ms), strange), HasSubstr("no ports"));
}

}  // namespace
}  // namespace nospof::test
