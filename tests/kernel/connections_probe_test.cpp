// The truth of the connections probe: hosts on one link, real connections between them, and what
// the probe on one of them says.

#include <gmock/gmock.h>

#include "fault_support.hpp"
#include "probes/connections.hpp"
#include "probes/endpoint.hpp"
#include "tests/kernel/looking.hpp"

namespace nospof::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

constexpr int allowed = 7100;
constexpr int forbidden = 7200;

class ConnectionsProbe : public LinkedHosts {
 protected:
  void SetUp() override {
    LinkedHosts::SetUp();
    if (IsSkipped()) return;
    for (const int each : {allowed, forbidden}) listening_.push_back(h2().listen(each));
    for (const int each : {allowed, forbidden}) listening_.push_back(h1().listen(each));
  }

  /// For the probe on h1; h3 is a stranger to it.
  boost::json::object config(std::int64_t quiet_ns = 60'000'000'000) {
    const auto entry = [](const LinkedHost& host) {
      return boost::json::object{{"name", host.name()}, {"address", host.address()}};
    };
    return {{"host", "h1"},
            {"every_ns", 20'000'000},
            {"quiet_ns", quiet_ns},
            {"hosts", {entry(h1()), entry(h2())}},
            {"listeners", {{{"on", "h2"}, {"port", allowed}}}},
            {"uses", {{{"flow", "a -> b"}, {"to", "h2"}, {"port", allowed}}}}};
  }

  /// A connection over which one byte went.
  Established talk(const LinkedHost& from, const LinkedHost& to, const UniqueFd& listener,
                   int to_port) {
    Established both;
    both.client = dial_until_open(from, to.address(), to_port);
    EXPECT_TRUE(both.client);
    both.server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(both.flows_to_server(arrival));
    return both;
  }
  const UniqueFd& listener_of_h2(int on) const { return listening_.at(on == allowed ? 0 : 1); }
  const UniqueFd& listener_of_h1(int on) const { return listening_.at(on == allowed ? 2 : 3); }

  /// In the order in which they were told, but for those of the connections with which the fixture
  /// has tried the hosts. Ends the run.
  static std::vector<std::string> findings(LookRun& run) {
    run.stop();
    std::vector<std::string> texts;
    for (const kinds::Finding& finding : run.sink().findings())
      if (!finding.subject.ends_with(fmt::format(":{}/tcp", port)))
        texts.push_back(fmt::format("{}{}{} {}", finding.over ? "over: " : "",
                                    finding.violation ? "violation: " : "", finding.what,
                                    finding.subject));
    return texts;
  }
  static bool wait_for_unknown(LookRun& run, std::uint64_t count = 1, bool over = false) {
    return run.sink().wait_until([&] {
      return std::ranges::any_of(run.sink().findings(), [&](const kinds::Finding& finding) {
        return finding.what == "unknown-connection" && finding.subject.ends_with(":7200/tcp") &&
               finding.count == count && finding.over == over;
      });
    });
  }
  static kinds::Finding unknown(LookRun& run) {
    for (const kinds::Finding& finding : run.sink().findings())
      if (finding.subject.ends_with(":7200/tcp")) return finding;
    return {};
  }

  std::vector<UniqueFd> listening_;
};

TEST_F(ConnectionsProbe, ARouteIsIdleUntilItIsUsed) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  ASSERT_TRUE(run.wait_for_decided_rounds(2));
  const Established both = talk(h1(), h2(), listener_of_h2(allowed), allowed);
  EXPECT_TRUE(run.wait_for_finding("idle-route", true));
  EXPECT_THAT(findings(run),
              ElementsAre("idle-route h1 -> h2:7100/tcp", "over: idle-route h1 -> h2:7100/tcp"));
  EXPECT_EQ(run.sink().findings().at(0).detail, "a -> b");
}

TEST_F(ConnectionsProbe, AConnectionThatNoFlowAllowsIsAViolation) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  const Established both = talk(h1(), h2(), listener_of_h2(forbidden), forbidden);
  ASSERT_TRUE(wait_for_unknown(run));
  EXPECT_THAT(findings(run), ElementsAre("idle-route h1 -> h2:7100/tcp",
                                         "violation: unknown-connection h1 -> h2:7200/tcp"));
  EXPECT_THAT(unknown(run).detail, HasSubstr("198.18.0.2:7200"));
}

TEST_F(ConnectionsProbe, OneThatWasMadeBeforeItBeganCountsAlsoWhenNothingPassesOverIt) {
  const UniqueFd silent = dial_until_open(h1(), h2().address(), forbidden);
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  EXPECT_TRUE(wait_for_unknown(run));
}

TEST_F(ConnectionsProbe, OneThatIsShorterThanThePeriodCountsToo) {
  boost::json::object seldom = config();
  seldom["every_ns"] = 3'600'000'000'000;
  LookRun run(*probes::make_connections(), seldom, h1().namespace_fd());
  ASSERT_TRUE(run.sink().wait_until([&] { return !run.sink().rounds().empty(); }));
  talk(h1(), h2(), listener_of_h2(allowed), allowed);
  EXPECT_TRUE(run.wait_for_finding("idle-route", true));
}

TEST_F(ConnectionsProbe, SaysHowOftenAndWhenItIsOver) {
  LookRun run(*probes::make_connections(), config(100'000'000), h1().namespace_fd());
  {
    const Established first = talk(h1(), h2(), listener_of_h2(forbidden), forbidden);
    ASSERT_TRUE(wait_for_unknown(run));
    const Established second = talk(h1(), h2(), listener_of_h2(forbidden), forbidden);
    EXPECT_TRUE(wait_for_unknown(run, 2));
  }
  EXPECT_TRUE(wait_for_unknown(run, 2, true));
}

TEST_F(ConnectionsProbe, AStrangerIsToldOfByWhomItConnectsTo) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  const Established both = talk(h3(), h1(), listener_of_h1(forbidden), forbidden);
  ASSERT_TRUE(wait_for_unknown(run));
  EXPECT_THAT(findings(run),
              IsSupersetOf({"violation: unknown-connection 198.18.0.3 -> h1:7200/tcp"}));
}

TEST_F(ConnectionsProbe, WhatOtherHostsOfTheTopologyConnectToHereTheyTellThemselves) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  const Established both = talk(h2(), h1(), listener_of_h1(forbidden), forbidden);
  EXPECT_TRUE(run.wait_for_decided_rounds(5));
  EXPECT_THAT(findings(run), ElementsAre("idle-route h1 -> h2:7100/tcp"));
}

TEST_F(ConnectionsProbe, WhatProbesOfThisProcessConnectToIsNobodys) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  ASSERT_TRUE(run.wait_for_decided_rounds(1));
  for (const int to_port : {allowed, forbidden}) {
    Established both;
    both.client = h1().in([&] {
      int error_number = 0;
      probes::Endpoint to;
      const sockaddr_in address = endpoint(h2().address(), to_port);
      std::memcpy(&to.address, &address, sizeof address);
      to.length = sizeof address;
      return probes::begin_connect(to, error_number);
    });
    both.server =
        UniqueFd(::accept4(listener_of_h2(to_port).get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(both.flows_to_server(arrival));
    EXPECT_TRUE(run.wait_for_decided_rounds(3));
  }
  EXPECT_TRUE(run.wait_for_decided_rounds(20)) << "also of those that have ended";
  EXPECT_THAT(findings(run), ElementsAre("idle-route h1 -> h2:7100/tcp"));
}

TEST_F(ConnectionsProbe, ConnectionsThatNobodyTakesAreNone) {
  LookRun run(*probes::make_connections(), config(), h1().namespace_fd());
  ASSERT_TRUE(run.wait_for_decided_rounds(1));
  EXPECT_FALSE(h1().connect(h2().address(), forbidden + 1)) << "refused";
  EXPECT_TRUE(run.wait_for_decided_rounds(20));
  EXPECT_THAT(findings(run), ElementsAre("idle-route h1 -> h2:7100/tcp"));
}

}  // namespace
}  // namespace nospof::test
