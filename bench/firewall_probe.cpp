// How long the firewall probe takes for a whole matrix: hosts in network namespaces of their own on
// one link, each tries all ports of all others at the same time. Of the 40 ports of a host 4 are
// allowed and open; what comes to the others is dropped.
//
// bench_firewall_probe [HOSTS [PORTS [ROUNDS]]]    as root

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probes/firewall.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"

namespace {

using namespace nospof;

constexpr int first_port = 7000;
constexpr int open_ports = 4;

struct Wanted {
  int hosts = 11;
  int ports = 40;
  std::size_t rounds = 20;
};

std::string address_of(int host) {
  return fmt::format("198.18.0.{}", host + 1);
}

UniqueFd make_event() {
  return UniqueFd(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
}

void poke(const UniqueFd& event) {
  const std::uint64_t one = 1;
  write_all(event.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "event");
}

UniqueFd listen_on(int port) {
  UniqueFd fd(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  check("bind", ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at));
  check("listen", ::listen(fd.get(), 1024));
  return fd;
}

/// A host on the link; drops what comes to all but the first ports, on which it accepts.
class Host {
 public:
  Host(const UniqueFd& link, int number) : network_(create_network_namespace()) {
    Netlink::in(link.get())
        .add_veth({.name = fmt::format("h{}", number),
                   .master = "br0",
                   .peer_name = "eth0",
                   .peer_mac = "",
                   .peer_namespace_fd = network_.get()});
    Netlink own = Netlink::in(network_.get());
    own.set_up("lo", true);
    own.set_up("eth0", true);
    own.add_address("eth0", address_of(number) + "/24");
    in_namespaces({{network_.get(), CLONE_NEWNET}}, [this] {
      NftContext().run(fmt::format(
          "table inet bench {{ chain input {{ type filter hook input priority 0; policy drop;\n"
          "iif lo accept\nct state established,related accept\ntcp dport {}-{} accept\n}}\n}}",
          first_port, first_port + open_ports - 1));
      for (int i = 0; i < open_ports; ++i) listeners_.push_back(listen_on(first_port + i));
    });
    server_ = std::thread([this] { serve(); });
  }
  ~Host() {
    poke(stop_);
    server_.join();
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  int network() const { return network_.get(); }

 private:
  void serve() {
    std::vector<pollfd> polled{{stop_.get(), POLLIN, 0}};
    for (const UniqueFd& listener : listeners_) polled.push_back({listener.get(), POLLIN, 0});
    while (::poll(polled.data(), polled.size(), -1) > 0 && polled.front().revents == 0)
      for (const pollfd& entry : polled)
        if (entry.revents != 0) UniqueFd(::accept4(entry.fd, nullptr, nullptr, SOCK_CLOEXEC));
  }

  UniqueFd network_;
  UniqueFd stop_ = make_event();
  std::vector<UniqueFd> listeners_;
  std::thread server_;
};

/// Ends the run after so many rounds.
class Rounds final : public kinds::SampleSink {
 public:
  Rounds(std::size_t wanted, const UniqueFd& stop) : wanted_(wanted), stop_(stop) {}
  void add(const kinds::Sample&) override {}
  void lateness(std::int64_t) override {}
  void found(const kinds::Finding& finding) override {
    fmt::print("unexpected: {} {}\n", finding.what, finding.subject);
  }
  void looked(const kinds::Round& round) override {
    undecided += round.undecided;
    checked += round.checked;
    lengths.push_back(static_cast<double>(round.end_ns - round.begin_ns) / 1e6);
    if (lengths.size() == wanted_) poke(stop_);
  }
  std::vector<double> lengths;  ///< milliseconds
  std::uint64_t checked = 0;
  std::uint64_t undecided = 0;

 private:
  std::size_t wanted_;
  const UniqueFd& stop_;
};

boost::json::object config(const Wanted& wanted, int from) {
  boost::json::array targets;
  for (int to = 0; to < wanted.hosts; ++to) {
    if (to == from) continue;
    for (int port = 0; port < wanted.ports; ++port)
      targets.push_back(boost::json::object{{"to", fmt::format("h{}", to)},
                                            {"address", address_of(to)},
                                            {"port", first_port + port},
                                            {"allowed", port < open_ports},
                                            {"listening", port < open_ports}});
  }
  return {{"from", fmt::format("h{}", from)}, {"targets", std::move(targets)}};
}

double cpu_ms() {
  rusage used{};
  check("getrusage", ::getrusage(RUSAGE_SELF, &used));
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

void run(const Wanted& wanted) {
  const UniqueFd link = create_network_namespace();
  Netlink switching = Netlink::in(link.get());
  switching.add_bridge("br0");
  switching.set_up("br0", true);
  std::vector<std::unique_ptr<Host>> hosts;
  for (int i = 0; i < wanted.hosts; ++i) hosts.push_back(std::make_unique<Host>(link, i));

  const auto kind = probes::make_firewall();
  std::vector<UniqueFd> stops;
  std::vector<std::unique_ptr<Rounds>> told;
  for (int i = 0; i < wanted.hosts; ++i) stops.push_back(make_event());
  for (const UniqueFd& stop : stops) told.push_back(std::make_unique<Rounds>(wanted.rounds, stop));
  const double before = cpu_ms();
  std::vector<std::thread> probes;
  for (int i = 0; i < wanted.hosts; ++i)
    probes.emplace_back([&, i] {
      const auto index = static_cast<std::size_t>(i);
      check("setns", ::setns(hosts[index]->network(), CLONE_NEWNET));
      kind->make(config(wanted, i))->run(stops[index].get(), *told[index]);
    });
  for (std::thread& probe : probes) probe.join();
  const double used = cpu_ms() - before;

  std::vector<double> lengths;
  std::uint64_t checked = 0;
  std::uint64_t undecided = 0;
  for (const auto& one : told) {
    lengths.insert(lengths.end(), one->lengths.begin(), one->lengths.end());
    checked += one->checked;
    undecided += one->undecided;
  }
  std::ranges::sort(lengths);
  fmt::print(
      "{} hosts, {} ports each: {} connections a round; a round takes {:.0f} ms (median), {:.0f} "
      "ms (worst); {:.1f} ms CPU for a round of all hosts, {:.1f} us per connection; {} of {} "
      "undecided\n",
      wanted.hosts, wanted.ports, checked / wanted.rounds, lengths[lengths.size() / 2],
      lengths.back(), used / static_cast<double>(wanted.rounds),
      used * 1e3 / static_cast<double>(checked), undecided, checked);
}

}  // namespace

int main(int argc, char** argv) {
  Wanted wanted;
  if (argc > 1) wanted.hosts = std::atoi(argv[1]);
  if (argc > 2) wanted.ports = std::atoi(argv[2]);
  if (argc > 3) wanted.rounds = static_cast<std::size_t>(std::atoi(argv[3]));
  if (argc > 4 || wanted.hosts < 2 || wanted.hosts > 200 || wanted.ports <= open_ports ||
      wanted.rounds < 1) {
    fmt::print(stderr, "usage: {} [HOSTS (2 to 200) [PORTS (5 or more) [ROUNDS]]]\n", argv[0]);
    return 2;
  }
  try {
    run(wanted);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
