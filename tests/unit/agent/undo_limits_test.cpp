// Undo records of limits and groups.

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "agent/undo.hpp"
#include "system/check.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class UndoLimits : public ::testing::Test {
 protected:
  UndoResult undo(const json::object& record) { return execute_undo(record, env_); }
  kinds::HostEnv env_;
};

rlimit files_of(const ProcessId& id) {
  rlimit limit{};
  check("prlimit", ::prlimit(id.pid, RLIMIT_NOFILE, nullptr, &limit));
  return limit;
}

json::object files_record(const ProcessId& id, const rlimit& before, rlim_t lowered) {
  json::object process{{"pid", id.pid},
                       {"start_time", id.start_time},
                       {"soft", before.rlim_cur},
                       {"hard", before.rlim_max},
                       {"lowered", lowered}};
  json::object record{{"op", "restore-file-limits"}};
  record["processes"] = json::array({json::value(process)});
  return record;
}

TEST_F(UndoLimits, FileLimitsComeBackOnce) {
  const test::Sleeper sleeper;
  const rlimit before = files_of(sleeper.id());
  const json::object record = files_record(sleeper.id(), before, 5);
  EXPECT_FALSE(undo(record).changed) << "never lowered";
  const rlimit lowered{5, before.rlim_max};
  ASSERT_EQ(::prlimit(sleeper.id().pid, RLIMIT_NOFILE, &lowered, nullptr), 0);
  EXPECT_TRUE(undo(record).changed);
  EXPECT_EQ(files_of(sleeper.id()).rlim_cur, before.rlim_cur);
  EXPECT_EQ(files_of(sleeper.id()).rlim_max, before.rlim_max);
  EXPECT_FALSE(undo(record).changed);
  const rlimit theirs{6, before.rlim_max};
  ASSERT_EQ(::prlimit(sleeper.id().pid, RLIMIT_NOFILE, &theirs, nullptr), 0);
  EXPECT_FALSE(undo(record).changed) << "somebody else's";
  EXPECT_EQ(files_of(sleeper.id()).rlim_cur, 6U);
  EXPECT_TRUE(speaks_of_processes(record));
}

TEST_F(UndoLimits, FileLimitsOfAProcessThatIsGoneAreNobodysBusiness) {
  const test::Sleeper sleeper;
  ProcessId other = sleeper.id();
  ++other.start_time;
  const UndoResult result = undo(files_record(other, {10, 10}, 5));
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
  EXPECT_FALSE(undo({{"op", "restore-file-limits"}}).done) << "a record that can't be read";
}

TEST_F(UndoLimits, AControlGetsItsOldValueUnlessSomebodyElseWroteIt) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "pids.max";
  const json::object record{
      {"op", "restore-control"}, {"file", file}, {"old", "max"}, {"ours", "7"}};
  EXPECT_TRUE(undo(record).done) << "its group is gone";
  write_file(file, "7\n");
  EXPECT_TRUE(undo(record).changed);
  EXPECT_TRUE(read_file(file).starts_with("max"));
  write_file(file, "99\n");
  const UndoResult result = undo(record);
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
  EXPECT_EQ(read_file(file), "99\n");
  EXPECT_FALSE(undo({{"op", "restore-control"}, {"file", file}}).done);
}

TEST_F(UndoLimits, GroupsThatAreGoneNeedNothing) {
  const test::TemporaryFolder folder;
  for (const json::object& record :
       {json::object{{"op", "remove-cgroup"}, {"cgroup", folder / "none"}},
        json::object{
            {"op", "dissolve-group"}, {"group", folder / "none"}, {"into", folder / "x"}}}) {
    const UndoResult result = undo(record);
    EXPECT_TRUE(result.done) << result.detail;
    EXPECT_FALSE(result.changed);
  }
}

TEST_F(UndoLimits, WithoutPowerNobodyIsThawed) {
  for (const char* op : {"thaw-host", "rejoin-host"}) {
    const UndoResult result = undo({{"op", op}, {"host", "db1"}});
    EXPECT_FALSE(result.done);
    EXPECT_THAT(result.detail, HasSubstr("no power over hosts"));
  }
}

}  // namespace
}  // namespace nospof::agent
