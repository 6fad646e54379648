#include <gtest/gtest.h>

#include "system/cgroup.hpp"

namespace nospof {

TEST(CgroupMount, IsFoundBesideTheOlderHierarchies) {
  EXPECT_EQ(find_cgroup2_mount("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
                               "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
                               "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"),
            "/sys/fs/cgroup/unified");
}

TEST(CgroupMount, IsFoundOnAMachineWithSystemd) {
  EXPECT_EQ(find_cgroup2_mount("proc /proc proc rw 0 0\n"
                               "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n"),
            "/sys/fs/cgroup");
}

TEST(CgroupMount, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(find_cgroup2_mount(""), "");
  EXPECT_EQ(find_cgroup2_mount("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"), "");
  // The name of the device alone says nothing.
  EXPECT_EQ(find_cgroup2_mount("cgroup2 /mnt ext4 rw 0 0"), "");
  EXPECT_EQ(find_cgroup2_mount("rubbish"), "");
}

}  // namespace nospof
