// What a service's processes are given when they start, and what becomes of them when the main one
// ends.

#include <algorithm>

#include <gmock/gmock.h>

#include "tests/kernel/services_fixture.hpp"

namespace nospof::lab {
namespace {

using spec::RestartPolicy;
using test::eventually;
using test::Supervised;
using ::testing::HasSubstr;
using ::testing::Not;

class ServiceProcesses : public Supervised {
 protected:
  std::vector<pid_t> members(const std::string& service) const {
    return cgroup_members(service_cgroup(cgroup_, service));
  }
  // Commands of the service's processes, sorted.
  std::vector<std::string> commands(const std::string& service) const {
    std::vector<std::string> names;
    for (const pid_t pid : members(service))
      if (const auto process = read_process(pid)) names.push_back(process->command);
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(ServiceProcesses, live_in_the_cgroup_of_the_service_and_runsv_does_not) {
  add(plan("parent", {"bash", "-c", "sleep 1000 & setsid sleep 1000 & wait"}, RestartPolicy::no));
  start();
  const std::vector<std::string> expected{"bash", "sleep", "sleep"};
  EXPECT_TRUE(eventually([&] { return commands("parent") == expected; }));
  EXPECT_THAT(members("parent"), ::testing::Contains(main_pid("parent")));
}

TEST_F(ServiceProcesses, the_rest_ends_with_the_main_process_before_it_is_started_again) {
  add(plan("parent", {"bash", "-c", "setsid sleep 1000 & wait"}, RestartPolicy::always));
  start();
  const ProcessId first = running("parent", "bash");
  const std::vector<std::string> expected{"bash", "sleep"};
  ASSERT_TRUE(eventually([&] { return commands("parent") == expected; }));
  const auto before = members("parent");
  ASSERT_TRUE(send_signal(first, SIGKILL));
  running("parent", "bash", first);
  for (const pid_t pid : before) {
    const auto process = read_process(pid);
    EXPECT_TRUE(!process || process->state == 'Z') << process->command << " outlived its service";
  }
  EXPECT_TRUE(eventually([&] { return commands("parent") == expected; }));
}

TEST_F(ServiceProcesses, what_ignores_the_stop_signal_is_killed) {
  add(plan("stubborn", {"bash", "-c", "(trap '' TERM; while :; do sleep 1; done) & wait"},
           RestartPolicy::no));
  start();
  const ProcessId first = running("stubborn", "bash");
  ASSERT_TRUE(eventually([&] { return members("stubborn").size() >= 3; }));
  ASSERT_TRUE(send_signal(first, SIGKILL));
  EXPECT_TRUE(eventually([&] { return is_down("stubborn"); })) << state("stubborn");
  EXPECT_TRUE(members("stubborn").empty());
}

TEST_F(ServiceProcesses, a_stopped_one_ends_too) {
  add(plan("paused", {"bash", "-c", "sleep 1000 & wait"}, RestartPolicy::no));
  start();
  const ProcessId first = running("paused", "bash");
  ASSERT_TRUE(eventually([&] { return members("paused").size() == 2; }));
  for (const pid_t pid : members("paused")) check("stop", ::kill(pid, SIGSTOP));
  ASSERT_TRUE(send_signal(first, SIGKILL));
  EXPECT_TRUE(eventually([&] { return is_down("paused"); })) << state("paused");
  EXPECT_TRUE(members("paused").empty());
}

TEST_F(ServiceProcesses, a_signal_to_its_own_process_group_does_not_reach_the_supervisor) {
  add(plan("suicidal", {"bash", "-c", "sleep 1.1; kill -KILL 0"}, RestartPolicy::on_failure));
  start();
  const ProcessId first = running("suicidal", "bash");
  EXPECT_NE(running("suicidal", "bash", first).pid, 0);
}

TEST_F(ServiceProcesses, words_arrive_as_they_are) {
  const std::vector<std::string> words{"it's", "$(id)", "`id`", "a b",   "",
                                       "*",    "-n",    "--",   "$HOME", "x\ny"};
  std::vector<std::string> command{"printf", "<%s>"};
  std::string expected;
  for (const auto& word : words) {
    command.push_back(word);
    expected += "<" + word + ">";
  }
  add(plan("printer", command, RestartPolicy::no));
  start();
  EXPECT_TRUE(eventually([&] { return was_left_down("printer"); }));
  EXPECT_THAT(log("printer"), HasSubstr(expected));
}

TEST_F(ServiceProcesses, user_groups_and_a_clean_environment) {
  ServicePlan service =
      plan("plain",
           {"sh", "-c", "id -u; id -g; id -G; env | sort; pwd; umask; readlink /proc/self/fd/0"},
           RestartPolicy::no);
  service.user = "www-data";
  service.environment = {{"MINE", "it's \"mine\" $HOME"}};
  add(service);
  start();
  EXPECT_TRUE(eventually([&] { return was_left_down("plain"); }));
  const std::string text = log("plain");
  EXPECT_THAT(text, HasSubstr("33\n33\n33\n"));
  EXPECT_THAT(text, HasSubstr("\nMINE=it's \"mine\" $HOME\n"));
  EXPECT_THAT(text, HasSubstr("\nHOME=/var/www\n"));
  EXPECT_THAT(text, HasSubstr("\nLANG=C\n"));
  EXPECT_THAT(text, HasSubstr("\nPATH=/usr/local/sbin:"));
  EXPECT_THAT(text, HasSubstr("\n/\n0022\n/dev/null\n"));
  EXPECT_THAT(text, Not(HasSubstr("NOSPOF_TEST_SECRET")));
}

TEST_F(ServiceProcesses, prepare_runs_as_root_before_each_start) {
  ServicePlan service =
      plan("prepared", {"sh", "-c", "id -un; exec sleep 1000"}, RestartPolicy::always);
  service.user = "www-data";
  service.prepare = {{"id", "-un"}, {"sh", "-c", "echo prepared >>\"$0\"", folder_ / "prepared"}};
  add(service);
  start();
  const ProcessId first = running("prepared", "sleep");
  EXPECT_EQ(log("prepared"), "root\nwww-data\n");
  ASSERT_TRUE(send_signal(first, SIGKILL));
  running("prepared", "sleep", first);
  EXPECT_EQ(read_file(folder_ / "prepared"), "prepared\nprepared\n");
}

TEST_F(ServiceProcesses, failed_prepare_counts_as_a_failure_and_says_so) {
  ServicePlan stays = plan("stays", {"sleep", "1000"}, RestartPolicy::on_abnormal);
  stays.prepare = {{"sh", "-c", "exit 7"}};
  ServicePlan retried = plan("retried", {"sleep", "1000"}, RestartPolicy::on_failure);
  // Fails the first time only.
  retried.prepare = {{"sh", "-c", "[ -e \"$0\" ] || { : >\"$0\"; exit 7; }", folder_ / "tried"}};
  add(stays);
  add(retried);
  start();
  EXPECT_TRUE(eventually([&] { return was_left_down("stays"); }));
  EXPECT_THAT(log("stays"),
              HasSubstr("[nospof] stays: 'sh' before the start failed with exit code 7\n"));
  running("retried", "sleep");
  EXPECT_THAT(log("retried"), HasSubstr("failed with exit code 7"));
}

TEST_F(ServiceProcesses, a_program_that_is_not_there_is_told_in_the_log) {
  add(plan("missing", {"no-such-program"}, RestartPolicy::on_abnormal));
  start();
  EXPECT_TRUE(eventually([&] { return was_left_down("missing"); }));
  EXPECT_THAT(log("missing"), HasSubstr("no-such-program"));
}

TEST_F(ServiceProcesses, stopped_with_its_stop_signal) {
  ServicePlan service = plan(
      "polite",
      {"bash", "-c", "trap 'echo got QUIT; exit 0' QUIT; echo ready; while :; do sleep 0.1; done"},
      RestartPolicy::always);
  service.stop_signal = "SIGQUIT";
  add(service);
  start();
  ASSERT_TRUE(eventually([&] { return log("polite").find("ready") != std::string::npos; }));
  control("polite", "d");
  EXPECT_TRUE(eventually([&] { return is_down("polite"); })) << state("polite");
  EXPECT_THAT(log("polite"), HasSubstr("got QUIT"));
}

TEST_F(ServiceProcesses, the_log_survives_restarts_and_tells_of_them) {
  add(plan("talker", {"sh", "-c", "echo here; exec sleep 1000"}, RestartPolicy::on_failure));
  start();
  const ProcessId first = running("talker", "sleep");
  ASSERT_TRUE(send_signal(first, SIGKILL));
  running("talker", "sleep", first);
  EXPECT_EQ(log("talker"),
            "here\n[nospof] talker: main process ended (exit code -1, signal 9): restarts in 0.100 "
            "s\nhere\n");
}

}  // namespace
}  // namespace nospof::lab
