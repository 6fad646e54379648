#include "evidence/claim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"
#include "verdict/judge.hpp"

namespace nospof::evidence {
namespace {

using ::testing::HasSubstr;

TEST(Claim, SaysThatEachCellWasExecutedOnce) {
  const verdict::RunRecord run = test::one_cell_run(test::always_ok);
  EXPECT_THAT(claim_text(run, verdict::judge(run)),
              HasSubstr("Executed 1 of 1 planned cells, each once: 1 passed"));
}

TEST(Claim, SaysWhichGotAnotherTryAndBoundsNothingByThem) {
  verdict::RunRecord run = test::one_cell_run(test::always_ok);
  run.min_idle = 0.1;
  run.cells.front().earlier = {run.cells.front()};
  const std::string claim = claim_text(run, verdict::judge(run));
  EXPECT_THAT(claim, HasSubstr("each once but for 1 that got another try"));
  EXPECT_THAT(claim, HasSubstr("less than 10 % idle"));
  EXPECT_THAT(claim, HasSubstr("No common bound"));
}

}  // namespace
}  // namespace nospof::evidence
