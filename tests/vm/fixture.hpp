#pragma once
// Faults of the kernel's own sch_netem, on two hosts.

#include <cstdio>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "faults/bandwidth.hpp"
#include "faults/netem.hpp"
#include "system/check.hpp"
#include "tests/support/netem_pair.hpp"

namespace nospof::test {

using namespace std::chrono_literals;
using Outcome = kinds::Confirmation::Outcome;
using ::testing::HasSubstr;

class OnKernelNetem : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    if (pair_.run({"tc", "qdisc", "add", "dev", "lo", "root", "netem"}).empty())
      pair_.run({"tc", "qdisc", "del", "dev", "lo", "root"});
    else
      GTEST_SKIP() << "this kernel has no sch_netem; tests/vm/run brings one that has";
  }

  /// In force and confirmed.
  RunningFault netem(const spec::Parameters& parameters) {
    RunningFault fault = pair_.fault(*kind_, parameters);
    fault.inject();
    const auto answer = fault.confirm();
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;

    return fault;
  }

  void heal(RunningFault& fault) {
    fault.heal();
    const auto answer = fault.confirm_healed();
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    EXPECT_TRUE(passes_untouched(pair_.measure({.packets = 200, .patience = 200ms})));
  }

  /// Chance has no seed in this kernel: bounds that one sample in a thousand misses have to be kept
  /// by one of two samples.
  void sampled(const Flow& flow,
               const std::function<::testing::AssertionResult(const NetemTrace&)>& question) {
    auto answer = question(pair_.measure(flow));
    if (!answer) {
      std::printf("  again, as %s\n", answer.message());
      answer = question(pair_.measure(flow));
    }
    EXPECT_TRUE(answer);
    if (answer) std::printf("  %s\n", answer.message());
  }

  /// Time is exact in here (see virtual_time.cpp), and where chance has no part one look is enough.
  void measured(const Flow& flow,
                const std::function<::testing::AssertionResult(const NetemTrace&)>& question) {
    const auto answer = question(pair_.measure(flow));
    EXPECT_TRUE(answer);
    if (answer) std::printf("  %s\n", answer.message());
  }

  NetemPair pair_;
  std::unique_ptr<kinds::FaultKind> kind_ = faults::make_netem();
};

}  // namespace nospof::test
