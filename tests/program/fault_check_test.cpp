// What `nospof validate` and `nospof run` say of faults that no agent would take, on the reference
// stack: before anything is started.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  const char* fault;
  const char* message;
};

class FaultCheck : public ::testing::Test {
 protected:
  /// An experiment with that fault in its seventh line.
  CommandResult say(const char* verb, const std::string& fault) const {
    write_file(file_,
               "kind: experiment\nversion: 1\ntopology: " + std::string(test::source_folder) +
                   "/experiments/three-tier/topology.yaml\ntitle: a test\nhypothesis: "
                   "[{figure: availability, tolerance: \">= 1%\"}]\nfaults:\n  - {" +
                   fault + "}\n");
    SpawnOptions options;
    options.argv = {test::built_program, verb, file_};
    if (std::string(verb) == "run") options.argv.push_back("--dry-run");
    return run_command(std::move(options), std::chrono::seconds(60));
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_ / "e.yaml";
};

TEST_F(FaultCheck, WhatNoAgentWouldTakeIsRefusedWithItsLine) {
  for (const auto& [fault, message] :
       {Case{"kind: clock-skew, on: web1, duration: 1s", "clock-skew"},
        Case{"kind: process-kill, on: web1, service: nginx, duration: 1s, with: {signal: FOO}",
             "FOO"},
        Case{"kind: process-kill, on: web1, service: nginx, duration: 1s, with: {signal: STOP}",
             "ends no process"},
        Case{"kind: process-kill, on: lb.vip-owner, service: haproxy, duration: 1s, with: {signal: "
             "STOP}",
             "ends no process"},
        Case{"kind: netem, on: web1, duration: 1s", "netem"},
        Case{"kind: crash-loop, on: web1, service: nginx, duration: 1s, with: {after: 10s}",
             "after"},
        Case{"kind: host-reboot, on: web1, duration: 1s, with: {grace: 20s}", "grace"},
        Case{"kind: link-flap, on: web1, duration: 1s, with: {down: 1ms}", "down"},
        Case{"kind: mtu, on: web1, duration: 1s, with: {size: 10}", "size"},
        Case{"kind: firewall, on: web1, duration: 1s, with: {ports: [\"80-\"]}", "80-"},
        Case{"kind: config, on: web1, service: nginx, duration: 1s, with: {file: nope.cfg, mode: "
             "replace, search: [a], replace: [b]}",
             "nope.cfg"},
        Case{"kind: disk-fill, on: web1, duration: 1s, with: {path: var}", "path"},
        Case{"kind: vip-conflict, on: web1, duration: 1s, with: {vip: ww}", "ww"},
        Case{"kind: tls, on: db1, service: db-guard, duration: 1s, with: {mode: expired}",
             "db-guard"}}) {
    for (const char* verb : {"validate", "run"}) {
      const CommandResult result = say(verb, fault);
      EXPECT_EQ(result.exit_code, 2) << verb << ": " << fault << "\n" << result.output;
      EXPECT_THAT(result.errors, AllOf(StartsWith(file_ + ":7:"), HasSubstr(message))) << fault;
    }
  }
}

TEST_F(FaultCheck, WhatAnAgentTakesIsGood) {
  for (const char* fault :
       {"kind: process-kill, on: lb.vip-owner, service: haproxy, duration: 1s, with: {hold: false, "
        "signal: TERM}",
        "kind: partition, on: db1, duration: 1s, with: {from: [db2, db3], direction: out}",
        "kind: firewall, on: web1, duration: 1s, with: {ports: [\"3306\"], action: reject, ratio: "
        "5%}",
        "kind: tls, on: web1, service: nginx, duration: 1s, with: {mode: expired}",
        "kind: tls, on: web1, service: nginx, duration: 1s, with: {mode: weak-protocol, file: "
        "nginx.conf, search: [TLSv1.2], replace: [TLSv1]}",
        "kind: netem, on: lb, duration: 1s, with: {loss: 30%}",
        "kind: host-crash, on: [db1, web], duration: 1s",
        "kind: vip-conflict, on: web1, duration: 1s, with: {vip: www}",
        "kind: host-freeze, on: [lb.vip-owner, lb1, lb], duration: 1s",
        "kind: partition, on: lb.vip-owner, duration: 1s, with: {from: [lb2]}",
        "kind: dns, on: app1, duration: 1s"}) {
    const CommandResult result = say("validate", fault);
    EXPECT_EQ(result.exit_code, 0) << fault << "\n" << result.errors;
  }
}

TEST_F(FaultCheck, OneMistakeIsToldOnceWhoeverIsHit) {
  const CommandResult result =
      say("validate",
          "kind: process-kill, on: lb, service: haproxy, duration: 1s, with: {signal: FOO}");
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
}

}  // namespace
}  // namespace nospof
