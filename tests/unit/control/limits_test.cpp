#include "control/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"
#include "tests/support/sample_topology.hpp"

namespace nospof::control {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

// A fault that touches exactly its targets.
class TouchesItsTargets final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }
  kinds::Plan plan(const std::vector<std::string>& targets, const std::string&,
                   const spec::Parameters&, const kinds::StackView&) const override {
    kinds::Plan plan;
    plan.blast_radius = targets;
    return plan;
  }
  std::unique_ptr<kinds::Fault> make(const kinds::json::object&) const override { return nullptr; }

 private:
  spec::KindInfo info_{"touch", "Touches.", spec::TargetType::host, {}, {}, {}};
};

spec::FaultSpec fault(const std::vector<std::string>& targets, Nanoseconds at,
                      Nanoseconds duration) {
  spec::FaultSpec result;
  result.kind = "touch";
  result.targets = targets;
  result.at = at;
  result.duration = duration;
  return result;
}

std::string refusal(const spec::Topology& topology, const std::vector<spec::FaultSpec>& faults) {
  kinds::Registry registry;
  registry.add(std::make_unique<TouchesItsTargets>());
  spec::Experiment experiment;
  experiment.file = "e.yaml";
  experiment.faults = faults;
  try {
    check_limits(experiment, topology, registry);
    return {};
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(Limits, AllowEverythingUnlessTheTopologySaysOtherwise) {
  EXPECT_THAT(beyond_limits(test::sample_topology(), {"lb1", "lb2", "web1"}), IsEmpty());
}

TEST(Limits, CountHostsAndNoneTwice) {
  spec::Topology topology = test::sample_topology();
  topology.limits.hosts = 2;
  EXPECT_THAT(beyond_limits(topology, {"lb1", "web1", "lb1"}), IsEmpty());
  EXPECT_THAT(beyond_limits(topology, {"lb1", "web1", "lb2"}),
              HasSubstr("3 hosts at the same time (lb1, lb2, web1), at most 2"));
}

TEST(Limits, TakeTheShareOfEachTier) {
  spec::Topology topology = test::sample_topology();
  topology.limits.tier_share = {0.5};
  EXPECT_THAT(beyond_limits(topology, {"lb1"}), IsEmpty());
  EXPECT_THAT(beyond_limits(topology, {"lb1", "lb2"}), HasSubstr("2 of the 2 hosts of tier lb"));
  // The only one of its kind is all of its tier.
  EXPECT_THAT(beyond_limits(topology, {"web1"}), HasSubstr("1 of the 1 hosts of tier web"));
}

TEST(Limits, AThirdOfThreeIsOne) {
  spec::Topology topology = test::sample_topology();
  topology.tiers = {{"db", {"db1", "db2", "db3"}, 2, {}}};
  topology.limits.tier_share = {0.333};
  EXPECT_THAT(beyond_limits(topology, {"db2"}), IsEmpty());
  EXPECT_THAT(beyond_limits(topology, {"db2", "db3"}), HasSubstr("2 of the 3"));
}

TEST(Limits, NobodyTouchesAProtectedHost) {
  spec::Topology topology = test::sample_topology();
  topology.limits.protected_hosts = {"web1"};
  EXPECT_THAT(beyond_limits(topology, {"lb1", "web1"}), HasSubstr("web1 is protected"));
}

TEST(Limits, LookAtWhatAnExperimentBreaksAtTheSameTime) {
  spec::Topology topology = test::sample_topology();
  topology.limits.hosts = 1;
  EXPECT_THAT(refusal(topology, {fault({"lb1"}, 0s, 5s), fault({"web1"}, 5s, 5s)}), IsEmpty());
  const std::string why = refusal(topology, {fault({"lb1"}, 0s, 5s), fault({"web1"}, 4s, 5s)});
  EXPECT_THAT(why, HasSubstr("e.yaml: at 4s the faults go beyond the limits of sample/topology"));
  EXPECT_THAT(why, HasSubstr("2 hosts"));
  EXPECT_THAT(refusal(topology, {fault({"lb"}, 1s, 5s)}), HasSubstr("(lb1, lb2)"));
}

TEST(Consent, IsNeededWhereAHostIsNoLab) {
  spec::Topology topology = test::sample_topology();
  EXPECT_NO_THROW(require_consent(topology, false));
  topology.hosts[1].transport = spec::TransportKind::ssh;
  topology.hosts[1].mark.line = 12;
  EXPECT_NO_THROW(require_consent(topology, true));
  try {
    require_consent(topology, false);
    FAIL() << "nothing was refused";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("sample/topology.yaml:12: host lb2 is no lab"));
    EXPECT_THAT(e.what(), HasSubstr("--confirm"));
  }
}

}  // namespace
}  // namespace nospof::control
