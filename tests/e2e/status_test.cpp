// Two runs on one lab: the second is refused while the first holds the hosts, and `nospof status`
// says who holds what.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/layout.hpp"
#include "lab/record.hpp"
#include "support.hpp"
#include "system/fd.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Status, SaysWhatIsInForceAndASecondRunIsRefused) {
  Sandbox sandbox;
  const std::string lab = sandbox.lab_name("s");
  const std::string topology = source("tests/e2e/mini/topology.yaml");
  ASSERT_EQ(sandbox.run({"lab", "up", topology, "--name", lab}, 60s).exit_code, 0);
  EXPECT_THAT(sandbox.run({"status", lab}, 30s).output, StartsWith("nothing is in force"));
  Child first = sandbox.start({"prove", topology, "--lab", lab, "--only", "web1/*/*", "--only",
                               "web1/host-*", "--runs", sandbox.runs()},
                              "first.log");
  CommandResult status;
  ASSERT_TRUE(eventually(60s, [&] {
    status = sandbox.run({"status", lab}, 30s);
    return status.output.find("is in force") != std::string::npos &&
           status.output.find("nothing") == std::string::npos;
  })) << read_file(sandbox.folder() + "/first.log");
  EXPECT_EQ(status.exit_code, 0) << status.output;
  EXPECT_THAT(status.output, HasSubstr(lab + "/web1: "));
  EXPECT_THAT(status.output, HasSubstr("; held by its agent, pid "));

  const CommandResult second = sandbox.run({"prove", topology, "--lab", lab, "--only",
                                            "web2/partition", "--runs", sandbox.runs() + "/second"},
                                           60s);
  EXPECT_EQ(second.exit_code, 3) << second.output << second.errors;
  EXPECT_THAT(second.output + second.errors, HasSubstr("in use by the agent of"));

  ASSERT_TRUE(first.wait(120s));
  EXPECT_EQ(describe_wait_status(*first.status()), "exited with 0")
      << read_file(sandbox.folder() + "/first.log");
  EXPECT_THAT(sandbox.run({"status", lab}, 30s).output, StartsWith("nothing is in force"));
  EXPECT_EQ(sandbox.run({"status", "no-such-lab"}, 30s).exit_code, 2);
  EXPECT_EQ(sandbox.run({"lab", "down", lab}, 30s).exit_code, 0);
}

TEST(Status, OfALabWhoseKeeperIsGoneSaysThatSomethingIsToBeRecovered) {
  Sandbox sandbox;
  const std::string lab = sandbox.lab_name("d");
  const std::string topology = source("tests/e2e/mini/topology.yaml");
  ASSERT_EQ(sandbox.run({"lab", "up", topology, "--name", lab}, 60s).exit_code, 0);
  const auto keeper = lab::read_keeper(lab::Layout::of(sandbox.folder() + "/state", lab));
  ASSERT_TRUE(keeper);
  ASSERT_TRUE(send_signal(*keeper, SIGKILL));
  CommandResult status;
  EXPECT_TRUE(eventually(30s, [&] {
    status = sandbox.run({"status", lab}, 30s);
    return status.exit_code == 5;
  })) << status.output;
  EXPECT_THAT(status.output, HasSubstr(lab + ": dead, its keeper is gone: run `nospof recover`"));
  EXPECT_EQ(sandbox.run({"recover", lab}, 60s).exit_code, 0);
  EXPECT_THAT(sandbox.run({"status"}, 30s).output, StartsWith("nothing is in force"));
}

}  // namespace
}  // namespace nospof::e2e
