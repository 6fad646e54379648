#include "lab/record.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "lab/host_mounts.hpp"
#include "system/check.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;

TEST(LabName, FollowsTheRules) {
  for (const char* good :
       {"a", "three-tier", "0", "x-1-2", "abcdefghijabcdefghijabcdefghijabcdefghij"})
    EXPECT_NO_THROW(check_lab_name(good)) << good;
  for (const char* bad : {"", "-a", "A", "a_b", "a/b", "..", "a b", "ü", ".lock",
                          "abcdefghijabcdefghijabcdefghijabcdefghijk"})
    EXPECT_THROW(check_lab_name(bad), Error) << bad;
}

TEST(LabCgroup, KeepsLabsUnderDifferentRootsApart) {
  EXPECT_EQ(lab_cgroup("/cg", "/var/lib/nospof", "x"), "/cg/nospof/x");
  const std::string one = lab_cgroup("/cg", "/tmp/one", "x");
  EXPECT_TRUE(one.starts_with("/cg/nospof/x.")) << one;
  EXPECT_NE(one, lab_cgroup("/cg", "/tmp/two", "x"));
  EXPECT_EQ(one, lab_cgroup("/cg", "/tmp/one", "x"));
}

TEST(LabRecord, ComesBackFromItsFileAndIsNobodyElsesToRead) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  write_record(layout, {"x", "/a/t.yaml", "/b/t.yaml", "/cg/x", {{"word", "s3cret\""}}});
  const LabRecord record = read_record(layout);
  EXPECT_EQ(record.name, "x");
  EXPECT_EQ(record.topology_file, "/a/t.yaml");
  EXPECT_EQ(record.topology_copy, "/b/t.yaml");
  EXPECT_EQ(record.cgroup, "/cg/x");
  EXPECT_EQ(record.secrets.at("word"), "s3cret\"");
  EXPECT_EQ(fs::status(layout.record_file()).permissions(), fs::perms(0600));
}

TEST(LabRecord, ADamagedOneIsAnErrorThatNamesTheFile) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  EXPECT_THROW(read_record(layout), SystemError);
  for (const char* text : {"", "no", "{}", "[]"}) {
    write_file(layout.record_file(), text);
    EXPECT_THROW(read_record(layout), Error) << text;
  }
}

TEST(LabFolder, IsHeldAsLongAsSomebodyHoldsIt) {
  const test::TemporaryFolder root;
  const Layout layout = Layout::of(root.path(), "x");
  const UniqueFd lock = lock_root(root.path());
  UniqueFd maker = claim_folder(layout);
  EXPECT_THROW(claim_folder(layout), Error);
  EXPECT_TRUE(is_folder_held(layout));
  UniqueFd keeper = join_folder(layout);
  maker.reset();
  EXPECT_TRUE(is_folder_held(layout));
  keeper.reset();
  EXPECT_FALSE(is_folder_held(layout));
  EXPECT_EQ(lab_folders(root.path()), std::vector<std::string>{"x"});
  EXPECT_FALSE(is_folder_held(Layout::of(root.path(), "y")));
  EXPECT_TRUE(lab_folders(root / "nowhere").empty());
}

TEST(LabFolder, KnowsItsKeeper) {
  const test::TemporaryFolder folder;
  const Layout layout{folder.path()};
  EXPECT_FALSE(read_keeper(layout));
  write_keeper(layout, {4711, 123456789012345});
  EXPECT_EQ(read_keeper(layout), (ProcessId{4711, 123456789012345}));
}

TEST(HiddenBy, NamesTheFolderThatAHostHasForItself) {
  EXPECT_EQ(hidden_by("/tmp/x/labs"), "/tmp");
  EXPECT_EQ(hidden_by("/run/nospof"), "/run");
  EXPECT_EQ(hidden_by("/var/tmp/x"), "/var/tmp");
  EXPECT_EQ(hidden_by("/var/lib/nospof"), "");
  EXPECT_EQ(hidden_by("/tmpfoo/x"), "");
}

}  // namespace nospof::lab
