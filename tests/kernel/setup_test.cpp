// scripts/setup against packages that are only played: what it installs, and that policy-rc.d is
// put back exactly as it was, however it ends.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto deadline = 60s;

// Says what is in STAGE/installed.
constexpr const char* dpkg_query =
    "#!/bin/bash\n"
    "while read -r package; do echo \"installed $package\"; done < \"$STAGE/installed\"\n";

// Notes its words and whether services may start, installs, and ends as STAGE/apt-exit says. For
// `install` it waits as long as STAGE/wait is there.
constexpr const char* apt_get =
    "#!/bin/bash\n"
    "echo \"$*\" >> \"$STAGE/asked\"\n"
    "/usr/sbin/policy-rc.d nginx start; echo $? >> \"$STAGE/policy\"\n"
    "[[ \" $* \" == *' install '* ]] || exit 0\n"
    "touch \"$STAGE/installing\"\n"
    "while [ -e \"$STAGE/wait\" ]; do sleep 0.02; done\n"
    "[ \"$(cat \"$STAGE/apt-exit\")\" = 0 ] || { echo 'E: no such package'; exit 100; }\n"
    "cp \"$STAGE/wanted\" \"$STAGE/installed\"\n";

class Setup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for a mount namespace of its own";
    for (const char* folder : {"sbin", "lock", "bin"})
      std::filesystem::create_directory(stage_ / folder);
    std::filesystem::permissions(stage_ / "lock", std::filesystem::perms(0777));
    write_file(stage_ / "os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write_file(stage_ / "bin/dpkg-query", dpkg_query, 0755);
    write_file(stage_ / "bin/apt-get", apt_get, 0755);
    write_file(stage_ / "apt-exit", "0\n");
    write_file(stage_ / "asked", "");
    const std::string packages = read_file(std::string(test::source_folder) + "/packages.txt");
    std::string wanted;
    for (std::size_t at = 0; at < packages.size();) {
      const std::size_t end = std::min(packages.find('\n', at), packages.size());
      const std::string line = packages.substr(at, end - at);
      if (!line.empty() && line.front() != '#') wanted += line + "\n";
      at = end + 1;
    }
    write_file(stage_ / "wanted", wanted);
    install_all_but("nginx-light");
  }

  void install_all_but(const std::string& package) {
    std::string text = read_file(stage_ / "wanted");
    if (!package.empty()) text.erase(text.find("\n" + package + "\n") + 1, package.size() + 1);
    write_file(stage_ / "installed", text);
  }

  SpawnOptions setup(const std::vector<std::string>& runner = {}) {
    SpawnOptions options;
    options.argv = {"unshare",
                    "--mount",
                    "--propagation",
                    "private",
                    std::string(test::source_folder) + "/tests/kernel/setup_stage",
                    stage_.path()};
    options.argv.insert(options.argv.end(), runner.begin(), runner.end());
    options.argv.emplace_back(std::string(test::source_folder) + "/scripts/setup");
    return options;
  }
  CommandResult run_setup() { return run_command(setup(), deadline); }

  std::string policy() const { return stage_ / "sbin/policy-rc.d"; }
  std::string asked() const { return read_file(stage_ / "asked"); }
  std::size_t files_in_sbin() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(stage_ / "sbin"),
                      std::filesystem::directory_iterator()));
  }
  void expect_services_were_forbidden() const {
    EXPECT_EQ(read_file(stage_ / "policy"), "101\n101\n") << "for update and for install";
  }

  test::TemporaryFolder stage_;
};

TEST_F(Setup, IsSilentWhenNothingIsMissing) {
  install_all_but("");
  write_file(policy(), "#!/bin/sh\nexit 0\n", 0755);
  const CommandResult result = run_setup();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output + result.errors, IsEmpty());
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(read_file(policy()), "#!/bin/sh\nexit 0\n");
}

TEST_F(Setup, InstallsOnlyWhatIsMissing) {
  const CommandResult result = run_setup();
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("installing 1 packages: nginx-light"));
  EXPECT_THAT(asked(), HasSubstr("update\n"));
  EXPECT_THAT(asked(), HasSubstr("install -y --no-install-recommends nginx-light\n"));
  EXPECT_THAT(asked(), HasSubstr("DPkg::Lock::Timeout=300"));
  expect_services_were_forbidden();
  EXPECT_EQ(files_in_sbin(), 0U) << "there was no policy-rc.d before";
  EXPECT_THAT(run_setup().errors, IsEmpty()) << "the second time";
}

TEST_F(Setup, InstallsAPartInParenthesesOnlyForThoseWhoAsk) {
  install_all_but("clang");
  EXPECT_EQ(run_setup().exit_code, 0);
  EXPECT_THAT(asked(), IsEmpty());
  SpawnOptions for_fuzzing = setup();
  for_fuzzing.argv.emplace_back("fuzz");
  const CommandResult result = run_command(for_fuzzing, deadline);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(asked(), HasSubstr("install -y --no-install-recommends clang\n"));
}

TEST_F(Setup, PutsTheEarlierPolicyBackAsItWas) {
  write_file(policy(), "#!/bin/sh\n# mine\nexit 0\n", 0741);
  struct stat before = {};
  ASSERT_EQ(::stat(policy().c_str(), &before), 0);
  EXPECT_EQ(run_setup().exit_code, 0);
  expect_services_were_forbidden();
  struct stat after = {};
  ASSERT_EQ(::stat(policy().c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino) << "the very same file";
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(read_file(policy()), "#!/bin/sh\n# mine\nexit 0\n");
  EXPECT_EQ(files_in_sbin(), 1U);
}

TEST_F(Setup, ALinkStaysALinkAndItsTargetUntouched) {
  const std::string target = stage_ / "target";
  write_file(target, "#!/bin/sh\nexit 0\n", 0755);
  std::filesystem::create_symlink(target, policy());
  EXPECT_EQ(run_setup().exit_code, 0);
  expect_services_were_forbidden();
  EXPECT_EQ(std::filesystem::read_symlink(policy()), target);
  EXPECT_EQ(read_file(target), "#!/bin/sh\nexit 0\n");
}

TEST_F(Setup, PutsThePolicyBackWhenAptFails) {
  write_file(policy(), "#!/bin/sh\nexit 0\n", 0755);
  write_file(stage_ / "apt-exit", "100\n");
  const CommandResult result = run_setup();
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.errors, HasSubstr("E: no such package"));
  expect_services_were_forbidden();
  EXPECT_EQ(read_file(policy()), "#!/bin/sh\nexit 0\n");
  EXPECT_EQ(files_in_sbin(), 1U);
}

TEST_F(Setup, ASignalWaitsForAptAndPutsThePolicyBack) {
  write_file(policy(), "#!/bin/sh\nexit 0\n", 0755);
  write_file(stage_ / "wait", "");
  Child child = spawn(setup());
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!std::filesystem::exists(stage_ / "installing") &&
         std::chrono::steady_clock::now() < until)
    ::usleep(10'000);
  ASSERT_TRUE(std::filesystem::exists(stage_ / "installing"));
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait(200ms), std::nullopt) << "services stay forbidden while apt-get works";
  EXPECT_NE(read_file(policy()), "#!/bin/sh\nexit 0\n");
  std::filesystem::remove(stage_ / "wait");
  const auto status = child.wait(deadline);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 143);
  EXPECT_EQ(read_file(policy()), "#!/bin/sh\nexit 0\n");
  EXPECT_EQ(files_in_sbin(), 1U);
}

TEST_F(Setup, PutsRightWhatAKilledOneLeft) {
  write_file(policy(), "#!/bin/sh\nexit 0\n", 0755);
  write_file(stage_ / "wait", "");
  {
    Child child = spawn(setup());
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!std::filesystem::exists(stage_ / "installing") &&
           std::chrono::steady_clock::now() < until)
      ::usleep(10'000);
    child.signal(SIGKILL);
    ASSERT_TRUE(child.wait(deadline).has_value());
  }
  EXPECT_THAT(read_file(policy()), Not(HasSubstr("exit 0"))) << "this is what it leaves";
  std::filesystem::remove(stage_ / "wait");
  install_all_but("");
  EXPECT_EQ(run_setup().exit_code, 0);
  EXPECT_EQ(read_file(policy()), "#!/bin/sh\nexit 0\n");
  EXPECT_EQ(files_in_sbin(), 1U);
}

TEST_F(Setup, RefusesAnotherSystem) {
  write_file(stage_ / "os-release", "ID=ubuntu\nVERSION_ID=\"12\"\n");
  const CommandResult result = run_setup();
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.errors, HasSubstr("not Debian 12"));
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(Setup, RefusesAnotherUser) {
  // What the user nobody needs on its way to the script.
  const CommandResult result =
      run_command(setup({"setpriv", "--reuid", "65534", "--clear-groups", "bash"}), deadline);
  EXPECT_EQ(result.exit_code, 4) << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("as root"));
  EXPECT_THAT(asked(), IsEmpty());
}

}  // namespace
}  // namespace nospof
