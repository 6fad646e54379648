#include "system/host_limits.hpp"

#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof {
namespace {

constexpr const char* both_kinds =
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
    "cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0\n"
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
constexpr const char* only_new = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";

TEST(HostLimits, AreKeptInTheOldHierarchiesBelowTheCallersOwnGroup) {
  const CgroupFacts facts{both_kinds, "4:memory:/session/1\n2:cpu,cpuacct:/\n8:pids:/\n0::/\n", ""};
  const LimitGroups groups = plan_limit_groups("/sys/fs/cgroup/unified/nospof/x/db1", facts);
  EXPECT_EQ(groups.cpu, "/sys/fs/cgroup/cpu,cpuacct/nospof/x/db1");
  EXPECT_EQ(groups.memory, "/sys/fs/cgroup/memory/session/1/nospof/x/db1");
  EXPECT_EQ(groups.pids, "/sys/fs/cgroup/pids/nospof/x/db1");
  EXPECT_EQ(groups.all().size(), 3U);
}

TEST(HostLimits, AreKeptInTheHostsOwnFolderWhereTheNewHierarchyHasTheController) {
  const CgroupFacts facts{only_new, "0::/user.slice\n", "cpuset cpu io memory pids\n"};
  const LimitGroups groups = plan_limit_groups("/sys/fs/cgroup/nospof/x/db1", facts);
  EXPECT_EQ(groups.cpu, "/sys/fs/cgroup/nospof/x/db1");
  EXPECT_EQ(groups.pids, groups.cpu);
  EXPECT_EQ(groups.all().size(), 1U);
}

TEST(HostLimits, HaveNoGroupWhereThereIsNoController) {
  const CgroupFacts facts{only_new, "0::/\n", "cpuset\n"};
  const LimitGroups groups = plan_limit_groups("/sys/fs/cgroup/nospof/x/db1", facts);
  EXPECT_TRUE(groups.all().empty());
  EXPECT_THROW(needed_groups(groups, {.memory_bytes = 1, .processes = 0, .cpus = 0}), Error);
  EXPECT_NO_THROW(needed_groups(groups, {}));
}

TEST(HostLimits, AreFoundOnlyWhenTheyAreTheHostsOwn) {
  const std::string folder = "/sys/fs/cgroup/unified/nospof/x/db1";
  const CgroupFacts own{both_kinds,
                        "4:memory:/s/nospof/x/db1\n2:cpu,cpuacct:/nospof/x/db2\n8:pids:/\n", ""};
  const LimitGroups groups = find_limit_groups(folder, own);
  EXPECT_EQ(groups.memory, "/sys/fs/cgroup/memory/s/nospof/x/db1");
  EXPECT_EQ(groups.cpu, "") << "another host's";
  EXPECT_EQ(groups.pids, "") << "the machine's";
  EXPECT_TRUE(own_limit_groups("").all().empty());
}

TEST(HostLimits, GroupsThatNoLimitNeedsAreNotMade) {
  const LimitGroups all{"/c", "/m", "/p"};
  const LimitGroups few = needed_groups(all, {});
  EXPECT_EQ(few.all(), std::vector<std::string>{"/p"});
  EXPECT_EQ(needed_groups(all, {.memory_bytes = 5, .processes = 0, .cpus = 0.5}).all().size(), 3U);
}

TEST(HostLimits, NeedAFolderOfCgroup2) {
  EXPECT_THROW(plan_limit_groups("/elsewhere/x", {both_kinds, "", ""}), Error);
  EXPECT_THROW(plan_limit_groups("/x", {"", "", ""}), Error);
}

}  // namespace
}  // namespace nospof
