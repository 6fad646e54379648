// Real traffic between hosts on one switch, and what the plaintext-canary probe sees of it.

#include "probes/plaintext_canary.hpp"

#include <csignal>

#include <linux/capability.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/syscall.h>

#include "fault_network_fixture.hpp"
#include "looking_probe.hpp"
#include "tests/kernel/https_server.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string marker = "c7f3a9d2e51b-";
const std::string token = marker + "5xYzSECRET";
const std::string request = "GET /canary?id=17&v=" + token + " HTTP/1.1\r\n";

class PlaintextCanary : public NetworkFault {
 protected:
  /// Each test's servers listen here, and on the next ones: the clients' ports are above.
  static constexpr int server_port = port + 1;

  std::unique_ptr<LookingProbe> watch(int namespace_fd,
                                      boost::json::object config = {{"marker", marker}}) {
    auto probe = std::make_unique<LookingProbe>(namespace_fd, probes::make_plaintext_canary(),
                                                std::move(config));
    probe->wait_for_whole_round();
    return probe;
  }
  std::unique_ptr<LookingProbe> watch(const LinkedHost& host) { return watch(host.namespace_fd()); }

  static void send(int fd, std::string_view bytes) { write_all(fd, bytes, "a connection"); }
  static std::string receive(int fd, std::size_t size) {
    std::string got(size, '\0');
    EXPECT_EQ(::recv(fd, got.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
    return got;
  }
  /// Sends it and waits until it has arrived: then what is sent next is a segment of its own.
  static void pass(int from, int to, std::string_view bytes) {
    send(from, bytes);
    EXPECT_EQ(receive(to, bytes.size()), bytes);
  }
  void datagram(const LinkedHost& from, const std::string& address, int to_port,
                std::string_view bytes) const {
    const UniqueFd sender = from.datagrams(0);
    const sockaddr_in to = endpoint(address, to_port);
    EXPECT_EQ(::sendto(sender.get(), bytes.data(), bytes.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string subject(const LinkedHost& client, const LinkedHost& server, int to_port = server_port,
                      const char* transport = "tcp") const {
    return fmt::format("{} -> {}:{}/{}", client.address(), server.address(), to_port, transport);
  }
  /// Sees the marker in what h1 sends to that UDP port of h2: the probe lives.
  kinds::Finding expect_seen(LookingProbe& probe, int to_port) {
    datagram(h1(), h2().address(), to_port, token);
    const std::string wanted = subject(h1(), h2(), to_port, "udp");
    return probe.wait_for([&](const kinds::Finding& each) { return each.subject == wanted; });
  }
};

TEST_F(PlaintextCanary, SeesARequestInClearTextAndNamesTheServer) {
  const auto probe = watch(h2());
  const auto connection = establish(h1(), h2());
  const std::int64_t before = mono_ns();
  pass(connection.client.get(), connection.server.get(), request);
  const std::int64_t after = mono_ns();
  const kinds::Finding finding = probe->wait_for([](const auto&) { return true; });
  EXPECT_EQ(finding.what, "plaintext");
  EXPECT_EQ(finding.subject, subject(h1(), h2()));
  EXPECT_TRUE(finding.violation);
  EXPECT_FALSE(finding.over);
  // The wall clock may be slewed between the two.
  constexpr std::int64_t slack = 2'000'000;
  EXPECT_LE(finding.since_ns, finding.at_ns);
  EXPECT_GE(finding.at_ns, before - slack);
  EXPECT_LE(finding.since_ns, after + slack);
  EXPECT_THAT(finding.detail, HasSubstr("on eth0"));
  EXPECT_THAT(finding.detail, HasSubstr("id=17"));
  EXPECT_THAT(finding.detail, HasSubstr(marker + "*** HTTP"));
  EXPECT_THAT(finding.detail, Not(HasSubstr("SECRET")));

  // More of the same, on other connections and in the other direction: nothing new.
  for (int i = 0; i < 3; ++i) {
    const auto another = establish(h1(), h2());
    pass(another.client.get(), another.server.get(), request);
    pass(another.server.get(), another.client.get(), request);
  }
  expect_seen(*probe, 9001);
  EXPECT_EQ(probe->findings().size(), 2U);
}

TEST_F(PlaintextCanary, SeesWhatItsOwnHostSendsAndDatagramsAndIpv6) {
  run_on(h1(), {"ip", "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad"});
  run_on(h2(), {"ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad"});
  const auto probe = watch(h1());
  expect_seen(*probe, 9001);
  h1().in([] {
    const UniqueFd sender(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(9002);
    check("inet_pton", ::inet_pton(AF_INET6, "2001:db8::2", &to.sin6_addr) - 1);
    check("sendto", ::sendto(sender.get(), token.data(), token.size(), 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
  });
  probe->wait_for(
      [](const auto& each) { return each.subject == "2001:db8::1 -> [2001:db8::2]:9002/udp"; });
}

TEST_F(PlaintextCanary, SeesAMarkerInSegmentsAndInPieces) {
  const auto probe = watch(h2());
  const auto connection = establish(h1(), h2());
  for (const char* part : {"v=c7f", "3a9d2", "e51b-", "secret"})
    pass(connection.client.get(), connection.server.get(), part);
  const kinds::Finding finding = probe->wait_for([](const auto&) { return true; });
  EXPECT_EQ(finding.subject, subject(h1(), h2()));
  EXPECT_THAT(finding.detail, HasSubstr(marker + "***"));

  // One that IP cuts within the marker, wherever exactly that is: 1472 bytes fit the first piece.
  const std::string large(1472 - 6, '.');
  datagram(h1(), h2().address(), 9001, large + token + large);
  probe->wait_for(
      [&](const auto& each) { return each.subject == subject(h1(), h2(), 9001, "udp"); });
}

TEST_F(PlaintextCanary, SeesWhatASwitchForwardsOnce) {
  const auto probe = watch(switch_.get());
  const auto connection = establish(h1(), h2());
  pass(connection.client.get(), connection.server.get(), request);
  const kinds::Finding finding = probe->wait_for([](const auto&) { return true; });
  EXPECT_EQ(finding.subject, subject(h1(), h2()));
  expect_seen(*probe, 9001);
  EXPECT_EQ(probe->findings().size(), 2U) << "on three devices, and still one";
}

// Both ends of a TLS connection over an open TCP one; sends the text from client to server and
// back.
void talk_over_tls(int client_fd, int server_fd, const Identity& identity,
                   const std::string& text) {
  using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
  using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;
  ::fcntl(client_fd, F_SETFL, 0);
  std::thread server([&] {
    const Context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    SSL_CTX_use_certificate(context.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
    const Session session(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(session.get(), server_fd);
    std::string got(text.size(), '\0');
    EXPECT_EQ(SSL_accept(session.get()), 1);
    EXPECT_EQ(SSL_read(session.get(), got.data(), static_cast<int>(got.size())),
              static_cast<int>(text.size()));
    EXPECT_EQ(got, text);
    SSL_write(session.get(), got.data(), static_cast<int>(got.size()));
  });
  const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  const Session session(SSL_new(context.get()), &SSL_free);
  SSL_set_fd(session.get(), client_fd);
  std::string got(text.size(), '\0');
  EXPECT_EQ(SSL_connect(session.get()), 1);
  SSL_write(session.get(), text.data(), static_cast<int>(text.size()));
  EXPECT_EQ(SSL_read(session.get(), got.data(), static_cast<int>(got.size())),
            static_cast<int>(text.size()));
  server.join();
}

TEST_F(PlaintextCanary, DoesNotSeeTheSameInsideTls) {
  const auto probe = watch(h2());
  const Identity identity = Authority().issue("DNS:www.nospof.test");
  const auto connection = establish(h1(), h2());
  talk_over_tls(connection.client.get(), connection.server.get(), identity, request);
  const auto loopback = h2().listen(server_port + 1);
  const auto local = dial_until_open(h2(), "127.0.0.1", server_port + 1);
  const UniqueFd accepted(::accept4(loopback.get(), nullptr, nullptr, SOCK_CLOEXEC));
  pass(local.get(), accepted.get(), request);
  expect_seen(*probe, 9001);
  EXPECT_EQ(probe->findings().size(), 1U) << "what came after both is seen";
}

TEST_F(PlaintextCanary, GoesOnWhenADeviceFlapsAndSeesNewOnes) {
  const auto probe = watch(h1());
  expect_seen(*probe, 9001);
  for (int round = 0; round < 2; ++round) {
    run_on(h1(), {"ip", "link", "set", "eth0", "down"});
    run_on(h1(), {"ip", "link", "set", "eth0", "up"});
    ASSERT_TRUE(eventually_reaches(h1(), h2()));
    expect_seen(*probe, 9002 + round);
  }
  Netlink switching = Netlink::in(switch_.get());
  switching.add_veth({.name = "late",
                      .master = "br0",
                      .peer_name = "eth1",
                      .peer_mac = "",
                      .peer_namespace_fd = h1().namespace_fd()});
  Netlink own = Netlink::in(h1().namespace_fd());
  own.set_up("eth1", true);
  own.add_address("eth1", "198.18.1.1/24");
  Netlink::in(h2().namespace_fd()).add_address("eth0", "198.18.1.2/24");
  datagram(h1(), "198.18.1.2", 9009, token);
  const kinds::Finding late = probe->wait_for(
      [](const auto& each) { return each.subject == "198.18.1.1 -> 198.18.1.2:9009/udp"; });
  EXPECT_THAT(late.detail, HasSubstr("on eth1"));
  switching.delete_link("late");
  expect_seen(*probe, 9010);
}

TEST_F(PlaintextCanary, IsOverWhenItWasQuietAndBeginsAnew) {
  const auto probe = watch(h2().namespace_fd(), {{"marker", marker}, {"quiet_ns", 300'000'000}});
  const kinds::Finding first = expect_seen(*probe, 9001);
  const kinds::Finding over = probe->wait_for([](const auto& each) { return each.over; });
  EXPECT_EQ(over.subject, first.subject);
  EXPECT_EQ(over.what, first.what);
  EXPECT_GE(over.since_ns, first.at_ns);
  EXPECT_GE(over.at_ns - over.since_ns, 300'000'000);
  datagram(h1(), h2().address(), 9001, token);
  probe->wait_for([&](const auto& each) { return !each.over && each.at_ns > over.at_ns; });
}

TEST_F(PlaintextCanary, CountsPayloadsAndReadsTheLastOnesWhenItIsStopped) {
  const auto probe = watch(h2());
  const UniqueFd receiver = h2().datagrams(9001);
  for (int i = 0; i < 100; ++i) datagram(h1(), h2().address(), 9001, "nothing special");
  datagram(h1(), h2().address(), 9001, token);
  char byte = 0;
  for (int i = 0; i <= 100; ++i) EXPECT_EQ(::recv(receiver.get(), &byte, 1, 0), 1);
  probe->stop();
  EXPECT_EQ(probe->findings().size(), 1U);
  std::uint64_t checked = 0;
  for (const kinds::Round& round : probe->rounds()) {
    checked += round.checked;
    EXPECT_EQ(round.undecided, 0U);
    EXPECT_LE(round.begin_ns, round.end_ns);
  }
  EXPECT_GE(checked, 101U);
  const auto rounds = probe->rounds();
  for (std::size_t i = 1; i < rounds.size(); ++i)
    EXPECT_EQ(rounds[i].begin_ns, rounds[i - 1].end_ns) << "no gap between rounds";
}

TEST_F(PlaintextCanary, TellsHowManyPacketsItCouldNotRead) {
  const auto probe = watch(h2().namespace_fd(), {{"marker", marker}, {"ring_mebibytes", 1}});
  const std::int64_t before = mono_ns();
  {
    const auto held = probe->hold_up([&] { datagram(h1(), h2().address(), 9001, token); });
    const std::string large(1400, '.');
    for (int i = 0; i < 2000; ++i) datagram(h1(), h2().address(), 9001, large);
    datagram(h1(), h2().address(), 9002, token);  // no room is left for it
  }
  probe->wait_for_round([](const kinds::Round& round) { return round.undecided > 0; });
  for (const kinds::Round& round : probe->rounds()) EXPECT_LE(round.undecided, round.checked);
  EXPECT_EQ(probe->findings().size(), 1U);
  const kinds::Finding again = expect_seen(*probe, 9003);
  EXPECT_GE(again.since_ns, before) << "rounds in which nothing was dropped are trusted again";
}

TEST_F(PlaintextCanary, SaysWhichCapabilityItLacks) {
  std::string refused;
  std::thread([&] {
    // Of this thread alone.
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    check("capset", ::syscall(SYS_capset, &head, sets.data()));
    refused = refusal([] { probes::make_plaintext_canary()->make({{"marker", marker}}); });
  }).join();
  EXPECT_THAT(refused, HasSubstr("CAP_NET_RAW"));
}

}  // namespace
}  // namespace nospof::test
