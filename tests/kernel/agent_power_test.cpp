// Power over other hosts: agent and understudy each have a connection of their own.

#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/journal.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Outcome = kinds::Confirmation::Outcome;

/// A host is on while its file says so. The descriptor stands for a connection to a keeper: it is
/// of no use to a process that did not open it itself.
class FilePower final : public kinds::HostPower {
 public:
  explicit FilePower(std::string file)
      : file_(std::move(file)), connection_(open_file(file_, O_RDWR)), made_by_(::getpid()) {}
  void off(const std::string&, Nanoseconds) override { write("0"); }
  void on(const std::string&) override { write("1"); }
  bool is_on(const std::string&) const override {
    char byte = 0;
    check("read power", ::pread(connection(), &byte, 1, 0));
    return byte == '1';
  }

 private:
  int connection() const {
    if (made_by_ != ::getpid()) throw Error("the connection is another process's");
    return connection_.get();
  }
  void write(const char* byte) const { check("write power", ::pwrite(connection(), byte, 1, 0)); }

  std::string file_;
  UniqueFd connection_;
  pid_t made_by_;
};

class OffKind final : public kinds::FaultKind, public kinds::Fault {
 public:
  OffKind() { info_.name = "test-off"; }
  const spec::KindInfo& info() const override { return info_; }
  kinds::Plan plan(const std::vector<std::string>&, const std::string&, const spec::Parameters&,
                   const kinds::StackView&) const override {
    throw Error("test-off is not planned");
  }
  std::unique_ptr<kinds::Fault> make(const json::object&) const override {
    return std::make_unique<OffKind>();
  }
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    return std::make_unique<OffInjection>(*env.power);
  }

 private:
  class OffInjection final : public kinds::Injection {
   public:
    explicit OffInjection(kinds::HostPower& power) : power_(power) {}
    std::vector<kinds::UndoRecord> undo() const override {
      return {kinds::UndoRecord{{"op", "power-on"}, {"host", "db1"}}};
    }
    void inject() override { power_.off("db1", 60s); }
    kinds::Confirmation confirm() override { return see(false); }
    kinds::Confirmation confirm_healed() override { return see(true); }

   private:
    kinds::Confirmation see(bool wanted) const {
      const bool on = power_.is_on("db1");
      return {on == wanted ? Outcome::confirmed : Outcome::not_yet, on ? "on" : "off"};
    }
    kinds::HostPower& power_;
  };
  spec::KindInfo info_;
};

class AgentPower : public ::testing::Test {
 protected:
  AgentPower() {
    write_file(file_, "1");
    options_.host = "@power";
    options_.journal = folder_ / "journal";
    options_.power = [file = file_] { return std::make_unique<FilePower>(file); };
    agent_ = std::make_unique<test::AgentProcess>(
        options_, [](kinds::Registry& registry) { registry.add(std::make_unique<OffKind>()); });
    agent_->lease();
    EXPECT_TRUE(agent_->inject("a", {}, 60s, 5s, "test-off").at("confirmed").as_bool());
    EXPECT_EQ(read_file(file_), "0");
  }
  void expect_on() {
    EXPECT_TRUE(test::wait_until([&] { return read_file(file_) == "1"; }));
    EXPECT_TRUE(test::wait_until([&] { return Journal::peek(options_.journal).open.empty(); }));
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_ / "db1";
  AgentOptions options_;
  std::unique_ptr<test::AgentProcess> agent_;
};

TEST_F(AgentPower, HealingBoots) {
  const json::object answer = agent_->heal("a");
  EXPECT_TRUE(answer.at("healed").as_bool());
  EXPECT_TRUE(answer.at("confirmed").as_bool());
  expect_on();
}

TEST_F(AgentPower, TheUnderstudyOfAKilledAgentBoots) {
  agent_->child().signal(SIGKILL);
  expect_on();
}

TEST_F(AgentPower, RecoverBootsWhenBothAreDead) {
  const ProcessId understudy = agent_->understudy();
  ASSERT_TRUE(send_signal(understudy, SIGSTOP));
  agent_->child().signal(SIGKILL);
  ASSERT_TRUE(send_signal(understudy, SIGKILL));
  agent_->exit_code();
  const test::Recovered recovered = test::run_recovery(options_);
  EXPECT_EQ(recovered.code, 0) << recovered.output;
  EXPECT_EQ(read_file(file_), "1");
  expect_on();
}

}  // namespace
}  // namespace nospof::agent
