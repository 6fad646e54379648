// The web server sends a write to another application server when one does not answer, and the
// application tries it on another database node: so it may be done twice, also long after its
// client was answered. A store that lets that be seen is none that a history of it can judge.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace nospof::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A lab with a page that stores values, and one client of it.
class Store {
 public:
  explicit Store(const std::string& topology) {
    const CommandResult up = sandbox_.run({"lab", "up", source(topology), "--name", name_}, 90s);
    EXPECT_EQ(up.exit_code, 0) << up.output << up.errors;
  }

  std::string write(const std::string& id, const std::string& token) const {
    return get(fmt::format("/canary?id={}&v={}", id, token));
  }
  std::string read(const std::string& id) const { return get("/values?ids=" + id); }
  void signal_application(const std::string& host, const std::string& signal) const {
    const CommandResult run = on(host, {"pkill", "-" + signal, "gunicorn"});
    EXPECT_EQ(run.exit_code, 0) << run.errors;
  }
  /// What the server is busy with when it wakes comes before a request of now.
  void ask_application(const std::string& host) const {
    const std::string etc = fmt::format("{}/hosts/{}/etc/tls", folder(), host);
    const CommandResult run = on(host, {"curl", "-sf", "--max-time", "5", "--cacert", authority(),
                                        "--cert", etc + "/app.crt", "--key", etc + "/app.key",
                                        fmt::format("https://{}:8443/values?ids=none", host)});
    EXPECT_EQ(run.exit_code, 0) << run.output << run.errors;
  }

 private:
  std::string folder() const { return fmt::format("{}/state/labs/{}", sandbox_.folder(), name_); }
  std::string authority() const { return folder() + "/tls/stack.crt"; }
  CommandResult on(const std::string& host, std::vector<std::string> command) const {
    std::vector<std::string> arguments{"lab", "exec", name_, host, "--"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    return sandbox_.run(arguments, 20s);
  }
  std::string get(const std::string& target) const {
    return on("client", {"curl", "-s", "--max-time", "5", "--cacert", authority(),
                         "https://www.nospof.test" + target})
        .output;
  }

  Sandbox sandbox_;
  std::string name_ = sandbox_.lab_name("r");
};

class Repeats : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Databases, Repeats,
                         ::testing::Values("tests/e2e/store/topology.yaml",
                                           "experiments/three-tier-patroni/topology.yaml"),
                         [](const auto& which) {
                           return std::string(which.index == 0 ? "MariaDb" : "PostgreSql");
                         });

TEST_P(Repeats, AWriteThatIsDoneAgainDoesNotBringItsValueBack) {
  const Store store(GetParam());
  EXPECT_THAT(store.write("r", "first"), HasSubstr(R"("v": "first")"));
  EXPECT_THAT(store.write("r", "second"), HasSubstr(R"("v": "second")"));
  EXPECT_THAT(store.write("r", "first"), HasSubstr(R"("v": "second")")) << "it was done already";
  EXPECT_THAT(store.read("r"), HasSubstr(R"("r": "second")"));
  EXPECT_THAT(store.write("r", "third"), HasSubstr(R"("v": "third")"));
  EXPECT_THAT(store.write("r", "sec"), HasSubstr(R"("v": "sec")")) << "a part of one is another";
  EXPECT_THAT(store.write("other", "first"), HasSubstr(R"("v": "first")"));
}

TEST(Repeat, WhatAPausedServerStillHoldsChangesNothingWhenItWakes) {
  const Store store("tests/e2e/store/topology.yaml");
  // So that the web server has connections to both, on which requests go out at once.
  for (int i = 0; i < 8; ++i) store.write(fmt::format("before-{}", i), "x");
  store.signal_application("app1", "STOP");
  // In turn they go to the one and the other: of two in a row one waits for the paused server.
  const std::vector<std::string> ids{"a", "b", "c", "d"};
  for (const std::string& id : ids)
    EXPECT_THAT(store.write(id, "old"), HasSubstr(R"("app": "app2")"));
  for (const std::string& id : ids) EXPECT_THAT(store.write(id, "new"), HasSubstr(R"("v": "new")"));
  store.signal_application("app1", "CONT");
  store.ask_application("app1");
  for (const std::string& id : ids)
    EXPECT_THAT(store.read(id), HasSubstr(fmt::format(R"("{}": "new")", id)));
}

}  // namespace
}  // namespace nospof::e2e
