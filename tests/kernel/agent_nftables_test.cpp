// Tables that the kernel removes with their owner: really gone after healing and after every kind
// of death.

#include <csignal>
#include <optional>

#include <gtest/gtest.h>
#include <sched.h>

#include "agent/journal.hpp"
#include "agent/undo.hpp"
#include "system/lab_network.hpp"
#include "system/namespaces.hpp"
#include "system/nftables.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Outcome = kinds::Confirmation::Outcome;

const NftTable table{"inet", "nospof-test"};

class TableInjection final : public kinds::Injection {
 public:
  std::vector<kinds::UndoRecord> undo() const override {
    kinds::UndoRecord record{{"op", "nft-owned-table"}};
    record["family"] = table.family;
    record["table"] = table.name;
    return {record};
  }
  void inject() override {
    owner_.emplace();
    owner_->run(fmt::format("table {} {} {{ flags owner; }}", table.family, table.name));
  }
  kinds::Confirmation confirm() override { return see(true); }
  void release() override { owner_.reset(); }
  kinds::Confirmation confirm_healed() override { return see(false); }

 private:
  static kinds::Confirmation see(bool wanted) {
    const bool there = NftContext().has_table(table);
    return {there == wanted ? Outcome::confirmed : Outcome::not_yet, there ? "there" : "gone"};
  }
  std::optional<NftContext> owner_;
};

class TableKind final : public kinds::FaultKind, public kinds::Fault {
 public:
  TableKind() { info_.name = "test-table"; }
  const spec::KindInfo& info() const override { return info_; }
  kinds::Plan plan(const std::vector<std::string>&, const std::string&, const spec::Parameters&,
                   const kinds::StackView&) const override {
    throw Error("test-table is not planned");
  }
  std::unique_ptr<kinds::Fault> make(const json::object&) const override {
    return std::make_unique<TableKind>();
  }
  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv&) const override {
    return std::make_unique<TableInjection>();
  }

 private:
  spec::KindInfo info_;
};

class AgentNftables : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes network namespaces";
    namespace_ = create_network_namespace();
    AgentOptions options;
    options.host = "db1";
    options.journal = folder_ / "journal";
    agent_ = std::make_unique<test::AgentProcess>(options, [this](kinds::Registry& registry) {
      check("setns", ::setns(namespace_.get(), CLONE_NEWNET));
      registry.add(std::make_unique<TableKind>());
    });
    agent_->lease();
    EXPECT_TRUE(agent_->inject("a", {}, 60s, 5s, "test-table").at("confirmed").as_bool());
    EXPECT_TRUE(has_table());
  }
  bool has_table() {
    bool found = false;
    in_namespaces({{namespace_.get(), CLONE_NEWNET}},
                  [&] { found = has_nft_table(table.family, table.name); });
    return found;
  }
  std::size_t open_records() const { return Journal::peek(folder_ / "journal").open.size(); }
  void expect_gone() {
    EXPECT_TRUE(test::wait_until([&] { return !has_table(); }));
    EXPECT_TRUE(test::wait_until([&] { return open_records() == 0; }));
  }

  test::TemporaryFolder folder_;
  UniqueFd namespace_;
  std::unique_ptr<test::AgentProcess> agent_;
};

TEST_F(AgentNftables, HealingRemovesIt) {
  const json::object answer = agent_->heal("a");
  EXPECT_TRUE(answer.at("healed").as_bool());
  EXPECT_TRUE(answer.at("confirmed").as_bool());
  EXPECT_EQ(answer.at("evidence").as_string(), "gone");
  EXPECT_FALSE(has_table());
  EXPECT_EQ(open_records(), 0U);
}

TEST_F(AgentNftables, AKilledAgentTakesItAlong) {
  agent_->child().signal(SIGKILL);
  expect_gone();
}

TEST_F(AgentNftables, ALaterUnderstudyDoesNotKeepItAlive) {
  ASSERT_TRUE(send_signal(agent_->understudy(), SIGKILL));
  agent_->event("understudy-restarted");
  EXPECT_TRUE(has_table());
  agent_->child().signal(SIGKILL);
  expect_gone();
}

TEST_F(AgentNftables, ARunningProgramDoesNotKeepItAlive) {
  json::object fields;
  fields["argv"] = json::array{"sleep", "600"};
  fields["timeout_ms"] = 60'000;
  agent_->send("exec", fields);
  agent_->ask("status");
  agent_->child().signal(SIGKILL);
  expect_gone();
}

TEST_F(AgentNftables, ATableWhoseOwnerLivesIsNoSuccess) {
  kinds::HostEnv env;
  UndoResult result;
  in_namespaces({{namespace_.get(), CLONE_NEWNET}},
                [&] { result = execute_undo(TableInjection().undo().front(), env); });
  EXPECT_FALSE(result.done);
  EXPECT_NE(result.detail.find("owner lives on"), std::string::npos) << result.detail;
  EXPECT_TRUE(has_table());
}

TEST(LabNetwork, IsOnlyReachedFromInside) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes a network namespace";
  for (const char* address : {"198.18.0.1", "198.19.255.254", "::ffff:198.18.0.1"}) {
    EXPECT_TRUE(is_lab_address(address)) << address;
    EXPECT_THROW(require_lab_namespace_for(address), Error) << address;
  }
  for (const char* address : {"198.17.255.255", "198.20.0.0", "127.0.0.1", "::1"}) {
    EXPECT_FALSE(is_lab_address(address)) << address;
    EXPECT_NO_THROW(require_lab_namespace_for(address)) << address;
  }
  EXPECT_THROW(is_lab_address("localhost"), Error);
  const UniqueFd inside = create_network_namespace();
  in_namespaces({{inside.get(), CLONE_NEWNET}}, [] {
    EXPECT_THROW(require_lab_namespace_for("198.18.0.1"), Error);
    SpawnOptions options;
    options.argv = {"ip", "address", "add", "198.18.0.2/24", "dev", "lo"};
    EXPECT_EQ(run_command(options, 10s).exit_code, 0);
    EXPECT_NO_THROW(require_lab_namespace_for("198.18.0.1"));
  });
}

}  // namespace
}  // namespace nospof::agent
