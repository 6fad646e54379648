// What reports say of what the probes that look saw.

#include "report/words.hpp"

#include <sstream>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.hpp"
#include "tests/unit/verdict/scenario.hpp"

namespace nospof::report {
namespace {

using test::first_cell;
using test::ms;
using test::s;
using ::testing::HasSubstr;

// Cells that all pass, and a hole in a firewall that no fault brought about.
TEST(ReportOfAFinding, FailsEverywhereWithItsName) {
  verdict::RunRecord run = test::one_cell_run([](std::int64_t) { return kinds::Outcome::ok; });
  verdict::RunResult result = verdict::judge(run);
  ASSERT_EQ(result.verdict, verdict::Verdict::pass);
  result.verdict = verdict::Verdict::fail;
  result.findings = {{"firewall", "open", "client -> db1:3306/tcp", "it is <open>", {"client"}}};
  std::istringstream in(junit_xml(run, result));
  boost::property_tree::ptree tree;
  read_xml(in, tree);
  const auto& suite = tree.get_child("testsuites.testsuite");
  EXPECT_EQ(suite.get<int>("<xmlattr>.failures"), 1);
  EXPECT_EQ(suite.get<int>("<xmlattr>.tests"), 2);
  EXPECT_THAT(junit_xml(run, result), HasSubstr("name=\"open: client -&gt; db1:3306/tcp\""));
  EXPECT_THAT(claim(run, result), HasSubstr("A violation was found"));
  run.mode = verdict::Mode::run;
  EXPECT_THAT(claim(run, result), HasSubstr("A violation was found"));
  EXPECT_THAT(terminal_table(run, result, false),
              HasSubstr("open: client -> db1:3306/tcp (seen on client: it is <open>)"));
}

TEST(Words, SayOfWhatWasSeen) {
  verdict::CellResult cell;
  cell.injected_ns = first_cell;
  EXPECT_EQ(firewall_text(cell), "-");
  EXPECT_EQ(tls_text(cell), "-");
  EXPECT_EQ(detected_text(cell), "-");
  cell.seen.looked = {"firewall", "tls-path", "plaintext-canary", "monitoring"};
  cell.seen.open = 1;
  cell.seen.closed = {"a", "b"};
  cell.seen.tls = 3;
  cell.seen.clear_text = 1;
  EXPECT_EQ(firewall_text(cell), "1+2");
  EXPECT_EQ(tls_text(cell), "4");
  EXPECT_EQ(detected_text(cell), "no alert");
  cell.seen.detected = verdict::Interval{Nanoseconds(2 * s), Nanoseconds(2100 * ms)};
  EXPECT_EQ(detected_text(cell), "2.1 s");
}

TEST(Words, NotAllWereServedIsNeverAHundredPercent) {
  verdict::CellResult cell;
  cell.injected_ns = first_cell;
  cell.counts.total = 3000;
  cell.counts.failed = 1;
  EXPECT_EQ(availability_text(cell), "99.9%");
  cell.counts.failed = 0;
  EXPECT_EQ(availability_text(cell), "100.0%");
}

}  // namespace
}  // namespace nospof::report
