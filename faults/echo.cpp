#include "faults/echo.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "spec/units.hpp"
#include "system/arp.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::faults {

namespace {

constexpr std::size_t asked_at_once = 3;

in_addr parsed(const std::string& address) {
  in_addr value{};
  if (::inet_pton(AF_INET, address.c_str(), &value) != 1)
    throw Error(fmt::format("'{}' is no IPv4 address", address));
  return value;
}

sockaddr_in endpoint(in_addr address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr = address;
  return to;
}

// Who was asked, when, and how long answers took; how it is asked is the derived classes' part.
class TimedEcho : public Echo {
 public:
  TimedEcho(const std::vector<std::string>& neighbours, Nanoseconds patience, const Clock& clock,
            const char* what)
      : patience_(patience), clock_(clock), what_(what) {
    for (const std::string& address : neighbours)
      asked_.push_back({address, parsed(address), std::nullopt});
  }

  void turn() override {
    take_answers();
    const std::size_t count = std::min(asked_at_once, asked_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t number = next_++ % asked_.size();
      Neighbour& neighbour = asked_[number];
      if (neighbour.since && clock_.now() - *neighbour.since < patience_) continue;
      neighbour.since = clock_.now();
      if (!first_) first_ = neighbour.since;
      if (ask(number))
        ++requests_;
      else
        neighbour.since.reset();
    }
  }

  bool timed() const override { return answers_ > 0; }
  bool waiting() const override {
    return answers_ == 0 && requests_ > 0 && clock_.now() - *first_ < patience_;
  }
  Nanoseconds slowest() const override { return slowest_; }

  std::string text() const override {
    if (requests_ == 0) return {};
    if (answers_ == 0) return fmt::format("no answer to {} {}", requests_, what_);
    return fmt::format("{} answers to {} {}, after {} to {}", answers_, requests_, what_,
                       spec::human_duration(fastest_), spec::human_duration(slowest_));
  }

 protected:
  struct Neighbour {
    std::string address;
    in_addr number;
    std::optional<MonoTime> since;
  };

  virtual void take_answers() = 0;
  /// False when it could not be sent.
  virtual bool ask(std::size_t number) = 0;

  const Neighbour& neighbour(std::size_t number) const { return asked_[number]; }
  std::size_t count() const { return asked_.size(); }

  void answered(std::size_t number) {
    Neighbour& neighbour = asked_[number];
    if (!neighbour.since) return;
    const Nanoseconds took = clock_.now() - *neighbour.since;
    neighbour.since.reset();
    fastest_ = answers_ == 0 ? took : std::min(fastest_, took);
    slowest_ = std::max(slowest_, took);
    ++answers_;
  }
  void answered(in_addr from) {
    for (std::size_t i = 0; i < asked_.size(); ++i)
      if (asked_[i].number.s_addr == from.s_addr) answered(i);
  }

 private:
  Nanoseconds patience_;
  const Clock& clock_;
  const char* what_;
  std::vector<Neighbour> asked_;
  std::size_t next_ = 0;
  std::optional<MonoTime> first_;
  std::size_t requests_ = 0;
  std::size_t answers_ = 0;
  Nanoseconds fastest_{0}, slowest_{0};
};

class ArpEcho final : public TimedEcho {
 public:
  ArpEcho(const NetemScope& scope, Nanoseconds patience, const Clock& clock)
      : TimedEcho(scope.neighbours, patience, clock, "ARP requests") {}

 private:
  void take_answers() override {
    ether_arp reply{};
    while (socket_ &&
           ::recv(socket_.get(), &reply, sizeof reply, 0) == static_cast<ssize_t>(sizeof reply)) {
      if (reply.arp_op != htons(ARPOP_REPLY)) continue;
      in_addr sender{};
      std::memcpy(&sender, reply.arp_spa, sizeof sender);
      answered(sender);
    }
  }

  bool ask(std::size_t number) override {
    if (!socket_)
      socket_.reset(check(
          "open a packet socket",
          ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETHERTYPE_ARP))));
    return send_arp_request(neighbour(number).address);
  }

  UniqueFd socket_;
};

class IcmpEcho final : public TimedEcho {
 public:
  IcmpEcho(const NetemScope& scope, Nanoseconds patience, const Clock& clock)
      : TimedEcho(scope.neighbours, patience, clock, "echo requests") {
    check("getrandom", ::getrandom(&id_, sizeof id_, 0));
  }

 private:
  void take_answers() override {
    std::array<unsigned char, 256> packet{};
    for (;;) {
      const ssize_t size =
          socket_ ? ::recv(socket_.get(), packet.data(), packet.size(), 0) : ssize_t{-1};
      if (size < 0) return;
      const std::size_t header = (packet[0] & 0x0FU) * std::size_t{4};
      icmphdr reply{};
      if (static_cast<std::size_t>(size) < header + sizeof reply) continue;
      std::memcpy(&reply, packet.data() + header, sizeof reply);
      const std::size_t number = ntohs(reply.un.echo.sequence);
      if (reply.type == ICMP_ECHOREPLY && reply.un.echo.id == id_ && number < count())
        answered(number);
    }
  }

  bool ask(std::size_t number) override {
    if (!socket_)
      socket_.reset(
          check("open a raw socket",
                ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP)));
    icmphdr request{};
    request.type = ICMP_ECHO;
    request.un.echo.id = id_;
    request.un.echo.sequence = htons(static_cast<std::uint16_t>(number));
    request.checksum = checksum(request);
    const sockaddr_in to = endpoint(neighbour(number).number, 0);
    return ::sendto(socket_.get(), &request, sizeof request, 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to) == sizeof request;
  }

  static std::uint16_t checksum(const icmphdr& header) {
    std::array<std::uint16_t, sizeof header / 2> words{};
    std::memcpy(words.data(), &header, sizeof header);
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words) sum += word;
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16U)));
  }

  std::uint16_t id_ = 0;
  UniqueFd socket_;
};

// A refusal is an answer too.
class ConnectEcho final : public TimedEcho {
 public:
  ConnectEcho(const NetemScope& scope, Nanoseconds patience, const Clock& clock)
      : TimedEcho(scope.neighbours, patience, clock, "TCP connections"),
        port_(scope.ports.empty() ? discard : scope.ports.front()),
        sockets_(scope.neighbours.size()) {}

 private:
  static constexpr std::uint16_t discard = 9;

  void take_answers() override {
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (!sockets_[i]) continue;
      pollfd entry{sockets_[i].get(), POLLOUT, 0};
      if (::poll(&entry, 1, 0) <= 0) continue;
      int failure = 0;
      socklen_t size = sizeof failure;
      ::getsockopt(sockets_[i].get(), SOL_SOCKET, SO_ERROR, &failure, &size);
      if (failure == 0 || failure == ECONNREFUSED) answered(i);
      sockets_[i].reset();
    }
  }

  bool ask(std::size_t number) override {
    UniqueFd socket(check("open a TCP socket",
                          ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    // Ends with a reset, which leaves nothing behind on either side.
    const linger at_once{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const sockaddr_in to = endpoint(neighbour(number).number, port_);
    const int result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (result < 0 && errno != EINPROGRESS) return false;
    sockets_[number] = std::move(socket);
    return true;
  }

  std::uint16_t port_;
  std::vector<UniqueFd> sockets_;
};

// Nobody answers an empty datagram; it only makes packets.
class DatagramEcho final : public TimedEcho {
 public:
  DatagramEcho(const NetemScope& scope, Nanoseconds patience, const Clock& clock)
      : TimedEcho(scope.neighbours, patience, clock, "UDP datagrams"),
        port_(scope.ports.empty() ? std::uint16_t{9} : scope.ports.front()) {}

 private:
  bool waiting() const override { return false; }
  void take_answers() override {}
  bool ask(std::size_t number) override {
    const UniqueFd socket(check("open a UDP socket",
                                ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    const sockaddr_in to = endpoint(neighbour(number).number, port_);
    return ::sendto(socket.get(), nullptr, 0, 0, reinterpret_cast<const sockaddr*>(&to),
                    sizeof to) == 0;
  }

  std::uint16_t port_;
};

}  // namespace

std::unique_ptr<Echo> make_echo(const NetemScope& scope, Nanoseconds patience, const Clock& clock) {
  using Protocol = NetemScope::Protocol;
  if (scope.protocol == Protocol::udp)
    return std::make_unique<DatagramEcho>(scope, patience, clock);
  if (scope.protocol == Protocol::tcp || !scope.ports.empty())
    return std::make_unique<ConnectEcho>(scope, patience, clock);
  if (scope.protocol == Protocol::icmp || !scope.peers.empty())
    return std::make_unique<IcmpEcho>(scope, patience, clock);
  return std::make_unique<ArpEcho>(scope, patience, clock);
}

}  // namespace nospof::faults
