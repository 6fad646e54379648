// Faults that take a host's resources, on hosts of a lab with limits of their own.

#include "lab_agent.hpp"
#include "system/host_limits.hpp"

namespace nospof::test {

namespace fs = std::filesystem;

namespace {

using testing::HasSubstr;

class ResourceFault : public LabTest {
 protected:
  std::unique_ptr<lab::Lab> limited(const std::string& hint, const std::string& limits) const {
    TinyTopology topology;
    topology.limits = limits;
    return up(unique_name(hint), true, topology);
  }
  /// The exit code of a shell's work on web1.
  static int shell(lab::Lab& lab, const std::string& work) {
    return run_on(lab, "web1", {"sh", "-c", work}).exit_code;
  }
  static bool can_write(lab::Lab& lab, const std::string& host) {
    const std::string folder = lab.data_folder(host);
    const bool written = run_on(lab, host,
                                {"sh", "-c",
                                 fmt::format("head -c 300000 /dev/zero >{0}/probe && sync -f "
                                             "{0}/probe",
                                             folder)})
                             .exit_code == 0;
    run_on(lab, host, {"rm", "-f", folder + "/probe"});
    return written;
  }
  /// Cgroups of drivers that live or were left behind.
  static std::size_t driver_cgroups(const lab::Lab& lab) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(lab.cgroup_folder("web1")))
      if (entry.path().filename().string().starts_with("nospof-")) ++count;
    return count;
  }
  /// The group of web1 under a controller, as this machine names it.
  static std::string group_of(lab::Lab& lab, std::string LimitGroups::*controller) {
    CgroupFacts facts{
        read_file("/proc/self/mounts"),
        read_file(fmt::format("/proc/{}/cgroup", cgroup_members(lab.cgroup_folder("web1")).at(0))),
        read_file(lab.cgroup_folder("web1") + "/cgroup.controllers")};
    return find_limit_groups(lab.cgroup_folder("web1"), facts).*controller;
  }
};

TEST_F(ResourceFault, AFullDiskTakesNothingMoreAndIsFreedAgain) {
  const std::unique_ptr<lab::Lab> lab = limited("full", "disk: 32MiB");
  ASSERT_TRUE(can_write(*lab, "web1"));
  const std::string kept = lab->data_folder("web1") + "/kept";
  ASSERT_EQ(shell(*lab, "echo kept >" + kept), 0);
  LabAgent agent(*lab, "web1");
  for (const char* id : {"first", "second"}) {
    const json::object answer = agent.inject(id, "disk-fill", {});
    expect_confirmed(answer);
    EXPECT_THAT(evidence(answer), HasSubstr("64 KiB could not be written"));
    EXPECT_FALSE(can_write(*lab, "web1"));
    EXPECT_TRUE(can_write(*lab, "web2")) << "another host's is another file system";
    EXPECT_EQ(shell(*lab, "echo x >/tmp/elsewhere"), 0);
    EXPECT_THAT(agent.refusal("check", LabAgent::request("disk-fill", {})),
                HasSubstr("left already"));
    expect_healed(agent.heal(id));
    expect_healed(agent.heal(id));
    EXPECT_TRUE(can_write(*lab, "web1"));
  }
  EXPECT_EQ(run_on(*lab, "web1", {"cat", kept}).output, "kept\n");
  EXPECT_EQ(run_on(*lab, "web1", {"ls", lab->data_folder("web1")}).output, "kept\n");
}

TEST_F(ResourceFault, ADiskIsFreedWhenWhoFilledItIsKilled) {
  const std::unique_ptr<lab::Lab> lab = limited("freed", "disk: 32MiB");
  LabAgent agent(*lab, "web1");
  expect_confirmed(agent.inject("one", "disk-fill", {}));
  agent.kill();
  EXPECT_TRUE(eventually(20s, [&] { return can_write(*lab, "web1"); }));
}

TEST_F(ResourceFault, ADiskIsFilledUpToWhatIsToBeLeft) {
  const std::unique_ptr<lab::Lab> lab = limited("leave", "disk: 32MiB");
  LabAgent agent(*lab, "web1");
  expect_confirmed(agent.inject("one", "disk-fill", {{"leave", "8MiB"}}));
  EXPECT_TRUE(can_write(*lab, "web1"));
  const std::string free =
      run_on(*lab, "web1", {"stat", "-f", "-c", "%a %S", lab->data_folder("web1")}).output;
  const auto blocks = std::stoll(free);
  const auto size = std::stoll(free.substr(free.find(' ')));
  EXPECT_LE(blocks * size, 9LL << 20U) << free;
  expect_healed(agent.heal("one"));
}

TEST_F(ResourceFault, TheMachinesOwnDiskIsRefused) {
  const std::unique_ptr<lab::Lab> lab = limited("own", "disk: 32MiB");
  LabAgent agent(*lab, "web1");
  for (const std::string& path :
       {std::string("/"), std::string("/usr"), layout(lab->name()).folder})
    for (const char* fault : {"disk-fill", "io-stress"})
      EXPECT_THAT(agent.refusal("check", LabAgent::request(fault, {{"path", path}})),
                  HasSubstr("this machine's own disk"))
          << path;
  EXPECT_THAT(agent.refusal("check", LabAgent::request("disk-fill", {{"path", "/no/such"}})),
              HasSubstr("no folder"));
  EXPECT_THAT(agent.refusal("check", LabAgent::request("disk-fill", {{"path", "/proc"}})),
              HasSubstr("file without a name"));
}

TEST_F(ResourceFault, DataOutlivesACrash) {
  const std::unique_ptr<lab::Lab> lab = limited("outlives", "disk: 32MiB");
  const std::string kept = lab->data_folder("web1") + "/kept";
  ASSERT_EQ(shell(*lab, "echo kept >" + kept), 0);
  lab->power_off("web1", 60s);
  lab->power_on("web1");
  EXPECT_EQ(run_on(*lab, "web1", {"cat", kept}).output, "kept\n");
  EXPECT_FALSE(fs::exists(kept)) << "it is the host's alone";
}

TEST_F(ResourceFault, CpuIsTakenByWorkersThatCountAsTheHosts) {
  const std::unique_ptr<lab::Lab> lab = limited("cpu", "cpu: 20%");
  LabAgent agent(*lab, "web1");
  for (const char* id : {"first", "second"}) {
    const json::object answer = agent.inject(id, "cpu-stress", {{"workers", 2}, {"load", 0.5}});
    expect_confirmed(answer);
    EXPECT_THAT(evidence(answer), HasSubstr("2 workers took"));
    EXPECT_EQ(driver_cgroups(*lab), 1U);
    expect_healed(agent.heal(id));
    expect_healed(agent.heal(id));
    EXPECT_EQ(driver_cgroups(*lab), 0U);
  }
  expect_confirmed(agent.inject("third", "cpu-stress", {{"workers", 2}}));
  agent.kill();
  EXPECT_TRUE(eventually(20s, [&] { return driver_cgroups(*lab) == 0; }));
}

TEST_F(ResourceFault, MemoryIsTakenWithinTheHostsLimit) {
  const std::unique_ptr<lab::Lab> lab = limited("memory", "memory: 96MiB");
  const std::string group = group_of(*lab, &LimitGroups::memory);
  if (group.empty()) GTEST_SKIP() << "needs the cgroup controller 'memory'";
  EXPECT_EQ(memory_limit(group), 96LL << 20U);
  LabAgent agent(*lab, "web1");
  const json::object answer = agent.inject("one", "memory-stress", {{"share", 0.8}});
  expect_confirmed(answer);
  EXPECT_GT(memory_usage(group), (96LL << 20U) / 10 * 7);
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab, "web1"); }));
  expect_healed(agent.heal("one"));
  expect_healed(agent.heal("one"));
  EXPECT_LT(memory_usage(group), (96LL << 20U) / 2);

  // More than there is: the one who takes it goes, nobody else.
  const auto nginx = read_file(lab->service_folder("web1") + "/nginx/supervise/pid");
  const json::object too_much = agent.inject("two", "memory-stress", {{"size", "200MiB"}});
  EXPECT_EQ(too_much.at("outcome").as_string(), "unable") << json::serialize(too_much);
  EXPECT_THAT(evidence(too_much), HasSubstr("killed by signal 9"));
  EXPECT_EQ(read_file(lab->service_folder("web1") + "/nginx/supervise/pid"), nginx);
  expect_healed(agent.heal("two"));

  LabAgent unlimited(*lab, "web2");
  EXPECT_THAT(unlimited.refusal("check", LabAgent::request("memory-stress", {})),
              HasSubstr("limits.memory"));
}

TEST_F(ResourceFault, NoFurtherProcessCanBeStarted) {
  const std::unique_ptr<lab::Lab> lab = limited("pids", "processes: 200");
  const std::string group = group_of(*lab, &LimitGroups::pids);
  if (group.empty()) GTEST_SKIP() << "needs the cgroup controller 'pids'";
  EXPECT_EQ(process_limit(group), 200);
  // A shell among the host's processes that starts another one.
  const auto host_can_fork = [&] {
    return shell(*lab, fmt::format("echo 0 >{}/cgroup.procs; /bin/true; /bin/true", group)) == 0;
  };
  ASSERT_TRUE(host_can_fork());
  LabAgent agent(*lab, "web1");
  for (const char* id : {"first", "second"}) {
    const json::object answer = agent.inject(id, "pid-exhaustion", {});
    expect_confirmed(answer);
    EXPECT_FALSE(host_can_fork());
    EXPECT_TRUE(serves(*lab, "web2"));
    expect_healed(agent.heal(id));
    expect_healed(agent.heal(id));
    EXPECT_EQ(process_limit(group), 200);
    EXPECT_TRUE(host_can_fork());
  }
  expect_confirmed(agent.inject("third", "pid-exhaustion", {}));
  agent.kill();
  EXPECT_TRUE(eventually(20s, [&] { return process_limit(group) == 200; }));
  EXPECT_TRUE(eventually(20s, [&] { return driver_cgroups(*lab) == 0; }));
  // Without a limit of its own it has one for the time of the fault.
  LabAgent unlimited(*lab, "web2");
  expect_confirmed(unlimited.inject("fourth", "pid-exhaustion", {}));
  expect_healed(unlimited.heal("fourth"));
}

TEST_F(ResourceFault, AFileSystemIsKeptBusyAndItsFilesGoWithTheWorkers) {
  const std::unique_ptr<lab::Lab> lab = limited("io", "disk: 64MiB");
  LabAgent agent(*lab, "web1");
  expect_confirmed(agent.inject("one", "io-stress", {{"workers", 2}, {"size", "8MiB"}}));
  expect_healed(agent.heal("one"));
  expect_healed(agent.heal("one"));
  EXPECT_EQ(run_on(*lab, "web1", {"ls", "-A", lab->data_folder("web1")}).output, "");
  EXPECT_THAT(agent.refusal("check", LabAgent::request("io-stress", {{"size", "60MiB"}})),
              HasSubstr("more than half"));
  expect_confirmed(agent.inject("two", "io-stress", {}));
  agent.kill();
  EXPECT_TRUE(eventually(20s, [&] { return driver_cgroups(*lab) == 0; }));
}

TEST_F(ResourceFault, AServiceIsSlowedByTheKernelsQuotaWhereTheHostHasIt) {
  TinyTopology topology;
  topology.limits = "cpu: 50%";
  topology.on_web1 = ", spinner";
  topology.extra = R"(  spinner:
    command: [sh, -c, "while :; do :; done"]
    restart: always
)";
  const std::unique_ptr<lab::Lab> lab = up(unique_name("quota"), true, topology);
  const std::string group = group_of(*lab, &LimitGroups::cpu);
  if (group.empty() || is_cgroup2(group)) GTEST_SKIP() << "needs the cgroup v1 controller 'cpu'";
  const auto groups_below = [&] {
    return std::count_if(fs::directory_iterator(group), fs::directory_iterator(),
                         [](const auto& entry) { return entry.is_directory(); });
  };
  LabAgent agent(*lab, "web1");
  const json::object answer =
      agent.inject("one", "process-slow", {{"service", "spinner"}, {"cpu", 0.1}});
  expect_confirmed(answer);
  EXPECT_THAT(evidence(answer), HasSubstr("kernel's CPU quota"));
  EXPECT_EQ(groups_below(), 1);
  expect_healed(agent.heal("one"));
  expect_healed(agent.heal("one"));
  EXPECT_EQ(groups_below(), 0);
  expect_confirmed(agent.inject("two", "process-slow", {{"service", "spinner"}, {"cpu", 0.1}}));
  agent.kill();
  EXPECT_TRUE(eventually(20s, [&] { return groups_below() == 0; }));
}

TEST_F(ResourceFault, AnEndedLabLeavesNoGroup) {
  const std::unique_ptr<lab::Lab> lab =
      limited("groups", "cpu: 50%, memory: 96MiB, processes: 200");
  std::vector<std::string> groups;
  for (auto controller : {&LimitGroups::cpu, &LimitGroups::memory, &LimitGroups::pids})
    groups.push_back(group_of(*lab, controller));
  for (const std::string& group : groups) EXPECT_TRUE(group.empty() || fs::exists(group)) << group;
  // Without its keeper, too.
  const auto keeper = lab::read_keeper(layout(lab->name()));
  ASSERT_TRUE(keeper);
  ASSERT_TRUE(send_signal(*keeper, SIGKILL));
  EXPECT_TRUE(eventually(20s, [&] {
    lab::sweep_dead_labs();
    return std::none_of(groups.begin(), groups.end(), [](const std::string& group) {
      return !group.empty() && fs::exists(fs::path(group).parent_path());
    });
  }));
}

}  // namespace
}  // namespace nospof::test
