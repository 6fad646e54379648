// A fault that ended by itself before it was to be healed is no evidence that it was survived.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;

TEST(Held, TellsThatAFaultHadEndedBeforeItWasToBeHealed) {
  for (const bool ends : {false, true}) {
    const test::Sleeper sleeper;
    const test::TemporaryFolder folder;
    AgentOptions options;
    options.host = "db1";
    options.journal = folder / "journal";
    test::AgentProcess agent(options);
    agent.lease();
    ASSERT_TRUE(agent.inject("a", sleeper.parameters("needs-helper")).at("confirmed").as_bool());
    if (ends) send_signal(sleeper.id(), SIGCONT);
    const json::object answer = agent.heal("a");
    EXPECT_TRUE(answer.at("healed").as_bool());
    const json::object& first = answer.at("steps").as_array().front().as_object();
    EXPECT_EQ(first.at("step") == "held", ends) << json::serialize(answer);
    if (!ends) continue;
    EXPECT_FALSE(first.at("ok").as_bool());
    EXPECT_THAT(std::string(first.at("detail").as_string()),
                testing::HasSubstr("the helper has ended"));
  }
}

}  // namespace
}  // namespace nospof::agent
