#pragma once
// Numbered packets between hosts on one link, and netem in userspace on one of them.

#include <array>
#include <cstring>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <netinet/udp.h>

#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "faults/netem_user.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"
#include "system/ruleset.hpp"
#include "tests/support/netem_expectations.hpp"

namespace nospof::test {

using faults::NetemScope;
using faults::NetemSettings;
using kinds::Confirmation;

/// Fixed, so that bounds that 99.9 % of all samples keep are kept always.
inline constexpr std::uint32_t netem_seed = 20261121;

/// How packets are sent.
struct Traffic {
  std::size_t packets = enough_packets;
  std::size_t bytes = 32;
  Nanoseconds distance = 50us;
  std::chrono::milliseconds arrive_within = 10s;  ///< after the last one was sent
};

/// Between reading the clock and sending a packet nobody else is to run, however loaded the machine
/// is. The emulator comes before it.
class RealTime {
 public:
  RealTime() {
    sched_param priority{};
    priority.sched_priority = 1;
    ::sched_setscheduler(0, SCHED_FIFO, &priority);
  }
  ~RealTime() {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_OTHER, &none);
  }
  RealTime(const RealTime&) = delete;
  RealTime& operator=(const RealTime&) = delete;
};

class UserspaceNetem : public LinkedHosts {
 protected:
  using Outcome = Confirmation::Outcome;
  static constexpr int traffic_port = 9000;
  /// No test holds a packet for longer; after that silence nothing more comes.
  static constexpr auto longest_hold = 500ms;

  void SetUp() override {
    LinkedHosts::SetUp();
    if (IsSkipped()) return;
    // A socket holds as much as a whole measurement.
    sender_ = h1().datagrams(traffic_port);
    receiver_ = h2().datagrams(traffic_port);
    constexpr int room = 256 << 20;
    constexpr int on = 1;
    for (const UniqueFd* end : {&sender_, &receiver_}) {
      check("SO_SNDBUFFORCE",
            ::setsockopt(end->get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room));
      check("SO_RCVBUFFORCE",
            ::setsockopt(end->get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room));
      check("SO_TIMESTAMPNS", ::setsockopt(end->get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
      // A packet with a flipped bit is to arrive, too.
      check("SO_NO_CHECK", ::setsockopt(end->get(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on));
    }
  }

  void TearDown() override {
    if (injection_) heal();
  }

  /// Exactly the packets of send_numbered(), so that the seed decides the same for each of them.
  static NetemScope only_traffic(NetemScope::Direction direction = NetemScope::Direction::egress) {
    NetemScope scope;
    scope.direction = direction;
    scope.protocol = NetemScope::Protocol::udp;
    scope.ports = {traffic_port};
    return scope;
  }

  static NetemSettings roomy() {
    NetemSettings settings;
    settings.limit = 1'000'000;
    return settings;
  }

  std::unique_ptr<kinds::Injection> prepare(const NetemSettings& settings, const NetemScope& scope,
                                            LinkedHost& host) {
    kinds::HostEnv env{.host = host.name()};
    return host.in(
        [&] { return faults::prepare_userspace_netem(settings, scope, env, netem_seed); });
  }

  /// Times are measured again, with the same seed, when they were not right: a machine that stands
  /// still for a few milliseconds is no error of the emulator's, which is wrong each time.
  template <typename Check>
  ::testing::AssertionResult in_time(const NetemSettings& settings, const Traffic& traffic,
                                     Check check_trace) {
    constexpr int attempts = 5;
    auto answer = ::testing::AssertionFailure();
    for (int i = 0; i < attempts && !answer; ++i) {
      inject(settings);
      answer = check_trace(send_numbered(traffic));
      heal();
    }
    return answer;
  }

  /// On h1.
  void inject(const NetemSettings& settings, const NetemScope& scope = only_traffic()) {
    injection_ = prepare(settings, scope, h1());
    h1().in([&] { injection_->inject(); });
  }

  Confirmation confirm() {
    return until_confirmed([&] { return h1().in([&] { return injection_->confirm(); }); });
  }

  void heal() {
    heal(*injection_, h1());
    injection_.reset();
  }
  static void heal(kinds::Injection& injection, LinkedHost& host) {
    kinds::HostEnv env{.host = host.name()};
    host.in([&] {
      injection.release();
      for (const auto& record : injection.undo()) {
        const auto result = agent::execute_undo(record, env);
        EXPECT_TRUE(result.done) << result.detail;
      }
    });
    const auto answer =
        until_confirmed([&] { return host.in([&] { return injection.confirm_healed(); }); });
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
  }

  static Nanoseconds wall_now() { return SystemClock().wall().time_since_epoch(); }

  /// From h1 to h2, and what arrived. Arrival times are the kernel's own: nobody has to be on time
  /// to see them.
  NetemTrace send_numbered(const Traffic& traffic) {
    NetemTrace trace;
    const RealTime on_time;
    const sockaddr_in to = endpoint(h2().address(), traffic_port);
    const auto start = std::chrono::steady_clock::now();
    for (std::uint32_t number = 0; number < traffic.packets; ++number) {
      const auto due = start + number * traffic.distance;
      if (due - std::chrono::steady_clock::now() > 100us) std::this_thread::sleep_until(due);
      const std::string payload = netem_payload(number, traffic.bytes);
      trace.sent(wall_now());
      check("sendto", ::sendto(sender_.get(), payload.data(), payload.size(), 0,
                               reinterpret_cast<const sockaddr*>(&to), sizeof to));
    }
    // Whoever is still held comes within that time; what is lost never does.
    const auto end = std::chrono::steady_clock::now() + traffic.arrive_within;
    while (std::chrono::steady_clock::now() < end &&
           trace.arrivals().size() + trace.strangers() < traffic.packets)
      if (is_readable(receiver_.get(), longest_hold))
        drain(trace);
      else
        break;
    drain(trace);
    return trace;
  }

  void drain(NetemTrace& trace) {
    std::array<char, 2048> payload{};
    alignas(cmsghdr) std::array<char, 256> control{};
    for (;;) {
      iovec part{payload.data(), payload.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t size = ::recvmsg(receiver_.get(), &message, MSG_DONTWAIT);
      if (size < 0) return;
      timespec at{};
      for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
           each = CMSG_NXTHDR(&message, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_TIMESTAMPNS)
          std::memcpy(&at, CMSG_DATA(each), sizeof at);
      trace.arrived({payload.data(), static_cast<std::size_t>(size)},
                    std::chrono::seconds(at.tv_sec) + Nanoseconds(at.tv_nsec));
    }
  }

  /// All rules of a host, with handles, as nft(8) prints them.
  static std::string ruleset(const LinkedHost& host) {
    SpawnOptions options;
    options.argv = {"nft", "-a", "-s", "list", "ruleset"};
    options.namespaces = {{host.namespace_fd(), CLONE_NEWNET}};
    const CommandResult result = run_command(options, 10s);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return without_learned_elements(result.output);
  }

  /// How long one datagram from host to host takes, by the sender's clock.
  Nanoseconds one_way(LinkedHost& from, LinkedHost& to, int to_port = 9100) {
    const UniqueFd receiver = to.datagrams(to_port);
    const UniqueFd sender = from.datagrams(0);
    const sockaddr_in destination = endpoint(to.address(), to_port);
    const auto start = std::chrono::steady_clock::now();
    check("sendto", ::sendto(sender.get(), "x", 1, 0,
                             reinterpret_cast<const sockaddr*>(&destination), sizeof destination));
    EXPECT_TRUE(is_readable(receiver.get(), arrival));
    return std::chrono::steady_clock::now() - start;
  }

  UniqueFd sender_, receiver_;
  std::unique_ptr<kinds::Injection> injection_;
};

}  // namespace nospof::test
