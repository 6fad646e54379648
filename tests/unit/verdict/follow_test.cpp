// A run that still goes on, read as it grows.

#include "report/follow.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.hpp"
#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/verdict/run_folder.hpp"
#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(RunFollower, SeesAtEachMomentWhatWhoeverReadsItAllSees) {
  const verdict::RunRecord run = test::one_cell_run(test::fails_between(
      test::first_cell + 2 * test::s, test::first_cell + 3 * test::s, kinds::Outcome::timeout));
  const test::TemporaryFolder folder;
  test::write_run_folder(folder.path(), run);
  const std::string text = read_file(folder / "events.ndjson");
  RunFollower follower(folder.path());
  // Cut off anywhere, also in the middle of lines.
  for (std::size_t size = 0; size <= text.size();
       size += std::max<std::size_t>(1, text.size() / 97)) {
    write_file(folder / "events.ndjson", text.substr(0, size));
    const verdict::RunRecord followed = follower.record();
    const verdict::RunRecord whole = load_without_histories(folder.path());
    EXPECT_EQ(followed.damage, whole.damage) << size;
    EXPECT_EQ(result_json(followed, verdict::judge(followed)),
              result_json(whole, verdict::judge(whole)))
        << size;
  }
  write_file(folder / "events.ndjson", text);
  EXPECT_THAT(follower.record().damage, IsEmpty()) << "what was torn was only not yet written";
}

TEST(RunFollower, CountsLinesOfTheWholeFile) {
  const test::TemporaryFolder folder;
  const std::string events = folder / "events.ndjson";
  RunFollower follower(folder.path());
  write_file(events, "{\n{\n");
  EXPECT_EQ(follower.events().damage.size(), 2U);
  write_file(events, "{\n{\n{\n{");
  EXPECT_THAT(follower.events().damage,
              ElementsAre(HasSubstr("ndjson:1: "), HasSubstr("ndjson:2: "), HasSubstr("ndjson:3: "),
                          HasSubstr("ndjson:4: the last line is torn")));
}

}  // namespace
}  // namespace nospof::report
