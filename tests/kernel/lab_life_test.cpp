// A lab from bring-up to down: what it is, that it touches nothing else, that two stand side by
// side.

#include <map>

#include "lab/host_environment.hpp"
#include "lab/recipe.hpp"
#include "lab/record.hpp"
#include "lab_fixture.hpp"
#include "system/cgroup.hpp"
#include "system/host_limits.hpp"
#include "system/netlink.hpp"
#include "system/nftables.hpp"
#include "tests/support/stop_fault.hpp"

namespace nospof::test {

namespace fs = std::filesystem;

namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

struct Machine {
  std::vector<LinkInfo> links;
  std::vector<AddressInfo> addresses;
  std::vector<RouteInfo> routes;
  std::string ruleset;
  std::string mounts;
  std::string host_name;

  static Machine now() {
    Netlink net;
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size());
    return {net.links(),
            net.addresses(),
            net.routes(),
            NftContext().list_text("ruleset"),
            read_file("/proc/self/mounts"),
            name.data()};
  }
};

void expect_same(const Machine& before, const Machine& now) {
  EXPECT_EQ(before.links, now.links);
  EXPECT_EQ(before.addresses, now.addresses);
  EXPECT_EQ(before.routes, now.routes);
  EXPECT_EQ(before.ruleset, now.ruleset);
  EXPECT_EQ(before.mounts, now.mounts);
  EXPECT_EQ(before.host_name, now.host_name);
}

}  // namespace

using LabLife = LabTest;

TEST_F(LabLife, ComesUpServesAndGoesDownWithoutATrace) {
  const std::string name = unique_name("life");
  std::vector<std::string> lines;
  lab::UpOptions options;
  options.name = name;
  options.owned = true;
  options.progress = [&lines](const std::string& line) { lines.push_back(line); };
  const std::unique_ptr<lab::Lab> lab = lab::bring_up(tiny(), options);

  std::string told;
  for (const std::string& line : lines) told += line + "\n";
  EXPECT_NE(told.find("3 hosts up"), std::string::npos) << told;
  EXPECT_NE(told.find("web1: nginx running"), std::string::npos) << told;
  EXPECT_NE(told.find("first request passed end to end"), std::string::npos) << told;

  const std::vector<lab::HostStatus> status = lab->status();
  ASSERT_EQ(status.size(), 3U);
  for (const lab::HostStatus& host : status) {
    EXPECT_TRUE(host.on) << host.name;
    EXPECT_GT(host.init_pid, 0) << host.name;
    EXPECT_TRUE(host.services_down.empty()) << host.name;
  }
  EXPECT_EQ(status[0].services_up, std::vector<std::string>{"nginx"});
  EXPECT_TRUE(serves(*lab, "web1"));
  EXPECT_TRUE(serves(*lab, "web2"));
  EXPECT_FALSE(cgroup_members(lab->cgroup_folder("web1") + "/svc-nginx").empty());
  EXPECT_TRUE(fs::exists(lab->service_folder("web1") + "/nginx/run"));
  EXPECT_TRUE(fs::exists(lab->log_folder("web1") + "/nginx.log"));
  EXPECT_TRUE(fs::is_directory(lab->journal_folder()));

  const std::vector<ProcessId> were = processes(name);
  EXPECT_GE(were.size(), 10U);
  lab->down();
  expect_nothing_left(name, were);
  EXPECT_NO_THROW(lab->down()) << "a second time";
}

TEST_F(LabLife, AHostSeesItsOwnWorldAndCanNotChangeTheMachine) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("world"));
  const auto on_web1 = [&lab](std::vector<std::string> argv) {
    return run_on(*lab, "web1", std::move(argv));
  };
  EXPECT_EQ(first_line(on_web1({"hostname"}).output), "web1");
  EXPECT_EQ(first_line(on_web1({"cat", "/proc/1/comm"}).output), "tini");
  EXPECT_EQ(first_line(on_web1({"cat", "/sys/class/net/eth0/address"}).output), lab->mac("web1"));
  EXPECT_EQ(lab->mac("web1"), "02:00:c6:12:00:15");
  EXPECT_EQ(on_web1({"cat", "/etc/resolv.conf"}).output, "");
  EXPECT_NE(on_web1({"getent", "hosts", "web2.nospof.test"}).output.find("198.18.0.22"),
            std::string::npos);
  // Negative where it is the machine's; Linux before 6.1 has no other.
  if (fs::exists("/proc/sys/net/ipv4/tcp_child_ehash_entries")) {
    EXPECT_EQ(first_line(on_web1({"cat", "/proc/sys/net/ipv4/tcp_ehash_entries"}).output), "8192");
  }
  for (const char* folder : {"/etc", "/usr", "/var/lib", "/root"})
    EXPECT_NE(on_web1({"mktemp", "-p", folder}).exit_code, 0) << folder;
  for (const char* folder : {"/tmp", "/run", "/var/log", "/dev/shm"})
    EXPECT_EQ(on_web1({"mktemp", "-p", folder}).exit_code, 0) << folder;
  const std::string hidden = *folder_ / "beside the lab";
  write_file(hidden, "x");
  EXPECT_FALSE(on_web1({"cat", hidden}).exit_code == 0) << "/tmp is the host's own";
  const std::string keys = lab::Layout{lab->folder()}.authority_keys();
  EXPECT_FALSE(std::filesystem::is_empty(keys));
  EXPECT_EQ(on_web1({"ls", "-A", keys}).output, "") << "no host can sign certificates";
  EXPECT_EQ(on_web1({"test", "-x", lab->service_folder("web1") + "/nginx/run"}).exit_code, 0);
}

// The fixture's folder lies in /tmp, which a host has for itself; here nothing hides it.
TEST_F(LabLife, TheStateFolderMayLieAnywhere) {
  std::string root = "/var/lib/nospof-test-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  fs::permissions(root, fs::perms(0755));
  ::setenv("NOSPOF_STATE_DIR", root.c_str(), 1);
  {
    const std::unique_ptr<lab::Lab> lab = up(unique_name("anywhere"));
    EXPECT_TRUE(serves(*lab, "web1"));
    const std::string own = layout(lab->name()).host("web1").data + "/own";
    EXPECT_EQ(run_on(*lab, "web1", {"touch", own}).exit_code, 0);
    EXPECT_EQ(run_on(*lab, "web1", {"test", "-e", own}).exit_code, 0);
    EXPECT_NE(run_on(*lab, "web1", {"touch", root + "/beside"}).exit_code, 0);
    lab->down();
  }
  EXPECT_TRUE(lab::list_labs().empty());
  fs::remove_all(root);
}

TEST_F(LabLife, FoldersAndControlGroupsOfOthersAreLeftAlone) {
  const std::string root = *folder_ / "state";
  ::setenv("NOSPOF_STATE_DIR", root.c_str(), 1);
  const std::string name = unique_name("foreign");
  const std::string file = root + "/labs/" + name + "/precious";
  fs::create_directories(fs::path(file).parent_path());
  write_file(file, "x");
  const lab::SweepResult swept = lab::sweep_dead_labs("");
  ASSERT_EQ(swept.lines.size(), 1U);
  EXPECT_NE(swept.lines[0].find("was not made by nospof"), std::string::npos) << swept.lines[0];
  EXPECT_THROW(lab::end_lab(name), Error);
  EXPECT_THROW(up(name), Error);
  EXPECT_TRUE(fs::exists(file));
  fs::remove_all(root);

  const std::string other = unique_name("group");
  const std::string cgroup = lab::lab_cgroup(cgroup2_mount(), root, other);
  create_cgroup(cgroup);
  {
    const Sleeper sleeper;
    write_control_file(cgroup + "/cgroup.procs", std::to_string(sleeper.id().pid));
    EXPECT_THROW(up(other), Error);
    EXPECT_EQ(sleeper.letter(), 'S') << "it is somebody else's";
    EXPECT_FALSE(fs::exists(root + "/labs/" + other));
  }
  remove_cgroup(cgroup, std::chrono::seconds(5));
}

TEST_F(LabLife, OnlyAllowedFlowsPass) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("flows"));
  const auto connects = [&lab](const char* from, const char* to) {
    return run_on(*lab, from, {"curl", "-sk", "--max-time", "0.5", fmt::format("https://{}/", to)})
               .exit_code == 0;
  };
  EXPECT_TRUE(connects("client", "web1"));
  EXPECT_FALSE(connects("web1", "web2"));
  EXPECT_FALSE(connects("web2", "web1"));
}

TEST_F(LabLife, WordsAreRenderedForAHost) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("words"));
  const std::vector<std::string> words =
      lab->render_words("web2", {"{{ host.name }}", "plain", "{{ authorities.stack }}"});
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0], "web2");
  EXPECT_EQ(words[1], "plain");
  EXPECT_EQ(run_on(*lab, "web2", {"test", "-s", words[2]}).exit_code, 0) << words[2];
  // The secret is one for the whole lab, also for one who opens it later.
  const std::string seen =
      run_on(*lab, "client", {"curl", "-sk", "--max-time", "2", "https://web1/?v=a"}).output;
  const std::unique_ptr<lab::Lab> again = lab::open_lab(lab->name());
  EXPECT_EQ(first_line(seen),
            "a from web1 " + again->render_words("web1", {"{{ secrets.word }}"})[0]);
  EXPECT_EQ(again->topology().name, "tiny");
  EXPECT_THROW(lab->render_words("web9", {"x"}), Error);
}

TEST_F(LabLife, TheMachineItselfIsNotChanged) {
  const Machine before = Machine::now();
  {
    const std::unique_ptr<lab::Lab> lab = up(unique_name("machine"));
    expect_same(before, Machine::now());
    lab->power_off("web1", 10s);
    lab->power_on("web1");
    expect_same(before, Machine::now());
    lab->down();
  }
  expect_same(before, Machine::now());
}

TEST_F(LabLife, TwoOfTheSameTopologyStandSideBySide) {
  const std::unique_ptr<lab::Lab> one = up(unique_name("one"));
  const std::unique_ptr<lab::Lab> two = up(unique_name("two"));
  EXPECT_TRUE(serves(*one, "web1"));
  EXPECT_TRUE(serves(*two, "web1"));
  one->power_off("web1", 60s);
  EXPECT_FALSE(serves(*one, "web1"));
  EXPECT_TRUE(serves(*two, "web1"));
  EXPECT_EQ(lab::list_labs().size(), 2U);
  one->down();
  EXPECT_TRUE(serves(*two, "web1"));
  EXPECT_TRUE(serves(*two, "web2"));
  two->down();
}

TEST_F(LabLife, ANameInUseIsRefused) {
  const std::string name = unique_name("twice");
  const std::unique_ptr<lab::Lab> lab = up(name);
  EXPECT_THROW(up(name), Error);
  EXPECT_TRUE(serves(*lab, "web1")) << "the first one is untouched";
  EXPECT_THROW(up("Not A Name"), Error);
}

TEST_F(LabLife, OpeningAnUnknownLabNamesThoseThatAreUp) {
  const std::string name = unique_name("known");
  const std::unique_ptr<lab::Lab> lab = up(name);
  try {
    lab::open_lab("unknown");
    FAIL() << "opened a lab that is not there";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
  }
}

}  // namespace nospof::test
