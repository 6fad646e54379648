// A fault that ended before its time is no evidence that it was survived.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::verdict {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Held, AFaultThatDidNotLastIsNoPass) {
  RunRecord run = test::one_cell_run(test::always_ok);
  ASSERT_EQ(judge_cell(run, 0).verdict, Verdict::pass);
  Step step = run.cells[0].steps.back();
  step.step = "held";
  step.ok = false;
  step.detail = "the fault had ended before it was to be healed";
  step.outcome.clear();
  run.cells[0].steps.push_back(step);
  const CellResult cell = judge_cell(run, 0);
  EXPECT_EQ(cell.verdict, Verdict::inconclusive);
  EXPECT_THAT(cell.reasons, Contains(HasSubstr("did not last")));
}

}  // namespace
}  // namespace nospof::verdict
