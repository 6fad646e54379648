// The observers of a run, with other programs in the place of their probers.

#include "control/observers.hpp"

#include <csignal>
#include <filesystem>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::control {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// What every prober begins with: it is ready,
constexpr const char* is_ready = R"(
    read -r orders
    echo '{"ready":true}')";

/// and tells its clock, which is this machine's.
constexpr const char* tells_clock = R"(
    read -r clock number
    boot=$(cat /proc/sys/kernel/random/boot_id)
    namespace=$(stat -L -c %i /proc/self/ns/time 2> /dev/null || echo 0)
    printf '{"clock":%s,"mono_ns":1,"boot_id":"%s","time_namespace":%s}\n' \
      "$number" "$boot" "$namespace")";

/// Each program that is started goes on with the next of these shell scripts; later ones with the
/// last.
class Scripts final : public hosts::Transport {
 public:
  /// `at_once`: what each of them does as soon as it is ready.
  explicit Scripts(std::vector<std::string> scripts, std::string at_once = "")
      : scripts_(std::move(scripts)), at_once_(std::move(at_once)) {}
  hosts::RemoteProcess start(const std::string& /*host*/,
                             const std::vector<std::string>& /*arguments*/) override {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    SpawnOptions options;
    const std::string& script = scripts_.at(std::min(started_++, scripts_.size() - 1));
    options.argv = {"sh", "-c", is_ready + at_once_ + tells_clock + script};
    options.stdin_fd = input.read_end.get();
    options.stdout_fd = output.write_end.get();
    options.parent_death_signal = SIGKILL;
    return {std::move(input.write_end), std::move(output.read_end), spawn(options)};
  }
  std::size_t started() const { return started_; }

 private:
  std::vector<std::string> scripts_;
  std::string at_once_;
  std::size_t started_ = 0;
};

const std::vector<Observer> observers{{"client", {"ledger", "ledger", {}}, true},
                                      {"client", {"vip", "vip", {}}}};

class ObserverTeamTest : public ::testing::Test {
 protected:
  /// Runs a team from start to stop, which it is told when that is so.
  void run(Scripts& scripts, const std::function<bool(const ObserverTeam&)>& so) {
    ::signal(SIGPIPE, SIG_IGN);  // as nospof does
    asio::io_context context(1);
    Interruption interruption(context);
    ClockBook clocks(recorder_, clock_);
    ObserverTeam team(context, interruption, scripts, recorder_, clocks);
    const auto all = [&]() -> asio::awaitable<void> {
      co_await team.start(observers);
      while (!so(team)) co_await interruption.sleep_through(1ms);
      co_await team.stop();
      interruption.stop();
    };
    std::exception_ptr failure;
    asio::co_spawn(context, all(), [&](const std::exception_ptr& e) { failure = e; });
    context.run_for(30s);
    if (failure) std::rethrow_exception(failure);
    ASSERT_TRUE(context.stopped()) << read_file(recorder_.folder() + "/events.ndjson");
  }

  const test::TemporaryFolder folder_;
  const SystemClock clock_;
  Recorder recorder_{folder_.path(), "run", clock_};
};

TEST_F(ObserverTeamTest, AProbeThatFailsDoesNotCostTheLedgerItsLastRead) {
  const std::string failing = R"(
    echo '{"of":"ledger","operated":[[1,0,"invoke","add","",null,7,[]]]}'
    echo '{"of":"ledger","operated":[[2,0,"ok","add","",null,7,[]]]}'
    echo '{"of":"vip","error":"its device is gone"}'
    read -r stop
    echo '{"of":"ledger","operated":[[3,1,"invoke","read","",null,null,[]]]}'
    echo '{"of":"ledger","operated":[[4,1,"ok","read","",null,null,[7]]]}')";
  const std::string working = R"(
    read -r stop
    echo '{"done":true}')";
  Scripts scripts({failing, working});
  run(scripts, [&](const ObserverTeam&) { return scripts.started() == 2; });
  const std::string history = read_file(recorder_.folder() + "/ledger.jsonl");
  EXPECT_THAT(history, HasSubstr(R"("type":"ok","f":"read","value":[7])"));
  EXPECT_THAT(read_file(recorder_.folder() + "/events.ndjson"), HasSubstr("its device is gone"));
}

TEST_F(ObserverTeamTest, WhoIsToLookAfterHealingHasDoneSoOnceALookThatBeganThenToldSomething) {
  Scripts scripts({R"(
    echo '{"of":"vip","looked":[400,410,5,0]}'
    echo '{"of":"ledger","looked":[100,150,5,0]}'
    echo '{"of":"ledger","looked":[200,250,5,5]}'
    read -r stop
    echo '{"done":true}')"});
  run(scripts, [&](const ObserverTeam& team) {
    EXPECT_FALSE(team.looked_since(101)) << "the later one told nothing";
    return team.looked_since(100);
  });
}

TEST_F(ObserverTeamTest, WhatAProbeTellsAtOnceIsToldByTheOneThatIsUp) {
  Scripts scripts({R"(
    echo '{"of":"ledger","looked":[100,150,5,0]}'
    read -r stop
    echo '{"done":true}')"},
                  R"(
    echo '{"of":"vip","found":{"at_ns":100,"since_ns":0,"what":"open","subject":"a","detail":"",
      "violation":true,"over":false,"count":1}}' | tr -d '\n'
    echo)");
  run(scripts, [&](const ObserverTeam& team) { return team.looked_since(100); });
  const std::string events = read_file(recorder_.folder() + "/events.ndjson");
  ASSERT_THAT(events, HasSubstr(R"("event":"found")"));
  EXPECT_LT(events.find(R"("state":"up")"), events.find(R"("event":"found")"))
      << "else it counts as told by a former one, and as over";
}

// A prober that begins anew looks at the same, and tells all of it again.
TEST_F(ObserverTeamTest, WhatAProbeLooksAtIsRecordedOnce) {
  const std::string expects = R"(
    echo '{"of":"vip","expects":[["a -> b:1/tcp","open"],["a -> b:2/tcp","closed"]]}')";
  Scripts scripts({expects + R"(
    echo '{"of":"vip","decided":[1]}'
    echo '{"of":"vip","error":"its device is gone"}'
    read -r stop
    echo '{"done":true}')",
                   expects + R"(
    echo '{"of":"vip","decided":[0,1]}'
    echo '{"of":"ledger","looked":[100,150,5,0]}'
    read -r stop
    echo '{"done":true}')"});
  run(scripts, [&](const ObserverTeam& team) { return team.looked_since(100); });
  std::vector<std::string> told;
  std::istringstream events(read_file(recorder_.folder() + "/events.ndjson"));
  for (std::string line; std::getline(events, line);)
    for (const char* key : {"\"expects\":[", "\"places\":["})
      if (const auto at = line.find(key); at != std::string::npos) told.push_back(line.substr(at));
  EXPECT_THAT(told,
              ::testing::ElementsAre(R"("expects":[{"subject":"a -> b:1/tcp","expected":"open"},)"
                                     R"({"subject":"a -> b:2/tcp","expected":"closed"}]})",
                                     R"("places":[1]})", R"("places":[0]})"));
}

}  // namespace
}  // namespace nospof::control
