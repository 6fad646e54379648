// What is left of a fault when agent, understudy or both die: nothing.

#include <filesystem>
#include <set>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/journal.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AgentDeath : public ::testing::Test {
 protected:
  AgentDeath() {
    options_.host = "db1";
    options_.journal = folder_ / "journal";
  }
  /// An agent with the sleeper stopped.
  std::unique_ptr<test::AgentProcess> inject() {
    auto agent = std::make_unique<test::AgentProcess>(options_);
    agent->lease();
    const json::object answer = agent->inject("a", sleeper_.parameters());
    EXPECT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
    EXPECT_EQ(sleeper_.letter(), 'T');
    understudy_ = agent->understudy();
    EXPECT_TRUE(is_alive(understudy_));
    return agent;
  }
  std::size_t open_records() const { return Journal::peek(options_.journal).open.size(); }
  void expect_healed() {
    EXPECT_TRUE(test::wait_until([&] { return sleeper_.letter() == 'S'; }));
    EXPECT_TRUE(test::wait_until([&] { return open_records() == 0; }));
    EXPECT_TRUE(test::wait_until([&] { return !is_alive(understudy_); }));
  }
  std::string last_line_by() const {
    const std::string text = read_file(options_.journal);
    const std::size_t begin = text.rfind('\n', text.size() - 2) + 1;
    return std::string(json::parse(text.substr(begin)).as_object().at("by").as_string());
  }

  test::TemporaryFolder folder_;
  AgentOptions options_;
  test::Sleeper sleeper_;
  ProcessId understudy_;
};

TEST_F(AgentDeath, KilledAgentIsHealedByItsUnderstudy) {
  auto agent = inject();
  agent->child().signal(SIGKILL);
  EXPECT_EQ(agent->exit_code(), 137);
  expect_healed();
  EXPECT_EQ(last_line_by(), "understudy");
  const test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, IsEmpty());
}

TEST_F(AgentDeath, TheControllerSeesTheEndThoughTheUnderstudyLives) {
  auto agent = inject();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent->child().signal(SIGKILL);
  EXPECT_THROW(agent->event("never"), std::runtime_error);  // the end of the output
  EXPECT_EQ(sleeper_.letter(), 'T');
  EXPECT_FALSE(Journal::lock(options_.journal, 0ms, SystemClock()));
  ASSERT_TRUE(send_signal(understudy_, SIGCONT));
  expect_healed();
}

TEST_F(AgentDeath, BothKilledIsHealedByRecover) {
  auto agent = inject();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent->child().signal(SIGKILL);
  ASSERT_TRUE(send_signal(understudy_, SIGKILL));
  agent->exit_code();
  ASSERT_TRUE(test::wait_until([&] { return !is_alive(understudy_); }));
  EXPECT_EQ(sleeper_.letter(), 'T');
  test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, HasSubstr("continue-processes of 'a' undone"));
  expect_healed();
  recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, IsEmpty());
}

TEST_F(AgentDeath, TheNextAgentTakesBackWhatBothLeft) {
  auto agent = inject();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent->child().signal(SIGKILL);
  ASSERT_TRUE(send_signal(understudy_, SIGKILL));
  agent->exit_code();
  test::AgentProcess next(options_);
  const json::object hello = next.ask("hello", {{"version", 1}});
  EXPECT_EQ(hello.at("recovered").as_array().size(), 1U);
  expect_healed();
}

TEST_F(AgentDeath, RecoverWaitsForAnUnderstudyAtWork) {
  auto agent = inject();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent->child().signal(SIGKILL);
  agent->exit_code();
  Child helper = test::fork_child([&] {
    std::this_thread::sleep_for(300ms);
    return send_signal(understudy_, SIGCONT) ? 0 : 1;
  });
  const test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, IsEmpty()) << "the understudy did it";
  expect_healed();
}

TEST_F(AgentDeath, RecoverSaysWhatItCannotUndo) {
  test::AgentProcess agent(options_);
  agent.lease();
  agent.inject("a", sleeper_.parameters("broken-undo"));
  understudy_ = agent.understudy();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent.child().signal(SIGKILL);
  ASSERT_TRUE(send_signal(understudy_, SIGKILL));
  agent.exit_code();
  const test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 5);
  EXPECT_THAT(recovered.output, HasSubstr("NOT UNDONE"));
  EXPECT_THAT(recovered.output, HasSubstr("no-such-operation"));
  EXPECT_TRUE(test::wait_until([&] { return sleeper_.letter() == 'S'; }));
  EXPECT_EQ(open_records(), 1U);
  test::AgentProcess next(options_);
  EXPECT_EQ(next.exit_code(), 5) << "no agent begins while something is left";
}

TEST_F(AgentDeath, RecordsOfAnotherBootNeverSignalAnybody) {
  auto agent = inject();
  ASSERT_TRUE(send_signal(understudy_, SIGSTOP));
  agent->child().signal(SIGKILL);
  ASSERT_TRUE(send_signal(understudy_, SIGKILL));
  agent->exit_code();
  std::string text = read_file(options_.journal);
  const std::string key = "\"init_start_time\":";
  text.insert(text.find(key) + key.size(), "7");
  write_file(options_.journal, text, 0600);
  const test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, HasSubstr("void"));
  EXPECT_EQ(sleeper_.letter(), 'T');
  EXPECT_EQ(open_records(), 0U);
}

TEST_F(AgentDeath, EndOfStdinHeals) {
  auto agent = inject();
  agent->to().reset();
  EXPECT_EQ(agent->event("healed").at("why").as_string(), "stdin ended");
  EXPECT_EQ(agent->exit_code(), 0);
  expect_healed();
  EXPECT_EQ(last_line_by(), "agent");
}

TEST_F(AgentDeath, SignalsHeal) {
  for (const int number : {SIGTERM, SIGHUP, SIGINT}) {
    auto agent = inject();
    agent->child().signal(number);
    const json::object event = agent->event("healed");
    EXPECT_EQ(event.at("why").as_string(), "SIG" + signal_name(number));
    EXPECT_TRUE(event.at("confirmed").as_bool());
    EXPECT_EQ(agent->exit_code(), 0);
    expect_healed();
  }
}

TEST_F(AgentDeath, AControllerThatIsGoneAltogetherHeals) {
  auto agent = inject();
  agent->from().reset();
  agent->to().reset();
  EXPECT_EQ(agent->exit_code(), 0);
  expect_healed();
}

TEST_F(AgentDeath, TheUnderstudyIgnoresSignalsAndHasNothingOfTheAgent) {
  auto agent = inject();
  for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGPIPE})
    ASSERT_TRUE(send_signal(understudy_, number));
  const std::string folder = fmt::format("/proc/{}/fd", understudy_.pid);
  std::multiset<std::string> targets;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    targets.insert(std::filesystem::read_symlink(entry.path()).string());
  EXPECT_EQ(targets.count("/dev/null"), 3U);
  EXPECT_EQ(targets.count(options_.journal), 1U);
  EXPECT_EQ(targets.size(), 6U) << "also its socket and the agent's pidfd, nothing else";
  EXPECT_EQ(::getsid(understudy_.pid), understudy_.pid);
  EXPECT_TRUE(is_alive(understudy_));
  EXPECT_EQ(agent->understudy(), understudy_);
}

TEST_F(AgentDeath, AKilledUnderstudyIsReplacedAndTheNewOneHealsToo) {
  auto agent = inject();
  const ProcessId first = understudy_;
  ASSERT_TRUE(send_signal(first, SIGKILL));
  EXPECT_GT(agent->event("understudy-restarted").at("pid").as_int64(), 0);
  understudy_ = agent->understudy();
  EXPECT_NE(understudy_, first);
  EXPECT_EQ(sleeper_.letter(), 'T');
  agent->child().signal(SIGKILL);
  expect_healed();
  EXPECT_EQ(last_line_by(), "understudy");
}

TEST_F(AgentDeath, AnUnderstudyThatIsStuckIsReplacedBeforeAnythingIsInjected) {
  test::AgentProcess agent(options_);
  agent.lease();
  const ProcessId first = agent.understudy();
  ASSERT_TRUE(send_signal(first, SIGSTOP));
  EXPECT_TRUE(agent.inject("a", sleeper_.parameters()).at("confirmed").as_bool());
  understudy_ = agent.understudy();
  EXPECT_NE(understudy_, first);
  EXPECT_FALSE(is_alive(first));
  agent.child().signal(SIGKILL);
  expect_healed();
}

TEST_F(AgentDeath, WithoutAnyUnderstudyEverythingIsHealedAndNothingInjected) {
  auto agent = inject();
  // Each successor dies as soon as it is there, until the agent gives up.
  for (int i = 0; i < 6 && is_alive(understudy_); ++i) {
    ASSERT_TRUE(send_signal(understudy_, SIGKILL));
    const json::object next = agent->line();
    if (next.at("event").as_string() == "understudy-lost") break;
    ASSERT_EQ(next.at("event").as_string(), "understudy-restarted");
    const auto state = read_process(next.at("pid").to_number<pid_t>());
    if (state) understudy_ = state->id;
  }
  EXPECT_EQ(agent->event("healed").at("why").as_string(), "understudy lost");
  EXPECT_EQ(sleeper_.letter(), 'S');
  const json::object answer = agent->inject("b", sleeper_.parameters());
  EXPECT_FALSE(answer.at("ok").as_bool());
  EXPECT_THAT(std::string(answer.at("error").as_string()), HasSubstr("understudy"));
  EXPECT_EQ(sleeper_.letter(), 'S');
  EXPECT_EQ(open_records(), 0U);
}

}  // namespace
}  // namespace nospof::agent
