// A run's folder -> result.json, junit.xml, summary.md and the table.

#include "report/report.hpp"

#include <algorithm>
#include <sstream>

#include <boost/json/parse.hpp>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/text.hpp"
#include "report/words.hpp"
#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/verdict/run_folder.hpp"
#include "tests/unit/verdict/scenario.hpp"

namespace nospof::report {
namespace {

namespace json = boost::json;
using boost::property_tree::ptree;
using kinds::Outcome;
using test::first_cell;
using test::ms;
using test::s;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* nasty = "a|b <c> & \"d\" 'e' \x01\xff\n*f*";

// One cell passes, a host and its service fail, one is inconclusive, one was never begun.
verdict::RunRecord mixed_run() {
  verdict::RunRecord run = test::empty_run();
  const std::int64_t step = test::cell_length + 200 * ms;
  run.cells = {test::whole_cell(first_cell, "web1", "nginx", "process-kill"),
               test::whole_cell(first_cell + step, "db1", "mariadb", "process-pause"),
               test::whole_cell(first_cell + 2 * step, "db1", "", "host-crash"),
               test::whole_cell(first_cell + 3 * step, "lb1", "", "partition"),
               {}};
  run.cells[1].plan.parameters = {{"duration", "\"3s\""}, {"count", "2"}};
  run.cells[3].plan.label = "in";
  run.cells[3].redundant = verdict::RedundantMark{first_cell + 3 * step + 6 * s, false, nasty};
  run.cells[4].plan = {"lb2/host-crash", "lb2", "", "host-crash", "", {}};
  run.end = verdict::RunEnd{"error", "the disk is full"};
  run.left_out = {{"client", "it measures and is not part of the stack"}};
  run.samples = test::stream(first_cell - s, first_cell + 4 * step, [step](std::int64_t at) {
    const std::int64_t in_cell = (at - first_cell) % step - test::injected_after;
    const bool db_cell = at > first_cell + step && at < first_cell + 3 * step;
    if (in_cell < 0 || at < first_cell) return Outcome::ok;
    return in_cell < (db_cell ? 3 * s : 300 * ms) ? Outcome::connect_timeout : Outcome::ok;
  });
  return run;
}

class Report : public ::testing::Test {
 protected:
  Report() {
    test::write_run_folder(folder_.path(), mixed_run());
    result_ = write_reports(folder_.path());
    run_ = load_run(folder_.path());
  }
  std::string file(const std::string& name) { return read_file(folder_ / name); }

  test::TemporaryFolder folder_;
  verdict::RunRecord run_;
  verdict::RunResult result_;
};

TEST_F(Report, ResultJsonHasWhatWasJudged) {
  const json::object root = json::parse(file("result.json")).as_object();
  EXPECT_EQ(root.at("schema"), 1);
  EXPECT_EQ(root.at("verdict"), "fail");
  EXPECT_EQ(root.at("exit_code"), 1);
  EXPECT_EQ(root.at("end"), "error");
  EXPECT_EQ(root.at("tool"), "nospof 0.1.0");
  EXPECT_EQ(root.at("command"), "nospof prove pair/topology.yaml");
  EXPECT_EQ(root.at("topology").at("sha256"), "00aa11bb");
  EXPECT_EQ(root.at("outage_budget_ns"), 2 * s);
  EXPECT_EQ(root.at("workload").at("period_ns"), test::period_ns);
  EXPECT_EQ(root.at("totals").at("planned"), 5);
  EXPECT_EQ(root.at("totals").at("executed"), 4);
  EXPECT_EQ(root.at("totals").at("passed"), 1);
  EXPECT_EQ(root.at("totals").at("failed"), 2);
  EXPECT_EQ(root.at("totals").at("inconclusive"), 2);
  EXPECT_EQ(root.at("left_out").at(0).at("what"), "client");
  EXPECT_THAT(std::string(root.at("claim").as_string()),
              HasSubstr("for this topology hash, this workload and this budget; executed 4 of 5 "
                        "cells"));
}

TEST_F(Report, ResultJsonHasEveryCell) {
  const json::value root = json::parse(file("result.json"));
  const json::array& cells = root.at("cells").as_array();
  ASSERT_EQ(cells.size(), 5U);
  const json::object& failed = cells[1].as_object();
  EXPECT_EQ(failed.at("id"), "db1/mariadb/process-pause");
  EXPECT_EQ(failed.at("component"), "mariadb on db1");
  EXPECT_EQ(failed.at("verdict"), "fail");
  EXPECT_EQ(failed.at("confirmed"), true);
  EXPECT_EQ(failed.at("parameters").at("duration"), "3s");
  EXPECT_EQ(failed.at("parameters").at("count"), 2);
  EXPECT_EQ(failed.at("longest_outage").at("lower_ns"), 2980 * ms);
  EXPECT_EQ(failed.at("longest_outage").at("upper_ns"), 3020 * ms);
  EXPECT_EQ(failed.at("longest_outage").at("text"), "2.98 s .. 3.02 s");
  EXPECT_EQ(failed.at("requests").at("failed"), 150);
  EXPECT_EQ(failed.at("requests").at("classes").at("connect-timeout"), 150);
  EXPECT_EQ(failed.at("outages").at(0).at("unfinished"), false);
  EXPECT_EQ(failed.at("latency").at("p50_ns"), 5 * ms);
  EXPECT_EQ(
      failed.at("repeat"),
      "nospof prove pair/topology.yaml --budget 2s --only db1/mariadb/process-pause --min-idle 0 "
      "--no-observe");
  const json::object& passed = cells[0].as_object();
  EXPECT_EQ(passed.at("verdict"), "pass");
  EXPECT_TRUE(passed.at("reasons").as_array().empty());
  const json::object& untried = cells[4].as_object();
  EXPECT_EQ(untried.at("verdict"), "inconclusive");
  EXPECT_TRUE(untried.at("injected_ns").is_null());
  EXPECT_TRUE(untried.at("recovery").is_null());
  EXPECT_TRUE(untried.at("latency").at("p50_ns").is_null());
}

TEST_F(Report, ResultJsonHasTheTrafficOfAllCells) {
  const json::value root = json::parse(file("result.json"));
  EXPECT_EQ(root.at("requests").at("total"), 4 * 350);
  EXPECT_EQ(root.at("requests").at("failed"), 2 * 15 + 2 * 150);
  const json::value& latency = root.at("latency");
  EXPECT_EQ(latency.at("answered"), 1400 - 330);
  EXPECT_EQ(latency.at("max_ns"), 5 * ms);
  EXPECT_EQ(latency.at("p50_ns"), 5 * ms);
  EXPECT_EQ(latency.at("p9999_ns"), 5 * ms);
  EXPECT_EQ(latency.at("mean_ns"), 5 * ms);
  EXPECT_EQ(latency.at("histogram").at("min_ns"), 5 * ms);
  // 5,000,000 has 23 bits: 12 * 1024 + (5,000,000 >> 12).
  EXPECT_EQ(latency.at("histogram").at("buckets"), json::value({13508, 1070}));
  EXPECT_THAT(file("result.json"), HasSubstr("\"buckets\": [13508,1070]\n")) << "on one line";
}

TEST_F(Report, ResultJsonHasTheErrorBudgetAndNoBoundAfterAFailure) {
  const json::value root = json::parse(file("result.json"));
  const json::value& budget = root.at("error_budget");
  EXPECT_EQ(budget.at("slo_availability"), 0.99);
  EXPECT_EQ(budget.at("run").at("requests"), 1400);
  EXPECT_EQ(budget.at("run").at("spent"), 330);
  EXPECT_NEAR(budget.at("run").at("budget").as_double(), 14, 1e-9);
  EXPECT_NEAR(budget.at("run").at("burn_rate").as_double(), 330.0 / 14, 1e-9);
  EXPECT_EQ(budget.at("worst_cell").at("cell"), "db1/mariadb/process-pause");
  EXPECT_NEAR(budget.at("worst_cell").at("burn_rate").as_double(), 50, 1e-9);
  EXPECT_TRUE(root.at("bound").is_null());
  const std::string text =
      "SLO 99%: 330 of 1400 requests failed, 14 may: burn rate 23.6; 50 in the worst cell, "
      "db1/mariadb/process-pause (150 of 300)";
  EXPECT_THAT(file("summary.md"), HasSubstr("- error budget: " + text + "\n"));
  EXPECT_THAT(terminal_table(run_, result_, false), HasSubstr("\n" + text.substr(0, 100)));
  EXPECT_THAT(file("summary.md"), Not(HasSubstr("confidence")));
}

TEST_F(Report, ResultJsonNamesTheSpofs) {
  const json::value root = json::parse(file("result.json"));
  const json::array& spofs = root.at("spofs").as_array();
  ASSERT_EQ(spofs.size(), 1U);
  EXPECT_EQ(spofs[0].at("name"), "db1");
  EXPECT_EQ(spofs[0].at("faults").at(0).at("fault"), "host-crash");
  EXPECT_EQ(spofs[0].at("faults").at(0).at("outage").at("lower_ns"), 2980 * ms);
  EXPECT_EQ(spofs[0].at("services").at(0).at("name"), "mariadb on db1");
}

TEST_F(Report, JunitIsWellFormedAndCounts) {
  std::istringstream in(file("junit.xml"));
  ptree tree;
  ASSERT_NO_THROW(read_xml(in, tree));
  const ptree& suite = tree.get_child("testsuites.testsuite");
  EXPECT_EQ(suite.get<int>("<xmlattr>.tests"), 6);
  EXPECT_EQ(suite.get<int>("<xmlattr>.failures"), 2);
  EXPECT_EQ(suite.get<int>("<xmlattr>.errors"), 2);
  EXPECT_EQ(suite.get<int>("<xmlattr>.skipped"), 1);
  EXPECT_EQ(suite.get<std::string>("<xmlattr>.timestamp"), "2026-11-20T13:39:56");
  std::vector<std::string> elements;
  for (const auto& [name, node] : suite) {
    if (name != "testcase") continue;
    std::string element = "passed";
    for (const auto& [child, ignored] : node)
      if (child != "<xmlattr>") element = child;
    elements.push_back(node.get<std::string>("<xmlattr>.classname") + " " +
                       node.get<std::string>("<xmlattr>.name") + " " + element);
  }
  EXPECT_THAT(elements,
              ::testing::ElementsAre("nginx on web1 process-kill passed",
                                     "mariadb on db1 process-pause failure",
                                     "db1 host-crash failure", "lb1 partition:in error",
                                     "lb2 host-crash skipped", "run complete and healed error"));
}

TEST_F(Report, JunitKeepsForeignTextHarmless) {
  std::istringstream in(file("junit.xml"));
  ptree tree;
  read_xml(in, tree);
  std::string message;
  for (const auto& [name, node] : tree.get_child("testsuites.testsuite"))
    if (name == "testcase" && node.get<std::string>("<xmlattr>.classname") == "lb1")
      message = node.get<std::string>("error.<xmlattr>.message");
  EXPECT_EQ(message, "not redundant again: a|b <c> & \"d\" 'e' \xEF\xBF\xBD\xEF\xBF\xBD\n*f*");
}

TEST_F(Report, SummaryHasTableSpofsReasonsAndTheClaim) {
  const std::string text = file("summary.md");
  EXPECT_THAT(text, HasSubstr("# A pair of everything: fail\n"));
  EXPECT_THAT(text, HasSubstr("1 single point of failure was found for this topology hash, this "
                              "workload and this budget; executed 4 of 5 cells."));
  EXPECT_THAT(text,
              HasSubstr("| nginx on web1 | process-kill | pass | 95.0% | 280 ms .. 320 ms | 15/300 "
                        "| - | - | - | - | 315 ms | 5 s |\n"));
  EXPECT_THAT(text,
              HasSubstr("| db1 | host-crash | **fail** | 50.0% | 2.98 s .. 3.02 s | 150/300 |"));
  EXPECT_THAT(
      text,
      HasSubstr("| lb2 | host-crash | **inconclusive** | - | - | - | - | - | - | - | - | - |\n"));
  EXPECT_THAT(text, HasSubstr("- **db1**: host-crash (2.98 s .. 3.02 s)\n"
                              "  - **mariadb on db1**: process-pause (2.98 s .. 3.02 s)\n"));
  EXPECT_THAT(text, HasSubstr("- the run: the run was not completed: error: the disk is full\n"));
  EXPECT_THAT(text, HasSubstr("a\\|b \\<c\\> & \"d\" 'e' "));
  EXPECT_THAT(text, HasSubstr("- client: it measures and is not part of the stack\n"));
}

TEST_F(Report, TableFitsALineAndHasNoColorsUnlessAsked) {
  const std::string plain = terminal_table(run_, result_, false);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  EXPECT_THAT(plain, HasSubstr("Single points of failure:\n  db1: host-crash (2.98 s .. 3.02 s)\n"
                               "    mariadb on db1: process-pause"));
  EXPECT_THAT(plain, HasSubstr("executed 4 of 5 cells"));
  EXPECT_THAT(plain, HasSubstr("\nfail\n"));
  std::istringstream lines(plain);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), 120U) << line;
  EXPECT_THAT(terminal_table(run_, result_, true), HasSubstr("\x1b[31;1mfail\x1b[0m"));
}

TEST_F(Report, LongNamesAndReasonsStayWithinTheLine) {
  verdict::RunRecord run = run_;
  const std::string name(200, 'x');
  run.cells[0].plan.host = name;
  run.cells[0].plan.fault = name;
  run.cells[3].redundant->detail = "word " + name + " and so on, and so on, and so on, and on " +
                                   "and on and on, and never an end to the words of this sentence";
  run.left_out.push_back({name, name});
  const verdict::RunResult result = verdict::judge(run);
  std::istringstream lines(terminal_table(run, result, false));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), 120U) << line;
}

TEST_F(Report, DrawnAgainItIsTheSame) {
  const std::string json = file("result.json");
  const std::string junit = file("junit.xml");
  const std::string summary = file("summary.md");
  write_reports(folder_.path());
  EXPECT_EQ(file("result.json"), json);
  EXPECT_EQ(file("junit.xml"), junit);
  EXPECT_EQ(file("summary.md"), summary);
}

TEST(ReportOfNothing, IsStillAReport) {
  test::TemporaryFolder folder;
  write_file(folder / "events.ndjson", "");
  const verdict::RunResult result = write_reports(folder.path());
  EXPECT_EQ(result.exit_code, 3);
  const json::value root = json::parse(read_file(folder / "result.json"));
  EXPECT_EQ(root.at("verdict"), "inconclusive");
  EXPECT_EQ(root.at("end"), "killed");
  EXPECT_TRUE(root.at("error_budget").is_null());
  EXPECT_TRUE(root.at("bound").is_null());
  EXPECT_TRUE(root.at("latency").at("p50_ns").is_null());
  EXPECT_TRUE(root.at("latency").at("histogram").at("buckets").as_array().empty());
  std::istringstream in(read_file(folder / "junit.xml"));
  ptree tree;
  ASSERT_NO_THROW(read_xml(in, tree));
  EXPECT_EQ(tree.get<int>("testsuites.testsuite.<xmlattr>.errors"), 1);
  EXPECT_THAT(read_file(folder / "summary.md"), HasSubstr("Nothing is proven"));
}

TEST(ReportOfPasses, SaysWhatTheySupportAndNoMore) {
  const verdict::RunRecord run = test::one_cell_run(test::always_ok);
  verdict::RunResult result = verdict::judge(run);
  EXPECT_EQ(bound_text(result),
            "1 cell passed, none failed. If cells like these fail independently of each other and "
            "with one probability, it is at most 95% (95% confidence). This says nothing about "
            "other faults, another workload or another topology.");
  const json::value bound = json::parse(result_json(run, result)).at("bound");
  EXPECT_EQ(bound.at("passed"), 1);
  EXPECT_EQ(bound.at("confidence"), 0.95);
  EXPECT_NEAR(bound.at("failure_probability_at_most").as_double(), 0.95, 1e-12);
  EXPECT_EQ(bound.at("text").as_string(), bound_text(result));
  EXPECT_THAT(summary_markdown(run, result), HasSubstr("- bound: 1 cell passed, none failed."));
  EXPECT_THAT(terminal_table(run, result, false), HasSubstr("\n1 cell passed, none failed."));

  result.passed = 52;
  result.trials = 52;
  result.inconclusive = 1;
  result.failure_bound = verdict::failure_bound(52);
  EXPECT_THAT(bound_text(result), HasSubstr("52 cells passed, none failed."));
  EXPECT_THAT(bound_text(result), HasSubstr("at most 5.6% (95% confidence)"));
  EXPECT_THAT(bound_text(result), HasSubstr(" 1 inconclusive cell is not counted."));
  result.failure_bound.reset();
  EXPECT_EQ(bound_text(result), "");
}

TEST(ReportOfABudget, SaysWhenTheSloAllowsNothing) {
  verdict::RunRecord run =
      test::one_cell_run(test::fails_between(first_cell + 2 * s, first_cell + 2 * s + 20 * ms));
  run.slo_availability = spec::Percent{1.0};
  const verdict::RunResult result = verdict::judge(run);
  EXPECT_EQ(
      budget_text(result),
      "SLO 100%: 1 of 350 requests failed, 0 may: burn rate unlimited; unlimited in the worst "
      "cell, web1/nginx/process-kill (1 of 300)");
  EXPECT_TRUE(
      json::parse(result_json(run, result)).at("error_budget").at("run").at("burn_rate").is_null());
}

TEST(ReportOfAnExperiment, ShowsEveryTolerance) {
  verdict::RunRecord run = test::one_cell_run(test::always_ok);
  run.mode = verdict::Mode::run;
  run.command = "nospof run a.yaml";
  run.cells[0].plan = {"experiment", "", "", "process-kill, partition", "", {}};
  spec::Hypothesis item;
  item.figure = spec::Figure::availability;
  item.tolerance = spec::parse_tolerance(item.figure, ">= 99.9%");
  run.hypothesis = {item};
  const verdict::RunResult result = verdict::judge(run);
  EXPECT_EQ(result.exit_code, 0);
  const json::value root = json::parse(result_json(run, result));
  const json::value& shown = root.at("cells").at(0).at("hypothesis").at(0);
  EXPECT_EQ(shown.at("figure"), "availability");
  EXPECT_EQ(shown.at("tolerance"), ">= 99.9%");
  EXPECT_EQ(shown.at("observed"), "100%");
  EXPECT_EQ(shown.at("verdict"), "pass");
  EXPECT_EQ(root.at("cells").at(0).at("repeat"), "nospof run a.yaml");
  EXPECT_THAT(summary_markdown(run, result),
              HasSubstr("| availability \\>= 99.9% | 100% | pass |"));
  EXPECT_THAT(terminal_table(run, result, false),
              HasSubstr("pass         availability >= 99.9%: observed 100%"));
}

TEST(ReportOfAnExperiment, NamesTheOutcomeThatIsCounted) {
  verdict::RunRecord run = test::one_cell_run(test::always_ok);
  run.mode = verdict::Mode::run;
  spec::Hypothesis item;
  item.figure = spec::Figure::count;
  item.outcome = "tls-untrusted";
  item.tolerance = spec::parse_tolerance(item.figure, "== 0");
  run.hypothesis = {item};
  const verdict::RunResult result = verdict::judge(run);
  const json::value root = json::parse(result_json(run, result));
  const json::value& shown = root.at("cells").at(0).at("hypothesis").at(0);
  EXPECT_EQ(shown.at("figure"), "count");
  EXPECT_EQ(shown.at("outcome"), "tls-untrusted");
  EXPECT_EQ(shown.at("observed"), "0");
  EXPECT_THAT(summary_markdown(run, result), HasSubstr("| count of tls-untrusted == 0 | 0 | pass"));
  EXPECT_THAT(terminal_table(run, result, false),
              HasSubstr("pass         count of tls-untrusted == 0: observed 0"));
}

TEST(Predictions, AreShownAsAMatrixAndWhereTheyWereWrong) {
  verdict::RunRecord run = mixed_run();
  run.cells[0].plan.predicted = "breaks";
  run.cells[1].plan.predicted = "survives";
  run.cells[2].plan.predicted = "breaks";
  run.cells[4].plan.predicted = "survives";
  const verdict::RunResult result = verdict::judge(run);
  const json::value root = json::parse(result_json(run, result));
  const json::value& shown = root.at("predictions");
  EXPECT_EQ(shown.at("predicted"), 4);
  EXPECT_EQ(shown.at("agree"), 1);
  EXPECT_EQ(shown.at("undecided"), 1);
  EXPECT_EQ(shown.at("survives_but_broke"), 1);
  EXPECT_EQ(shown.at("breaks_but_survived"), 1);
  EXPECT_EQ(shown.at("disagreements").at(0).at("finding"), "model too pessimistic");
  EXPECT_EQ(shown.at("disagreements").at(1).at("cell"), "db1/mariadb/process-pause");
  EXPECT_EQ(shown.at("disagreements").at(1).at("finding"), "fake redundancy");
  EXPECT_EQ(root.at("cells").at(1).at("predicted"), "survives");
  EXPECT_EQ(root.at("cells").at(1).at("agreement"), "fake redundancy");
  EXPECT_TRUE(root.at("cells").at(3).at("predicted").is_null());
  const std::string markdown = summary_markdown(run, result);
  EXPECT_THAT(markdown, HasSubstr("| survive | 0 | 1 (fake redundancy) |"));
  EXPECT_THAT(markdown, HasSubstr("| break | 1 (model too pessimistic) | 1 |"));
  EXPECT_THAT(terminal_table(run, result, false),
              HasSubstr("as the topology's fault tree predicted: 1 of 3 cells, 1 undecided"));
}

TEST(Predictions, AreNotSpokenOfWhenThereWereNone) {
  const verdict::RunRecord run = mixed_run();
  const verdict::RunResult result = verdict::judge(run);
  EXPECT_THAT(summary_markdown(run, result), Not(HasSubstr("## Predictions")));
  EXPECT_THAT(terminal_table(run, result, false), Not(HasSubstr("Predictions")));
}

}  // namespace
}  // namespace nospof::report
