// The verbs faults and doctor of the built program: every kind is listed, and what is missing here
// is named with what it disables.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/capabilities.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"

namespace nospof {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

CommandResult nospof(std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), test::built_program);
  return run_command(std::move(options), std::chrono::seconds(60));
}

TEST(Faults, AreListedWithTheirParameters) {
  const CommandResult result = nospof({"faults"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  for (const char* kind : {"process-kill  (acts on a service)", "host-crash  (acts on a host)"})
    EXPECT_THAT(result.output, HasSubstr(kind));
  EXPECT_THAT(result.output, HasSubstr("signal                 text, default KILL."));
  EXPECT_THAT(result.output, HasSubstr("main | all, default all."));
  EXPECT_THAT(result.output, HasSubstr("here: "));
}

TEST(Faults, OfOneKind) {
  const CommandResult result = nospof({"faults", "partition"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("partition  (acts on a host)"));
  EXPECT_THAT(result.output, Not(HasSubstr("process-kill")));
  const CommandResult unknown = nospof({"faults", "nonsense"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.errors, HasSubstr("there is no fault 'nonsense'; there are: "));
}

TEST(Doctor, SaysOfEachCapabilityWhetherItIsHere) {
  const CommandResult result = nospof({"doctor"});
  EXPECT_THAT(result.exit_code, AnyOf(0, 4)) << result.errors;
  for (const Capability& each : find_capabilities()) {
    const std::string line =
        (each.present ? "ok       " : "missing  ") + each.name + std::string(1, ' ');
    EXPECT_THAT(result.output, HasSubstr(line)) << each.missing;
    if (each.present) continue;
    EXPECT_THAT(result.output, HasSubstr(each.missing));
    EXPECT_FALSE(each.remedy.empty()) << each.name;
  }
}

TEST(Doctor, KnowsWhatAStackNeeds) {
  const std::string topology =
      std::string(test::source_folder) + "/experiments/three-tier/topology.yaml";
  const CommandResult result = nospof({"doctor", topology});
  EXPECT_THAT(result.output, HasSubstr("everything that the services of " + topology));
  EXPECT_EQ(nospof({"doctor", "none.yaml"}).exit_code, 2);
}

TEST(Capabilities, AreMetByOneOfSeveral) {
  const std::vector<Capability> capabilities = {{"a", "", true, "", ""},
                                                {"b", "", false, "no", "make it so"}};
  EXPECT_TRUE(has_capability(capabilities, "a"));
  EXPECT_FALSE(has_capability(capabilities, "b"));
  EXPECT_TRUE(has_capability(capabilities, "b|a"));
  EXPECT_FALSE(has_capability(capabilities, "c"));
}

}  // namespace
}  // namespace nospof
