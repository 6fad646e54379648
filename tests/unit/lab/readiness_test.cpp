#include "lab/readiness.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "lab/service_state.hpp"
#include "system/check.hpp"
#include "tests/support/sample_topology.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::lab {

using namespace std::chrono_literals;

namespace {

spec::Topology topology_with_workload() {
  spec::Topology topology = test::sample_topology();
  topology.workload.from = "client";
  topology.workload.url = "https://www.nospof.test/x?id={id}&v={token}&again={token}";
  topology.workload.authority = "stack";
  topology.workload.expect_status = 201;
  topology.workload.expect_body = "<{token}>";
  return topology;
}

Attempt judge(int exit_code, const std::string& output, const std::string& errors = "") {
  CommandResult result;
  result.exit_code = exit_code;
  result.output = output;
  result.errors = errors;
  return judge_answer(topology_with_workload(), "7", "tok", result);
}

// What runsv would write for a service that it wants up, or (`want` 'd') leaves down.
void set_state(const Layout& layout, const std::string& host, const std::string& service,
               const std::string& state, const std::string& pid, char want = 'u') {
  const std::string folder = layout.host(host).service_folder(service) + "/supervise";
  std::filesystem::create_directories(folder);
  write_file(folder + "/stat", state + "\n");
  write_file(folder + "/pid", pid.empty() ? "" : pid + "\n");
  std::string status(20, '\0');
  status[17] = want;
  status[19] = state == "run" ? 1 : 0;
  write_file(folder + "/status", status);
}

}  // namespace

TEST(RequestCommand, FillsInTheRequestAndVerifies) {
  const std::vector<std::string> argv =
      request_command(topology_with_workload(), Layout{"/labs/x"}, "7", "tok", 1500ms);
  EXPECT_EQ(argv.front(), "curl");
  EXPECT_EQ(argv.back(), "https://www.nospof.test/x?id=7&v=tok&again=tok");
  const auto authority = std::find(argv.begin(), argv.end(), "--cacert");
  ASSERT_NE(authority, argv.end());
  EXPECT_EQ(*(authority + 1), "/labs/x/tls/stack.crt");
  const auto time = std::find(argv.begin(), argv.end(), "--max-time");
  ASSERT_NE(time, argv.end());
  EXPECT_EQ(*(time + 1), "1.500");
  EXPECT_EQ(std::find(argv.begin(), argv.end(), "--insecure"), argv.end());
}

TEST(JudgeAnswer, OnlyTheExpectedStatusAndBodyCount) {
  EXPECT_TRUE(judge(0, "it is <tok>\n201").served);
  EXPECT_TRUE(judge(0, "<tok>\n\n201").served);
  EXPECT_FALSE(judge(0, "it is <tok>\n200").served);
  EXPECT_FALSE(judge(0, "it is <other>\n201").served);
  EXPECT_FALSE(judge(0, "").served);
  EXPECT_FALSE(judge(7, "it is <tok>\n201", "curl: (7) refused").served);
}

TEST(JudgeAnswer, SaysWhatWasWrong) {
  EXPECT_EQ(judge(7, "", "curl: (7) refused").detail, "curl: (7) refused");
  EXPECT_NE(judge(0, "oops\n502").detail.find("status 502 instead of 201: oops"),
            std::string::npos);
  EXPECT_NE(judge(0, "nothing\n201").detail.find("lacks '<tok>'"), std::string::npos);
}

TEST(ServiceWatch, TellsOfAHostOnceAllItsServicesRun) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  spec::Topology topology = test::sample_topology();
  topology.hosts[0].services = {"balancer", "web"};
  topology.hosts[1].services = {};
  topology.hosts[2].services = {};
  std::vector<std::string> lines;
  ServiceWatch watch(topology, layout,
                     [&lines](const std::string& line) { lines.push_back(line); });
  watch.look(MonoTime{1s});
  EXPECT_FALSE(watch.all_running(MonoTime{1s}));
  set_state(layout, "lb1", "balancer", "run", "10");
  set_state(layout, "lb1", "web", "down", "");
  watch.look(MonoTime{2s});
  EXPECT_FALSE(watch.all_running(MonoTime{2s}));
  EXPECT_TRUE(lines.empty());
  set_state(layout, "lb1", "web", "run", "11");
  watch.look(MonoTime{3s});
  EXPECT_FALSE(watch.all_running(MonoTime{3s})) << "it may end at once";
  watch.look(MonoTime{4s});
  EXPECT_TRUE(watch.all_running(MonoTime{4s}));
  set_state(layout, "lb1", "web", "run", "12");
  watch.look(MonoTime{5s});
  EXPECT_FALSE(watch.all_running(MonoTime{5s})) << "it was started again";
  EXPECT_EQ(lines, std::vector<std::string>{"lb1: balancer, web running"});
  EXPECT_EQ(watch.diagnosis(), "");
}

TEST(ServiceWatch, GivesUpOnADaemonThatEndedForGood) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  const spec::Topology topology = test::sample_topology();
  std::filesystem::create_directories(layout.host("web1").log);
  write_file(layout.host("web1").log_file("web"), "first\nlast words\n");
  set_state(layout, "web1", "web", "down", "");
  ServiceWatch watch(topology, layout, {});
  EXPECT_NO_THROW(watch.look(MonoTime{1s}));
  EXPECT_NO_THROW(watch.look(MonoTime{9s})) << "its supervisor will start it again";
  set_state(layout, "web1", "web", "down", "", 'd');
  EXPECT_NO_THROW(watch.look(MonoTime{10s}));
  EXPECT_NO_THROW(watch.look(MonoTime{10s + 500ms}));
  try {
    watch.look(MonoTime{12s});
    FAIL() << "it is still waiting";
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("web on web1 is down"), std::string::npos) << text;
    EXPECT_NE(text.find("last words"), std::string::npos) << text;
  }
}

TEST(ServiceWatch, ADaemonThatRunsAgainIsForgiven) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  const spec::Topology topology = test::sample_topology();
  ServiceWatch watch(topology, layout, {});
  set_state(layout, "web1", "web", "down", "", 'd');
  watch.look(MonoTime{10s});
  set_state(layout, "web1", "web", "run", "5");
  watch.look(MonoTime{11s});
  set_state(layout, "web1", "web", "down", "", 'd');
  EXPECT_NO_THROW(watch.look(MonoTime{12s}));
}

TEST(ServiceWatch, NamesTheDaemonThatIsStartedAgainAndAgain) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  const spec::Topology topology = test::sample_topology();
  ServiceWatch watch(topology, layout, {});
  for (const char* host : {"lb1", "lb2"}) set_state(layout, host, "balancer", "run", "3");
  for (int i = 0; i < 6; ++i) {
    set_state(layout, "web1", "web", "run", std::to_string(100 + i));
    watch.look(MonoTime{std::chrono::seconds(i)});
  }
  const std::string text = watch.diagnosis();
  EXPECT_NE(text.find("web on web1 is running now, started 6 times"), std::string::npos) << text;
  EXPECT_EQ(text.find("balancer"), std::string::npos) << text;
}

TEST(LastLines, AreTheLastOnes) {
  const test::TemporaryFolder folder;
  write_file(folder / "log", "a\nb\n\nd");
  EXPECT_EQ(last_lines(folder / "log", 3), (std::vector<std::string>{"b", "", "d"}));
  EXPECT_EQ(last_lines(folder / "log", 9), (std::vector<std::string>{"a", "b", "", "d"}));
  EXPECT_TRUE(last_lines(folder / "log", 0).empty());
  EXPECT_TRUE(last_lines(folder / "none", 3).empty());
  write_file(folder / "long", std::string(600 * 1024, 'x') + "\nend\n");
  EXPECT_EQ(last_lines(folder / "long", 1), std::vector<std::string>{"end"});
}

}  // namespace nospof::lab
