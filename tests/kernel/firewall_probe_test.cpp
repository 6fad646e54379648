// The truth of the firewall probe: hosts on one link, real packet filters, and what the probe says.

#include <fstream>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "fault_support.hpp"
#include "probes/firewall.hpp"
#include "system/nftables.hpp"
#include "tests/kernel/looking.hpp"

namespace nospof::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Ports of h2, each with a listener and a rule of its own.
constexpr int accepted = 7001;
constexpr int dropped = 7002;
constexpr int rejected = 7003;
constexpr int prohibited = 7004;
constexpr int reset = 7005;
constexpr int nobody = 7009;  // no listener

/// Takes connections and ends them, as a service would: those that nobody takes fill its queue.
class Accepting {
 public:
  explicit Accepting(const std::vector<UniqueFd>& listeners) {
    for (const UniqueFd& listener : listeners) polled_.push_back({listener.get(), POLLIN, 0});
    polled_.push_back({stop_.get(), POLLIN, 0});
    thread_ = std::thread([this] { serve(); });
  }
  ~Accepting() {
    const std::uint64_t one = 1;
    write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof one}, "stop event");
    thread_.join();
  }
  Accepting(const Accepting&) = delete;
  Accepting& operator=(const Accepting&) = delete;

 private:
  void serve() {
    while (::poll(polled_.data(), polled_.size(), -1) > 0 && polled_.back().revents == 0)
      for (const pollfd& entry : polled_)
        if (entry.revents != 0) UniqueFd(::accept4(entry.fd, nullptr, nullptr, SOCK_CLOEXEC));
  }

  UniqueFd stop_{check("eventfd", ::eventfd(0, EFD_CLOEXEC))};
  std::vector<pollfd> polled_;
  std::thread thread_;
};

class FirewallProbe : public LinkedHosts {
 protected:
  // An answer of a very slow machine must not be taken for none.
  static constexpr std::int64_t timeout_ns = 2'000'000'000;

  void SetUp() override {
    LinkedHosts::SetUp();
    if (IsSkipped()) return;
    for (const int open : {accepted, dropped, rejected, prohibited, reset})
      listeners_.push_back(h2().listen(open));
    accepting_.emplace(listeners_);
  }

  /// In place of the rules before, without a moment between them.
  static void filter(const LinkedHost& host, const std::string& rules) {
    host.in([&] {
      NftContext().run(
          fmt::format("table inet matrix {{}}\ndelete table inet matrix\n"
                      "table inet matrix {{ chain input {{ type filter hook input priority 0;\n"
                      "{}\n}}\n}}",
                      rules));
    });
  }
  static std::string all_rules() {
    return fmt::format(
        "tcp dport {} drop\ntcp dport {} reject\n"
        "tcp dport {} reject with icmpx type admin-prohibited\n"
        "tcp dport {} reject with tcp reset",
        dropped, rejected, prohibited, reset);
  }

  boost::json::object target(const LinkedHost& to, int to_port, bool allowed, bool listening) {
    return {{"to", to.name()},
            {"address", to.address()},
            {"port", to_port},
            {"allowed", allowed},
            {"listening", listening}};
  }
  boost::json::object config(const std::vector<boost::json::object>& targets) {
    boost::json::array list;
    for (const auto& one : targets) list.emplace_back(one);
    return {{"from", "h1"},
            {"every_ns", 5'000'000},
            {"timeout_ns", timeout_ns},
            {"targets", std::move(list)}};
  }
  std::vector<boost::json::object> ports_of_h2(bool allowed) {
    std::vector<boost::json::object> targets;
    for (const int one : {accepted, dropped, rejected, prohibited, reset})
      targets.push_back(target(h2(), one, allowed, true));
    targets.push_back(target(h2(), nobody, allowed, false));
    return targets;
  }

  /// "open h1 -> h2:7001/tcp", in the order in which they were told. Ends the run.
  static std::vector<std::string> findings(LookRun& run) {
    run.stop();
    std::vector<std::string> texts;
    for (const kinds::Finding& finding : run.sink().findings())
      texts.push_back(fmt::format("{}{}{} {}", finding.over ? "over: " : "",
                                  finding.violation ? "violation: " : "", finding.what,
                                  finding.subject));
    return texts;
  }
  bool wait_for_rounds(LookRun& run, std::size_t count) {
    return run.sink().wait_until([&] { return run.sink().rounds().size() >= count; });
  }

  std::optional<Accepting> accepting_;
};

TEST_F(FirewallProbe, OfWhatIsForbiddenOnlyOpenPortsAreFound) {
  filter(h2(), all_rules());
  LookRun run(*probes::make_firewall(), config(ports_of_h2(false)), h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(2));
  EXPECT_THAT(findings(run), ElementsAre("violation: open h1 -> h2:7001/tcp"));
  EXPECT_EQ(run.sink().rounds().at(0).checked, 6U);
}

TEST_F(FirewallProbe, OfWhatIsAllowedThoseThatAFilterClosesAreFound) {
  filter(h2(), all_rules());
  LookRun run(*probes::make_firewall(), config(ports_of_h2(true)), h1().namespace_fd());
  EXPECT_TRUE(wait_for_rounds(run, 2));
  EXPECT_THAT(findings(run),
              UnorderedElementsAre("closed h1 -> h2:7002/tcp", "closed h1 -> h2:7003/tcp",
                                   "closed h1 -> h2:7004/tcp"));
  EXPECT_EQ(run.sink().expected().size(), 6U);
  EXPECT_EQ(run.sink().decided().size(), 4U) << "two refuse: neither open nor closed";
  // RST where a service should listen: it may be down.
  for (const kinds::Round& round : run.sink().rounds()) EXPECT_EQ(round.undecided, 1U);
}

TEST_F(FirewallProbe, WhatWasFoundEndsWithItsCause) {
  LookRun run(*probes::make_firewall(),
              config({target(h2(), accepted, false, true), target(h2(), rejected, true, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_finding("open"));
  filter(h2(), "tcp dport 7001 drop");
  EXPECT_TRUE(run.wait_for_finding("open", true));
  filter(h2(), "tcp dport 7001 drop\ntcp dport 7003 reject");
  EXPECT_TRUE(run.wait_for_finding("closed"));
  filter(h2(), "tcp dport 7001 drop");
  EXPECT_TRUE(run.wait_for_finding("closed", true));
  EXPECT_THAT(
      findings(run),
      ElementsAre("violation: open h1 -> h2:7001/tcp", "over: violation: open h1 -> h2:7001/tcp",
                  "closed h1 -> h2:7003/tcp", "over: closed h1 -> h2:7003/tcp"));
}

// As a port for copies of a database, at which somebody listens for a moment only.
TEST_F(FirewallProbe, WhatWasSilentIsOverWhenNobodyListensThere) {
  filter(h2(), "tcp dport 7009 drop");
  LookRun run(*probes::make_firewall(),
              config({target(h2(), accepted, true, true), target(h2(), nobody, true, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_finding("closed"));
  filter(h2(), "");
  EXPECT_TRUE(run.wait_for_finding("closed", true));
  EXPECT_THAT(findings(run),
              ElementsAre("closed h1 -> h2:7009/tcp", "over: closed h1 -> h2:7009/tcp"));
}

TEST_F(FirewallProbe, AHostThatIsDownTellsNothingOfWhatIsAllowed) {
  LookRun run(*probes::make_firewall(),
              config({target(h2(), accepted, true, true), target(h3(), port, true, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(1));
  h2().in([] { Netlink().set_up("eth0", false); });
  EXPECT_TRUE(run.sink().wait_until([&] {
    return std::ranges::any_of(run.sink().rounds(),
                               [](const kinds::Round& round) { return round.undecided == 1; });
  }));
  EXPECT_THAT(findings(run), IsEmpty());
}

TEST_F(FirewallProbe, AHostThatIsCutOffTellsNothing) {
  LookRun run(*probes::make_firewall(),
              config({target(h2(), accepted, true, true), target(h3(), port + 1, false, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(1));
  // Without a device there is no route; when nothing gets in, everybody is silent.
  h1().in([] { Netlink().set_up("eth0", false); });
  EXPECT_TRUE(run.wait_for_undecided_rounds(2));
  h1().in([] { Netlink().set_up("eth0", true); });
  EXPECT_TRUE(run.wait_for_decided_rounds(1));
  filter(h1(), "drop");
  EXPECT_TRUE(run.wait_for_undecided_rounds(1));
  EXPECT_THAT(findings(run), IsEmpty());
}

TEST_F(FirewallProbe, NothingLingersOnEitherSide) {
  LookRun run(*probes::make_firewall(), config({target(h2(), accepted, true, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(50));
  run.stop();
  accepting_.reset();
  // Neither connections in TIME_WAIT here, nor open ones there.
  const auto sockets = [](const LinkedHost& host) {
    return host.in([] {
      std::ifstream table("/proc/thread-self/net/tcp");
      std::vector<std::string> lines;
      for (std::string line; std::getline(table, line);)
        if (line.find(fmt::format(":{:04X} ", accepted)) != std::string::npos)
          lines.push_back(line);
      return lines;
    });
  };
  // What is on its way ends soon; TIME_WAIT would last a minute.
  const auto end = std::chrono::steady_clock::now() + arrival;
  while ((!sockets(h1()).empty() || sockets(h2()).size() > 1) &&
         std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(20ms);
  EXPECT_THAT(sockets(h1()), IsEmpty());
  EXPECT_EQ(sockets(h2()).size(), 1U);  // the listener
}

TEST_F(FirewallProbe, AServiceHearsNothingOfIt) {
  accepting_.reset();
  LookRun run(*probes::make_firewall(), config({target(h2(), accepted, true, true)}),
              h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(50));
  run.stop();
  int connections = 0;
  pollfd polled{listeners_[0].get(), POLLIN, 0};
  for (; ::poll(&polled, 1, 0) > 0; ++connections)
    UniqueFd(::accept4(polled.fd, nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_LE(connections, 5) << "but those of a prober that was late";
}

TEST_F(FirewallProbe, MoreTargetsThanMayBeInFlight) {
  filter(h2(), "tcp dport 8000-8099 drop");
  std::vector<boost::json::object> targets{target(h2(), accepted, true, true)};
  for (int one = 8000; one < 8100; ++one) targets.push_back(target(h2(), one, false, true));
  auto narrow = config(targets);
  narrow["max_in_flight"] = 40;
  narrow["timeout_ns"] = 500'000'000;
  LookRun run(*probes::make_firewall(), narrow, h1().namespace_fd());
  EXPECT_TRUE(run.wait_for_decided_rounds(1));
  EXPECT_THAT(findings(run), IsEmpty());
  const kinds::Round round = run.sink().rounds().at(0);
  EXPECT_EQ(round.checked, 101U);
  EXPECT_GE(round.end_ns - round.begin_ns, 3 * 500'000'000);
}

TEST_F(FirewallProbe, CannotEvenBeMade) {
  auto outside = config({target(h2(), accepted, true, true)});
  EXPECT_THROW(LookRun(*probes::make_firewall(), outside), Error);
}

}  // namespace
}  // namespace nospof::test
