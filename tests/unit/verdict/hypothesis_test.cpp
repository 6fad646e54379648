#include "verdict/hypothesis.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict/scenario.hpp"

namespace nospof::verdict {
namespace {

using kinds::Outcome;
using spec::Figure;
using test::first_cell;
using test::ms;
using test::s;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr double infinite = std::numeric_limits<double>::infinity();

Verdict held(const char* tolerance, double low, double high) {
  return hold_against(spec::parse_tolerance(Figure::longest_outage, tolerance), {low, high});
}

TEST(Hypothesis, HoldsOnlyForTheWholeInterval) {
  EXPECT_EQ(held("<= 3s", 1, 3), Verdict::pass);
  EXPECT_EQ(held("< 3s", 1, 3), Verdict::inconclusive);
  EXPECT_EQ(held("< 3s", 3, 4), Verdict::fail);
  EXPECT_EQ(held("<= 3s", 3, 4), Verdict::inconclusive);
  EXPECT_EQ(held("<= 3s", 3.1, 4), Verdict::fail);
  EXPECT_EQ(held("<= 3s", 1, infinite), Verdict::inconclusive);
  EXPECT_EQ(held("> 3s", 3.1, infinite), Verdict::pass);
  EXPECT_EQ(held("> 3s", 2, 4), Verdict::inconclusive);
  EXPECT_EQ(held("> 3s", 2, 3), Verdict::fail);
  EXPECT_EQ(held(">= 3s", 3, 4), Verdict::pass);
  EXPECT_EQ(held(">= 3s", 1, 2.9), Verdict::fail);
  EXPECT_EQ(held("== 0s", 0, 0), Verdict::pass);
  EXPECT_EQ(held("== 0s", 0, 0.04), Verdict::inconclusive);
  EXPECT_EQ(held("== 0s", 1, 2), Verdict::fail);
  EXPECT_EQ(held("between 1s and 2s", 1, 2), Verdict::pass);
  EXPECT_EQ(held("between 1s and 2s", 0.9, 1.5), Verdict::inconclusive);
  EXPECT_EQ(held("between 1s and 2s", 0, 3), Verdict::inconclusive);
  EXPECT_EQ(held("between 1s and 2s", 2.1, 3), Verdict::fail);
  EXPECT_EQ(held("between 1s and 2s", 0, 0.9), Verdict::fail);
}

// An experiment whose fault cost the second after the injection.
RunRecord experiment(const std::vector<std::pair<Figure, const char*>>& tolerances) {
  const std::int64_t injected = first_cell + test::injected_after;
  RunRecord run = test::one_cell_run(test::fails_between(injected, injected + s));
  run.mode = Mode::run;
  run.cells[0].plan = {"experiment", "", "", "process-kill", "", {}};
  for (const auto& [figure, text] : tolerances) {
    spec::Hypothesis item;
    item.figure = figure;
    if (figure == Figure::count) item.outcome = "connect-refused";
    item.tolerance = spec::parse_tolerance(figure, text);
    run.hypothesis.push_back(item);
  }
  return run;
}

struct Held {
  Figure figure;
  const char* tolerance;
  const char* observed;
};

const std::vector<Held>& every_figure() {
  static const std::vector<Held> all{{Figure::availability, ">= 80%", "83.3333%"},
                                     {Figure::longest_outage, "<= 1100ms", "980 ms .. 1.02 s"},
                                     {Figure::failed, "== 50", "50"},
                                     {Figure::count, "== 50", "50"},
                                     {Figure::p50, "<= 5ms", "5 ms"},
                                     {Figure::p90, "<= 5ms", "5 ms"},
                                     {Figure::p99, "<= 5ms", "5 ms"},
                                     {Figure::p999, "<= 5ms", "5 ms"},
                                     {Figure::p9999, "<= 5ms", "5 ms"},
                                     {Figure::max, "<= 5ms", "5 ms"},
                                     {Figure::time_to_recover, "<= 1015ms", "995 ms .. 1.01 s"}};
  return all;
}

TEST(Hypothesis, EveryFigureIsObserved) {
  ASSERT_EQ(every_figure().size(), spec::figure_names().size());
  for (const auto& [figure, tolerance, observed] : every_figure()) {
    SCOPED_TRACE(spec::figure_name(figure));
    const RunResult result = judge(experiment({{figure, tolerance}}));
    EXPECT_EQ(result.exit_code, 0) << ::testing::PrintToString(result.cells[0].reasons);
    const HypothesisResult& held = result.cells[0].hypothesis.at(0);
    EXPECT_EQ(held.verdict, Verdict::pass);
    EXPECT_EQ(held.observed, observed);
  }
}

TEST(Hypothesis, EveryFigureMayFailTheRun) {
  for (const Held& held : every_figure()) {
    SCOPED_TRACE(spec::figure_name(held.figure));
    const bool is_share = held.figure == Figure::availability;
    const bool is_count = spec::figure_unit(held.figure) == spec::FigureUnit::count;
    const char* missed = is_share ? "> 90%" : is_count ? "< 50" : "<= 4ms";
    const RunResult result = judge(experiment({{held.figure, missed}}));
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.cells[0].reasons, Contains(HasSubstr(spec::figure_name(held.figure))));
  }
}

TEST(Hypothesis, OutcomesAreCountedApart) {
  RunRecord run = experiment({{Figure::count, "== 50"}, {Figure::count, "== 0"}});
  run.hypothesis[1].outcome = "tls-untrusted";
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.cells[0].hypothesis[0].observed, "50");
  EXPECT_EQ(result.cells[0].hypothesis[1].observed, "0");
  run.hypothesis[0].tolerance = spec::parse_tolerance(Figure::count, "<= 3");
  EXPECT_THAT(judge(run).cells[0].reasons,
              ::testing::ElementsAre("count of connect-refused <= 3: observed 50"));
}

TEST(Hypothesis, AViolatedOneFailsTheRunAndTheBudgetDoesNotMatter) {
  RunRecord run = experiment({{Figure::failed, "== 0"}, {Figure::availability, ">= 10%"}});
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.cells[0].reasons, ::testing::ElementsAre("failed == 0: observed 50"));
  EXPECT_TRUE(result.spofs.empty()) << "an experiment names no component";
  run.hypothesis.erase(run.hypothesis.begin());
  run.outage_budget = Nanoseconds(0);
  EXPECT_EQ(judge(run).exit_code, 0);
}

TEST(Hypothesis, AnUndecidedOneIsInconclusive) {
  const RunResult result = judge(experiment({{Figure::longest_outage, "<= 1s"}}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.cells[0].reasons, Contains(HasSubstr("cannot be decided")));
}

TEST(Hypothesis, WithoutOneTheBudgetCounts) {
  RunRecord run = experiment({});
  EXPECT_EQ(judge(run).exit_code, 0);
  run.outage_budget = Nanoseconds(500 * ms);
  EXPECT_EQ(judge(run).exit_code, 1);
}

TEST(Hypothesis, AnUnconfirmedFaultProvesNoHypothesis) {
  RunRecord run = experiment({{Figure::failed, "== 50"}});
  for (Step& step : run.cells[0].steps)
    if (step.step == "confirm") step.outcome = "unable";
  EXPECT_EQ(judge(run).exit_code, 3);
}

TEST(Hypothesis, RecoveryCountsFromTheInjectionThatCameBefore) {
  RunRecord run = experiment({{Figure::time_to_recover, "<= 600ms"}});
  const std::int64_t first = first_cell + test::injected_after;
  const std::int64_t second = first + 2500 * ms;
  for (const char* name : {"undo-written", "inject", "confirm", "confirm-healed"}) {
    Step step = *std::ranges::find(run.cells[0].steps, std::string(name), &Step::step);
    step.injection = "second";
    step.at_ns = std::max(step.at_ns, second);
    run.cells[0].steps.push_back(step);
  }
  run.samples = test::stream(first_cell - s, first_cell + test::cell_length, [&](std::int64_t at) {
    const bool bad =
        (at >= first && at < first + 100 * ms) || (at >= second && at < second + 500 * ms);
    return bad ? Outcome::reset : Outcome::ok;
  });
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 0) << ::testing::PrintToString(result.cells[0].reasons);
  ASSERT_TRUE(result.cells[0].recovery.has_value());
  EXPECT_EQ(result.cells[0].recovery->upper, Nanoseconds(515 * ms));
}

TEST(Hypothesis, ALateProberDistortsLatencies) {
  RunRecord run = experiment({{Figure::p50, "<= 1s"}});
  for (kinds::Sample& sample : run.samples)
    if (sample.sequence % 10 == 0) sample.started_ns = sample.scheduled_ns + 60 * ms;
  EXPECT_EQ(judge(run).exit_code, 3);
  EXPECT_THAT(judge(run).cells[0].reasons, Contains(HasSubstr("the prober was too slow")));
}

TEST(Hypothesis, WithoutDataNothingIsObserved) {
  RunRecord run = experiment({{Figure::p99, "<= 5ms"}, {Figure::longest_outage, "<= 1s"}});
  run.samples.clear();
  const RunResult result = judge(run);
  EXPECT_EQ(result.exit_code, 3);
  for (const HypothesisResult& item : result.cells[0].hypothesis) {
    EXPECT_EQ(item.observed, "no data");
    EXPECT_EQ(item.verdict, Verdict::inconclusive);
  }
}

}  // namespace
}  // namespace nospof::verdict
