// Two faults that change one thing at once: the second is refused, whichever kinds they are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;

TEST(Overlap, WhatAFaultWillPutBackNoOtherChangesMeanwhile) {
  const test::TemporaryFolder folder;
  const std::string control = folder / "pids.max";
  write_file(control, "2");
  AgentOptions options;
  options.host = "db1";
  options.journal = folder / "journal";
  test::AgentProcess agent(options);
  agent.lease();
  const test::Sleeper first;
  const test::Sleeper second;
  ASSERT_TRUE(agent.inject("a", first.parameters(control)).at("ok").as_bool());
  const json::object refused = agent.inject("b", second.parameters(control));
  EXPECT_FALSE(refused.at("ok").as_bool());
  EXPECT_THAT(std::string(refused.at("error").as_string()),
              testing::HasSubstr(control + " is changed already by the fault test-stop (injection "
                                           "'a')"));
  EXPECT_EQ(second.letter(), 'S');
  EXPECT_TRUE(agent.inject("c", second.parameters(control + "2")).at("ok").as_bool())
      << "another file";
  agent.heal("c");
  EXPECT_TRUE(agent.heal("a").at("healed").as_bool());
  EXPECT_EQ(read_file(control).substr(0, 1), "1");
  EXPECT_TRUE(agent.inject("d", second.parameters(control)).at("ok").as_bool());
}

}  // namespace
}  // namespace nospof::agent
