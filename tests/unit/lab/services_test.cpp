#include "lab/services.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/supervision.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/sample_topology.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Plans : public ::testing::Test {
 protected:
  void SetUp() override {
    topology_.folder = source_.path();
    topology_.file = source_ / "topology.yaml";
  }
  std::vector<HostPlan> plan() { return plan_hosts({topology_, Layout{lab_.path()}, {}}); }
  std::string error() {
    try {
      plan();
    } catch (const std::exception& e) {
      return e.what();
    }
    return "no error";
  }

  test::TemporaryFolder source_;
  test::TemporaryFolder lab_;
  spec::Topology topology_ = test::sample_topology();
};

TEST_F(Plans, words_environment_and_files_are_rendered_for_each_host) {
  write_file(source_ / "a.conf.j2", "bind {{ host.address }}\n");
  write_file(source_ / "check.j2", "#!/bin/sh\necho {{ host.name }}\n");
  write_file(source_ / "plain.py", "print('{{ untouched }}')\n");
  spec::Service& balancer = topology_.services[0];
  balancer.command = {"balancer", "-f", "{{ etc }}/a.conf"};
  balancer.prepare = {{"install", "-d", "{{ data }}/x"}, {"true"}};
  balancer.environment = {{"ME", "{{ host.name }}"}, {"FIX", "1"}};
  balancer.files = {"a.conf.j2", "check.j2", "plain.py"};
  const auto plans = plan();
  ASSERT_EQ(plans.size(), 4U);
  const ServicePlan& second = plans[1].services.at(0);
  const std::string host = lab_ / "hosts/lb2";
  EXPECT_EQ(second.command, (std::vector<std::string>{"balancer", "-f", host + "/etc/a.conf"}));
  EXPECT_EQ(second.prepare,
            (std::vector<std::vector<std::string>>{{"install", "-d", host + "/data/x"}, {"true"}}));
  EXPECT_EQ(second.environment, (std::map<std::string, std::string>{{"FIX", "1"}, {"ME", "lb2"}}));
  ASSERT_EQ(second.files.size(), 3U);
  EXPECT_EQ(second.files[0].path, host + "/etc/a.conf");
  EXPECT_EQ(second.files[0].text, "bind 198.18.0.12\n");
  EXPECT_FALSE(second.files[0].executable);
  EXPECT_EQ(second.files[1].text, "#!/bin/sh\necho lb2\n");
  EXPECT_TRUE(second.files[1].executable);
  EXPECT_EQ(second.files[2].text, "print('{{ untouched }}')\n");
  EXPECT_TRUE(plans[3].services.empty()) << "the observer runs nothing";
}

TEST_F(Plans, an_undefined_name_in_a_command_tells_the_line_of_the_service) {
  topology_.services[0].command = {"balancer", "{{ ect }}"};
  EXPECT_THAT(error(), HasSubstr("topology.yaml:50: 'ect' is undefined; did you mean 'etc'? "
                                 "(command of service balancer, rendered for host lb1)"));
}

TEST_F(Plans, two_services_with_the_same_file_name_must_agree) {
  topology_.hosts[0].services = {"balancer", "web"};
  write_file(source_ / "x.j2", "{{ host.name }}");
  topology_.services[0].files = {"x.j2"};
  topology_.services[1].files = {"x.j2"};
  EXPECT_EQ(error(), "no error");
  write_file(source_ / "x.j2", "{{ service.name }}");
  EXPECT_THAT(error(), HasSubstr("services 'balancer' and 'web' both have a file 'x'"));
}

TEST_F(Plans, files_outside_of_the_folder_are_refused) {
  for (const char* file : {"../secret", "/etc/shadow", "a/../../b", "tls/web.key"}) {
    topology_.services[0].files = {file};
    EXPECT_THAT(error(), HasSubstr("must be a path beside the topology")) << file;
  }
}

TEST_F(Plans, a_user_that_does_not_exist_is_named_with_service_and_host) {
  topology_.services[1].user = "no-such-user";
  const std::string text = error();
  for (const char* part : {"'web'", "'web1'", "'no-such-user'"}) EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(Plans, hosts_file_has_all_hosts_and_vips) {
  const std::string text = hosts_file_text(topology_);
  EXPECT_THAT(text, HasSubstr("127.0.0.1 localhost\n"));
  EXPECT_THAT(text, HasSubstr("198.18.0.21 web1 web1.nospof.test\n"));
  EXPECT_THAT(text, HasSubstr("198.18.0.10 www.nospof.test\n"));
}

class WrittenHost : public Plans {
 protected:
  void SetUp() override {
    Plans::SetUp();
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: files get owners";
  }
  static struct stat stat_of(const std::string& path) {
    struct stat found {};
    check("stat " + path, ::stat(path.c_str(), &found));
    return found;
  }
};

TEST_F(WrittenHost, configuration_is_made_anew_and_data_tls_and_logs_stay) {
  write_file(source_ / "a.conf.j2", "{{ host.name }}\n");
  topology_.services[0].files = {"a.conf.j2"};
  const HostPlan host = plan().at(0);
  const std::string cgroup = lab_ / "cgroup";
  write_host(host, cgroup);
  const HostLayout& layout = host.layout;
  std::filesystem::create_directories(layout.tls);
  for (const auto& file : {layout.etc + "/stale", layout.tls + "/web.key", layout.data + "/kept",
                           layout.sv + "/stale"})
    write_file(file, "x");
  write_file(layout.log_file("balancer"), "old line\n");
  write_host(host, cgroup);
  EXPECT_FALSE(std::filesystem::exists(layout.etc + "/stale"));
  EXPECT_FALSE(std::filesystem::exists(layout.sv + "/stale"));
  EXPECT_TRUE(std::filesystem::exists(layout.tls + "/web.key"));
  EXPECT_TRUE(std::filesystem::exists(layout.data + "/kept"));
  EXPECT_EQ(read_file(layout.log_file("balancer")), "old line\n");
  EXPECT_EQ(read_file(layout.etc + "/a.conf"), "lb1\n");
  EXPECT_THAT(read_file(layout.nft_file), HasSubstr("Firewall of lb1"));
  EXPECT_THAT(read_file(layout.hosts_file), HasSubstr("198.18.0.12 lb2 "));
  EXPECT_TRUE(std::filesystem::is_directory(service_cgroup(cgroup, "balancer")));
  EXPECT_FALSE(std::filesystem::exists(layout.service_folder("balancer") + "/down"));
}

TEST_F(WrittenHost, modes_do_not_depend_on_the_umask_and_secrets_stay_with_the_user) {
  write_file(source_ / "a.conf", "password\n");
  write_file(source_ / "check", "#!/bin/sh\n");
  topology_.services[0].files = {"a.conf", "check"};
  topology_.services[0].user = "www-data";
  topology_.services[1].files = {"a.conf", "check"};
  const mode_t before = ::umask(077);
  const auto plans = plan();
  write_host(plans.at(0), lab_ / "cgroup");
  write_host(plans.at(2), lab_ / "cgroup");
  ::umask(before);
  const HostLayout& lb = plans.at(0).layout;
  const HostLayout& web = plans.at(2).layout;
  EXPECT_EQ(stat_of(lb.etc + "/a.conf").st_mode & 07777U, 0640U);
  EXPECT_EQ(stat_of(lb.etc + "/check").st_mode & 07777U, 0750U);
  EXPECT_EQ(stat_of(lb.etc + "/a.conf").st_gid, 33U);
  EXPECT_EQ(stat_of(web.etc + "/a.conf").st_mode & 07777U, 0644U);
  EXPECT_EQ(stat_of(web.etc + "/check").st_mode & 07777U, 0755U);
  EXPECT_EQ(stat_of(lb.log_file("balancer")).st_uid, 33U);
  for (const auto& folder : {lb.folder, lb.etc, lb.data, lb.log, lb.sv})
    EXPECT_EQ(stat_of(folder).st_mode & 07777U, 0755U) << folder;
}

TEST_F(WrittenHost, runsvdir_need_not_wait_for_the_folder_to_settle) {
  const HostPlan host = plan().at(0);
  write_host(host, lab_ / "cgroup");
  EXPECT_LT(stat_of(host.layout.sv).st_mtime, ::time(nullptr) - 1);
}

TEST(shell_quote, nothing_is_evaluated) {
  const std::vector<std::string> words{"plain", "",   "it's",  "$(id)",      "`id`",
                                       "a\nb",  "\\", "*",     "\"quoted\"", "'",
                                       "''",    "-n", "$HOME", "a b\t;|&<>"};
  std::string script = "printf '%s\\0'";
  for (const auto& word : words) script += " " + shell_quote(word);
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", script};
  std::string expected;
  for (const auto& word : words) expected += word + '\0';
  EXPECT_EQ(run_command(options, std::chrono::seconds(10)).output, expected);
}

TEST(supervision, unknown_stop_signal_is_an_error) {
  ServicePlan service;
  service.name = "x";
  service.stop_signal = "TREM";
  EXPECT_THROW(stop_script(service), Error);
}

TEST(supervision, signals_with_and_without_prefix) {
  ServicePlan service;
  service.name = "x";
  for (const char* name : {"QUIT", "SIGQUIT"}) {
    service.stop_signal = name;
    EXPECT_THAT(stop_script(service), HasSubstr("kill -s QUIT "));
  }
}

}  // namespace
}  // namespace nospof::lab
