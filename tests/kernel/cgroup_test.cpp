// Control groups and new processes in namespaces of their own.

#include "system/cgroup.hpp"

#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof {

using namespace std::chrono_literals;

namespace {

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes cgroups";
    folder_ = fmt::format("{}/nospof-test-cgroup-{}", cgroup2_mount(), ::getpid());
    create_cgroup(folder_ + "/below");
  }
  void TearDown() override {
    if (folder_.empty() || !std::filesystem::exists(folder_)) return;
    kill_cgroup(folder_);
    EXPECT_TRUE(remove_cgroup(folder_, 10s));
  }

  // A process born in `folder` that waits to be killed.
  static Child sleeper_in(const std::string& folder) {
    const UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    ForkOptions options;
    options.cgroup_fd = fd.get();
    options.parent_death_signal = SIGKILL;
    return fork_process(options, []() -> int {
      for (;;) ::pause();
    });
  }
  static bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(2ms);
    return condition();
  }

  std::string folder_;
};

}  // namespace

TEST_F(CgroupTest, KnowsItsMembersAlsoBelow) {
  EXPECT_FALSE(is_cgroup_populated(folder_));
  Child child = sleeper_in(folder_ + "/below");
  EXPECT_EQ(cgroup_members(folder_), std::vector<pid_t>{child.pid()});
  EXPECT_TRUE(cgroup_members(folder_, false).empty());
  EXPECT_TRUE(is_cgroup_populated(folder_));
  EXPECT_TRUE(cgroup_members(folder_ + "/none").empty());
  EXPECT_FALSE(is_cgroup_populated(folder_ + "/none"));
}

TEST_F(CgroupTest, KillsEverythingAlsoWhatIsFrozen) {
  Child one = sleeper_in(folder_);
  Child two = sleeper_in(folder_ + "/below");
  freeze_cgroup(folder_, true);
  EXPECT_TRUE(eventually([this] { return is_cgroup_frozen(folder_); }));
  EXPECT_FALSE(remove_cgroup(folder_, 10ms)) << "it is in use";
  kill_cgroup(folder_);
  EXPECT_TRUE(one.wait(20s));
  EXPECT_TRUE(two.wait(20s));
  EXPECT_TRUE(remove_cgroup(folder_, 10s));
  EXPECT_FALSE(std::filesystem::exists(folder_));
  EXPECT_TRUE(remove_cgroup(folder_, 0ms)) << "gone already";
  EXPECT_NO_THROW(kill_cgroup(folder_));
}

TEST_F(CgroupTest, FreezesAndThaws) {
  Child child = sleeper_in(folder_);
  freeze_cgroup(folder_, true);
  EXPECT_TRUE(eventually([this] { return is_cgroup_frozen(folder_); }));
  freeze_cgroup(folder_, false);
  EXPECT_TRUE(eventually([this] { return !is_cgroup_frozen(folder_); }));
  EXPECT_TRUE(child.running());
}

TEST_F(CgroupTest, AForkedProcessIsPidOneOfItsNewNamespaces) {
  ForkOptions options;
  options.namespaces = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET;
  const std::string machine = std::filesystem::read_symlink("/proc/self/ns/net").string();
  Child child = fork_process(options, [&machine]() -> int {
    if (::getpid() != 1) return 2;
    check("sethostname", ::sethostname("inside", 6));
    return std::filesystem::read_symlink("/proc/thread-self/ns/net") == machine ? 3 : 7;
  });
  const auto status = child.wait(20s);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, W_EXITCODE(7, 0)) << describe_wait_status(*status);
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size());
  EXPECT_STRNE(name.data(), "inside");
}

TEST_F(CgroupTest, ABodyThatThrowsEndsWith125) {
  Child child = fork_process({}, []() -> int { throw Error("no"); });
  const auto status = child.wait(20s);
  ASSERT_TRUE(status);
  EXPECT_EQ(WEXITSTATUS(*status), 125);
}

TEST_F(CgroupTest, PidOneDiesWithTheProcessThatMadeItsNamespace) {
  Pipe pids = make_pipe();
  ForkOptions plain;
  Child middle = fork_process(plain, [&pids]() -> int {
    ForkOptions options;
    options.namespaces = CLONE_NEWPID;
    options.parent_death_signal = SIGKILL;
    const Child init = fork_process(options, []() -> int {
      for (;;) ::pause();
    });
    const pid_t pid = init.pid();
    write_all(pids.write_end.get(), {reinterpret_cast<const char*>(&pid), sizeof pid}, "pipe");
    for (;;) ::pause();
  });
  pid_t pid = 0;
  ASSERT_EQ(::read(pids.read_end.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  const auto init = read_process(pid);
  ASSERT_TRUE(init);
  middle.signal(SIGKILL);
  EXPECT_TRUE(eventually([&init] { return !is_alive(init->id); }));
}

// Also when that process dies before the new one has said that it wants to die with it.
TEST_F(CgroupTest, NobodyOutlivesAParentThatDiesWhileItStartsThem) {
  const UniqueFd group = open_file(folder_, O_RDONLY | O_DIRECTORY);
  for (int round = 0; round < 200; ++round) {
    ForkOptions born_here;
    born_here.cgroup_fd = group.get();
    Child middle = fork_process(born_here, [round]() -> int {
      if (round % 2 == 0) {
        SpawnOptions options;
        options.argv = {"sleep", "600"};
        options.parent_death_signal = SIGKILL;
        const Child child = spawn(options);
        for (;;) ::pause();
      }
      ForkOptions options;
      options.namespaces = CLONE_NEWPID;
      options.parent_death_signal = SIGKILL;
      const Child init = fork_process(options, []() -> int {
        for (;;) ::pause();
      });
      for (;;) ::pause();
    });
    // Without a pause: the new process is caught in its first steps.
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (cgroup_members(folder_).size() < 2 && std::chrono::steady_clock::now() < end) continue;
    middle.signal(SIGKILL);
    ASSERT_TRUE(eventually([this] { return !is_cgroup_populated(folder_); })) << round;
  }
}

TEST_F(CgroupTest, WorkInNamespacesLeavesTheCallerWhereItWas) {
  const UniqueFd space = create_network_namespace();
  const auto own = [] {
    return std::filesystem::read_symlink("/proc/thread-self/ns/net").string();
  };
  const std::string before = own();
  std::string inside;
  in_namespaces({{space.get(), CLONE_NEWNET}}, [&] { inside = own(); });
  EXPECT_NE(inside, before);
  EXPECT_EQ(own(), before);
  EXPECT_THROW(in_namespaces({}, [] { throw Error("inside"); }), Error);
}

}  // namespace nospof
