#pragma once
// Hosts on one link, real connections between them, and a fault driven as the agent drives it.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kinds/fault.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"

namespace nospof::test {

using namespace std::chrono_literals;

/// How long something that must not arrive is waited for.
inline constexpr auto silence = 250ms;
/// How long something that must arrive may take; also the kernel's backed-off retransmissions fit
/// in.
inline constexpr auto arrival = 10'000ms;

/// Asks until it is confirmed, as the agent does; the last answer when it never was.
inline kinds::Confirmation until_confirmed(const std::function<kinds::Confirmation()>& ask,
                                           std::chrono::milliseconds at_most = arrival) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    kinds::Confirmation answer = ask();
    if (answer.outcome != kinds::Confirmation::Outcome::not_yet) return answer;
    if (std::chrono::steady_clock::now() >= end) return answer;
    std::this_thread::sleep_for(20ms);
  }
}

inline bool is_readable(int fd, std::chrono::milliseconds at_most) {
  pollfd entry{fd, POLLIN, 0};
  return check("poll", ::poll(&entry, 1, static_cast<int>(at_most.count()))) > 0;
}

inline sockaddr_in endpoint(const std::string& address, int port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  check("inet_pton", ::inet_pton(AF_INET, address.c_str(), &to.sin_addr) - 1);
  return to;
}

inline UniqueFd bound_socket(int type, const std::string& address, int port) {
  UniqueFd fd(check("socket", ::socket(AF_INET, type | SOCK_CLOEXEC, 0)));
  const int on = 1;
  check("SO_REUSEADDR", ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  const sockaddr_in at = endpoint(address, port);
  check("bind", ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
  if (type == SOCK_STREAM) check("listen", ::listen(fd.get(), 16));
  return fd;
}

/// A TCP connection; no descriptor when it is not made in time.
inline UniqueFd dial(const std::string& address, int port, std::chrono::milliseconds at_most) {
  UniqueFd fd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  const sockaddr_in to = endpoint(address, port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
  if (errno != EINPROGRESS) return {};
  pollfd entry{fd.get(), POLLOUT, 0};
  if (check("poll", ::poll(&entry, 1, static_cast<int>(at_most.count()))) == 0) return {};
  int failure = 0;
  socklen_t size = sizeof failure;
  check("SO_ERROR", ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size));
  return failure == 0 ? std::move(fd) : UniqueFd();
}

/// Whether one byte sent into `from` comes out of `to` within the time.
inline bool carries(int from, int to, std::chrono::milliseconds at_most) {
  const char sent = 'x';
  if (::send(from, &sent, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) return false;
  if (!is_readable(to, at_most)) return false;
  char got = 0;
  return ::recv(to, &got, 1, MSG_DONTWAIT) == 1 && got == sent;
}

/// A host: a network namespace with eth0 and lo up.
class LinkedHost {
 public:
  LinkedHost(const UniqueFd& switch_namespace, const std::string& name, int number)
      : name_(name),
        address_(fmt::format("198.18.0.{}", number)),
        mac_(fmt::format("02:00:c6:12:00:{:02x}", number)),
        namespace_(create_network_namespace()) {
    Netlink::in(switch_namespace.get())
        .add_veth({.name = name_,
                   .master = "br0",
                   .peer_name = "eth0",
                   .peer_mac = mac_,
                   .peer_namespace_fd = namespace_.get()});
    Netlink own = Netlink::in(namespace_.get());
    own.set_up("lo", true);
    own.set_up("eth0", true);
    own.add_address("eth0", address_ + "/24");
  }

  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }
  const std::string& mac() const { return mac_; }
  int namespace_fd() const { return namespace_.get(); }

  /// Runs `work` inside; returns what it returns.
  template <typename Work>
  auto in(Work work) const {
    using Result = decltype(work());
    if constexpr (std::is_void_v<Result>) {
      in_namespaces({{namespace_.get(), CLONE_NEWNET}}, work);
    } else {
      std::optional<Result> result;
      in_namespaces({{namespace_.get(), CLONE_NEWNET}}, [&] { result = work(); });
      return std::move(*result);
    }
  }

  UniqueFd listen(int port) const {
    return in([&] { return bound_socket(SOCK_STREAM, "0.0.0.0", port); });
  }
  UniqueFd datagrams(int port) const {
    return in([&] { return bound_socket(SOCK_DGRAM, "0.0.0.0", port); });
  }
  UniqueFd connect(const std::string& address, int port,
                   std::chrono::milliseconds at_most = silence) const {
    return in([&] { return dial(address, port, at_most); });
  }

  kinds::StackHost in_stack() const { return {name_, address_, mac_, {}}; }

 private:
  std::string name_;
  std::string address_;
  std::string mac_;
  UniqueFd namespace_;
};

/// h1, h2 and h3 on one switch, each listening on port 7000.
class LinkedHosts : public ::testing::Test {
 protected:
  static constexpr int port = 7000;

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    switch_ = create_network_namespace();
    Netlink switching = Netlink::in(switch_.get());
    switching.add_bridge("br0");
    switching.set_up("br0", true);
    for (int number = 1; number <= 3; ++number) {
      hosts_.push_back(std::make_unique<LinkedHost>(switch_, fmt::format("h{}", number), number));
      listeners_.push_back(hosts_.back()->listen(port));
    }
    for (const auto& host : hosts_) stack_.hosts.push_back(host->in_stack());
    for (const auto& from : hosts_)
      for (const auto& to : hosts_)
        if (from != to) {
          stack_.flows.push_back({from->name(), to->name(), port});
          ASSERT_TRUE(eventually_reaches(*from, *to));
        }
  }

  LinkedHost& h1() { return *hosts_.at(0); }
  LinkedHost& h2() { return *hosts_.at(1); }
  LinkedHost& h3() { return *hosts_.at(2); }
  LinkedHost& named(const std::string& name) {
    for (const auto& host : hosts_)
      if (host->name() == name) return *host;
    throw Error("no host " + name);
  }

  bool reaches(const LinkedHost& from, const LinkedHost& to) const {
    return static_cast<bool>(from.connect(to.address(), port));
  }
  /// Dials again and again: a lost first packet would otherwise be repeated only after a second.
  static UniqueFd dial_until_open(const LinkedHost& from, const std::string& address, int to_port) {
    const auto end = std::chrono::steady_clock::now() + arrival;
    for (;;) {
      UniqueFd connection = from.connect(address, to_port, 100ms);
      if (connection || std::chrono::steady_clock::now() >= end) return connection;
      std::this_thread::sleep_for(10ms);
    }
  }
  bool eventually_reaches(const LinkedHost& from, const LinkedHost& to) const {
    return static_cast<bool>(dial_until_open(from, to.address(), port));
  }

  /// Both ends of an established connection.
  struct Established {
    UniqueFd client;
    UniqueFd server;
    bool flows_to_server(std::chrono::milliseconds at_most) const {
      return carries(client.get(), server.get(), at_most);
    }
    bool flows_to_client(std::chrono::milliseconds at_most) const {
      return carries(server.get(), client.get(), at_most);
    }
  };
  Established establish(const LinkedHost& from, const LinkedHost& to) const {
    const UniqueFd listener = to.listen(port + 1);
    Established both;
    both.client = dial_until_open(from, to.address(), port + 1);
    EXPECT_TRUE(both.client);
    if (both.client) both.server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, 0));
    EXPECT_TRUE(both.server);
    return both;
  }

  /// Whether a datagram from one host arrives at the other.
  bool datagram_arrives(const LinkedHost& from, const LinkedHost& to) const {
    const UniqueFd receiver = to.datagrams(port);
    const UniqueFd sender = from.datagrams(port);
    const sockaddr_in destination = endpoint(to.address(), port);
    const char byte = 'd';
    ::sendto(sender.get(), &byte, 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&destination),
             sizeof destination);
    return is_readable(receiver.get(), silence);
  }

  UniqueFd switch_;
  std::vector<std::unique_ptr<LinkedHost>> hosts_;
  std::vector<UniqueFd> listeners_;
  kinds::StackView stack_;
};

}  // namespace nospof::test
