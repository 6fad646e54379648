// What netem in userspace costs and how exact it is, between two network namespaces of its own.
//
// bench_netem_user [seconds per measurement] [delay|load|tcp]

#include "faults/netem_user.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"

namespace {

using namespace nospof;
using namespace std::chrono_literals;
using faults::NetemScope;
using faults::NetemSettings;
using Direction = NetemScope::Direction;
using SteadyClock = std::chrono::steady_clock;

constexpr int port = 9000;
constexpr int room = 512 << 20;

/// Two hosts on one cable.
struct Pair {
  UniqueFd near = create_network_namespace();
  UniqueFd far = create_network_namespace();

  Pair() {
    Netlink one = Netlink::in(near.get());
    Netlink other = Netlink::in(far.get());
    one.add_veth({.name = "eth0",
                  .master = "",
                  .peer_name = "eth0",
                  .peer_mac = "",
                  .peer_namespace_fd = far.get()});
    one.add_address("eth0", "198.18.0.1/24");
    other.add_address("eth0", "198.18.0.2/24");
    for (Netlink* side : {&one, &other}) {
      side->set_up("lo", true);
      side->set_up("eth0", true);
    }
    // A window for 50 ms of a fast link.
    for (const UniqueFd* side : {&near, &far})
      in(*side, [] {
        write_all(open_file("/proc/sys/net/ipv4/tcp_rmem", O_WRONLY).get(), "4096 131072 134217728",
                  "tcp_rmem");
        write_all(open_file("/proc/sys/net/ipv4/tcp_wmem", O_WRONLY).get(), "4096 131072 134217728",
                  "tcp_wmem");
      });
  }

  static void in(const UniqueFd& side, const std::function<void()>& work) {
    in_namespaces({{side.get(), CLONE_NEWNET}}, work);
  }
};

/// Netem on the near host for as long as it lives.
class InForce {
 public:
  InForce(const Pair& pair, const NetemSettings& settings, Direction direction) : pair_(pair) {
    NetemScope scope;
    scope.direction = direction;
    kinds::HostEnv env{.host = "near"};
    Pair::in(pair.near, [&] {
      injection_ = faults::prepare_userspace_netem(settings, scope, env);
      injection_->inject();
    });
  }
  ~InForce() {
    Pair::in(pair_.near, [&] { injection_->release(); });
  }
  InForce(const InForce&) = delete;
  InForce& operator=(const InForce&) = delete;

  std::string evidence() {
    std::string text;
    Pair::in(pair_.near, [&] { text = injection_->confirm().evidence; });
    return text;
  }

 private:
  const Pair& pair_;
  std::unique_ptr<kinds::Injection> injection_;
};

UniqueFd socket_in(const UniqueFd& side, int type) {
  UniqueFd made;
  Pair::in(side, [&] {
    made.reset(check("socket", ::socket(AF_INET, type | SOCK_CLOEXEC, 0)));
    const int on = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(made.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (type == SOCK_DGRAM) {
      ::setsockopt(made.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
      ::setsockopt(made.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    }
  });
  return made;
}

sockaddr_in address(const char* text) {
  sockaddr_in value{};
  value.sin_family = AF_INET;
  value.sin_port = htons(port);
  ::inet_pton(AF_INET, text, &value.sin_addr);
  return value;
}

void bind_to(const UniqueFd& socket, const char* text) {
  const sockaddr_in at = address(text);
  check("bind", ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
}

struct Numbered {
  std::uint64_t number;
  std::int64_t sent;
};

struct Datagrams {
  std::size_t sent = 0, arrived = 0, out_of_order = 0;
  std::vector<double> delays_ms;
};

std::int64_t wall_now() {
  return SystemClock().wall().time_since_epoch().count();
}

void receive(const UniqueFd& receiver, Datagrams& seen, std::uint64_t& last) {
  Numbered message{};
  alignas(cmsghdr) std::array<char, 128> control{};
  for (;;) {
    iovec part{&message, sizeof message};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    if (::recvmsg(receiver.get(), &header, MSG_DONTWAIT) != sizeof message) return;
    timespec at{};
    if (const cmsghdr* first = CMSG_FIRSTHDR(&header); first != nullptr)
      std::memcpy(&at, CMSG_DATA(first), sizeof at);
    ++seen.arrived;
    if (seen.arrived > 1 && message.number < last) ++seen.out_of_order;
    last = message.number;
    const std::int64_t arrived = at.tv_sec * 1'000'000'000 + at.tv_nsec;
    seen.delays_ms.push_back(static_cast<double>(arrived - message.sent) / 1e6);
  }
}

// From near to far; what arrives is read afterwards, the kernel has noted when it came.
Datagrams send_datagrams(const Pair& pair, double per_second, double seconds) {
  const UniqueFd sender = socket_in(pair.near, SOCK_DGRAM);
  const UniqueFd receiver = socket_in(pair.far, SOCK_DGRAM);
  bind_to(receiver, "198.18.0.2");
  const sockaddr_in to = address("198.18.0.2");
  Datagrams seen;
  std::uint64_t last = 0;
  const auto start = SteadyClock::now();
  const auto total = static_cast<std::uint64_t>(per_second * seconds);
  for (std::uint64_t number = 0; number < total; ++number) {
    const auto due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                 static_cast<double>(number) * 1e9 / per_second));
    if (due - SteadyClock::now() > 60us) std::this_thread::sleep_until(due);
    const Numbered message{number, wall_now()};
    check("sendto", ::sendto(sender.get(), &message, sizeof message, 0,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
    ++seen.sent;
    if (number % 256 == 255) receive(receiver, seen, last);
  }
  std::this_thread::sleep_for(500ms);
  receive(receiver, seen, last);
  return seen;
}

void print(const char* what, const Datagrams& seen) {
  auto delays = seen.delays_ms;
  if (delays.empty()) return;
  std::sort(delays.begin(), delays.end());
  double sum = 0;
  double squares = 0;
  for (const double delay : delays) {
    sum += delay;
    squares += delay * delay;
  }
  const auto n = static_cast<double>(delays.size());
  fmt::print(
      "{}: {} sent, {} lost, {} out of order; mean {:.3f} ms, mdev {:.3f} ms, p50 {:.3f}, p99 "
      "{:.3f}, max {:.3f}\n",
      what, seen.sent, seen.sent - seen.arrived, seen.out_of_order, sum / n,
      std::sqrt(std::max(squares / n - sum / n * sum / n, 0.0)), delays[delays.size() / 2],
      delays[delays.size() * 99 / 100], delays.back());
}

double children_seconds() {
  rusage used{};
  check("getrusage", ::getrusage(RUSAGE_CHILDREN, &used));
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// Gbit/s that arrive in the second half, when the window is open.
double tcp(const UniqueFd& from, const UniqueFd& to, const char* destination, double seconds) {
  const UniqueFd listener = socket_in(to, SOCK_STREAM);
  bind_to(listener, destination);
  check("listen", ::listen(listener.get(), 1));
  const UniqueFd sender = socket_in(from, SOCK_STREAM);
  const sockaddr_in at = address(destination);
  check("connect", ::connect(sender.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
  const UniqueFd receiver(check("accept", ::accept4(listener.get(), nullptr, nullptr, 0)));
  std::atomic<bool> over{false};
  std::thread writing([&] {
    const std::vector<char> block(1 << 18);
    while (!over && ::send(sender.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  std::vector<char> block(1 << 20);
  std::uint64_t counted = 0;
  const auto start = SteadyClock::now();
  const auto half = start + std::chrono::duration<double>(seconds / 2);
  const auto end = start + std::chrono::duration<double>(seconds);
  for (auto now = start; now < end; now = SteadyClock::now()) {
    const ssize_t n = ::recv(receiver.get(), block.data(), block.size(), 0);
    if (n <= 0) break;
    if (now >= half) counted += static_cast<std::uint64_t>(n);
  }
  over = true;
  ::shutdown(receiver.get(), SHUT_RDWR);
  ::shutdown(sender.get(), SHUT_RDWR);
  writing.join();
  return static_cast<double>(counted) * 8 / 1e9 / (seconds / 2);
}

NetemSettings delay(Nanoseconds by) {
  NetemSettings settings;
  settings.delay = by;
  settings.limit = 1'000'000;
  return settings;
}

void measure_delay(const Pair& pair, double seconds) {
  print("no netem, 200/s", send_datagrams(pair, 200, seconds));
  InForce netem(pair, delay(50ms), Direction::egress);
  print("50 ms, 200/s", send_datagrams(pair, 200, seconds));
  fmt::print("  {}\n", netem.evidence());
}

void measure_load(const Pair& pair, double seconds) {
  for (const double rate : {10'000.0, 50'000.0, 100'000.0}) {
    const double before = children_seconds();
    Datagrams seen;
    {
      InForce netem(pair, delay(50ms), Direction::egress);
      seen = send_datagrams(pair, rate, seconds);
      fmt::print("  {}\n", netem.evidence());
    }
    print(fmt::format("50 ms, {:.0f}/s", rate).c_str(), seen);
    fmt::print("  {:.2f} us CPU of the emulator per packet\n",
               (children_seconds() - before) * 1e6 / static_cast<double>(seen.sent));
  }
}

void measure_tcp(const Pair& pair, double seconds) {
  const auto sending = [&] { return tcp(pair.near, pair.far, "198.18.0.2", seconds); };
  const auto receiving = [&] { return tcp(pair.far, pair.near, "198.18.0.1", seconds); };
  fmt::print("TCP without netem: {:.2f} Gbit/s\n", sending());
  for (const auto& [name, direction] : {std::pair{"egress", Direction::egress},
                                        {"ingress", Direction::ingress},
                                        {"both", Direction::both}})
    for (const auto by : {0ms, 50ms}) {
      InForce netem(pair, delay(by), direction);
      fmt::print("TCP, {} {} ms: sending {:.2f} Gbit/s, receiving {:.2f} Gbit/s\n", name,
                 by.count(), sending(), receiving());
      fmt::print("  {}\n", netem.evidence());
    }
}

void measure(double seconds, std::string_view only) {
  const Pair pair;
  if (only.empty() || only == "delay") measure_delay(pair, seconds);
  if (only.empty() || only == "load") measure_load(pair, seconds);
  if (only.empty() || only == "tcp") measure_tcp(pair, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    // Every line as soon as it is known.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    measure(argc > 1 ? std::atof(argv[1]) : 4, argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
