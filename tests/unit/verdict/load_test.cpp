// A run's folder -> RunRecord, also when it was cut off anywhere.

#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/verdict/run_folder.hpp"
#include "tests/unit/verdict/scenario.hpp"

namespace nospof::report {
namespace {

using test::first_cell;
using test::ms;
using test::s;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

verdict::RunRecord a_run() {
  verdict::RunRecord run = test::one_cell_run(
      test::fails_between(first_cell + 2 * s, first_cell + 3 * s, kinds::Outcome::timeout));
  run.cells[0].plan.label = "all";
  run.cells[0].plan.parameters = {{"signal", "\"KILL\""}, {"hold", "\"3s\""}};
  run.cells[0].detail = "fine";
  run.cells[0].steps[3].of_hosts = {"lb1", "web1"};
  run.left_out = {{"client", "it measures and is not part of the stack"}};
  run.lateness = {{first_cell + 2 * s, Nanoseconds(3 * ms)}};
  run.lab_up_seconds = 7.5;
  run.lab_ups_ns = {50 * s};
  return run;
}

class Load : public ::testing::Test {
 protected:
  void write(const verdict::RunRecord& run) { test::write_run_folder(folder_.path(), run); }
  void write_events(const std::string& text) { write_file(folder_ / "events.ndjson", text); }
  verdict::RunRecord load() { return load_run(folder_.path()); }

  test::TemporaryFolder folder_;
};

TEST_F(Load, GivesBackWhatWasRecorded) {
  const verdict::RunRecord run = a_run();
  write(run);
  const verdict::RunRecord read = load();
  EXPECT_TRUE(read.started);
  EXPECT_THAT(read.damage, IsEmpty());
  EXPECT_EQ(read.tool, run.tool);
  EXPECT_EQ(read.mode, verdict::Mode::prove);
  EXPECT_EQ(read.name, run.name);
  EXPECT_EQ(read.title, run.title);
  EXPECT_EQ(read.command, run.command);
  EXPECT_EQ(read.topology.file, run.topology.file);
  EXPECT_EQ(read.topology.sha256, run.topology.sha256);
  EXPECT_EQ(read.outage_budget, run.outage_budget);
  EXPECT_EQ(read.settle, run.settle);
  EXPECT_EQ(read.recovery_deadline, run.recovery_deadline);
  EXPECT_EQ(read.probe.period, run.probe.period);
  EXPECT_EQ(read.probe.url, run.probe.url);
  EXPECT_EQ(read.started_at, run.started_at);
  EXPECT_EQ(read.ended_at, run.ended_at);
  EXPECT_EQ(read.lab_up_seconds, 7.5);
  EXPECT_EQ(read.lab_ups_ns, run.lab_ups_ns);
  ASSERT_EQ(read.left_out.size(), 1U);
  EXPECT_EQ(read.left_out[0].what, "client");
  ASSERT_EQ(read.lateness.size(), 1U);
  EXPECT_EQ(read.lateness[0].worst, Nanoseconds(3 * ms));
  ASSERT_TRUE(read.end.has_value());
  EXPECT_EQ(read.end->reason, "complete");
  ASSERT_EQ(read.samples.size(), run.samples.size());
  EXPECT_EQ(read.samples.back().scheduled_ns, run.samples.back().scheduled_ns);
}

TEST_F(Load, GivesBackCellsWithTheirSteps) {
  const verdict::RunRecord run = a_run();
  write(run);
  const verdict::RunRecord read = load();
  ASSERT_EQ(read.cells.size(), 1U);
  const verdict::CellRecord& cell = read.cells[0];
  const verdict::CellRecord& wanted = run.cells[0];
  EXPECT_EQ(cell.plan.id, wanted.plan.id);
  EXPECT_EQ(cell.plan.host, wanted.plan.host);
  EXPECT_EQ(cell.plan.service, wanted.plan.service);
  EXPECT_EQ(cell.plan.label, wanted.plan.label);
  EXPECT_EQ(cell.plan.parameters, wanted.plan.parameters);
  EXPECT_EQ(cell.started_ns, wanted.started_ns);
  EXPECT_EQ(cell.finished_ns, wanted.finished_ns);
  EXPECT_EQ(cell.end, wanted.end);
  EXPECT_EQ(cell.detail, wanted.detail);
  EXPECT_EQ(cell.overhead, wanted.overhead);
  EXPECT_EQ(cell.served_again_ns, wanted.served_again_ns);
  ASSERT_TRUE(cell.redundant.has_value());
  EXPECT_EQ(cell.redundant->at_ns, wanted.redundant->at_ns);
  ASSERT_EQ(cell.phases.size(), wanted.phases.size());
  EXPECT_EQ(cell.phases.back().phase, "done");
  ASSERT_EQ(cell.steps.size(), wanted.steps.size());
  EXPECT_EQ(cell.steps[2].step, "inject");
  EXPECT_EQ(cell.steps[2].at_ns, wanted.steps[2].at_ns) << "the agent's own time";
  EXPECT_EQ(cell.steps[3].outcome, "confirmed");
  EXPECT_THAT(cell.steps[3].of_hosts, ::testing::Optional(ElementsAre("lb1", "web1")));
  EXPECT_EQ(cell.steps[2].of_hosts, std::nullopt);
}

TEST_F(Load, ReadsAnExperimentsHypothesis) {
  verdict::RunRecord run = a_run();
  run.mode = verdict::Mode::run;
  spec::Hypothesis item;
  item.figure = spec::Figure::p99;
  item.tolerance = spec::parse_tolerance(item.figure, "between 1ms and 50ms");
  run.hypothesis = {item};
  write(run);
  const verdict::RunRecord read = load();
  EXPECT_EQ(read.mode, verdict::Mode::run);
  ASSERT_EQ(read.hypothesis.size(), 1U);
  EXPECT_EQ(read.hypothesis[0].figure, spec::Figure::p99);
  EXPECT_EQ(read.hypothesis[0].tolerance.comparator, spec::Comparator::between);
  EXPECT_DOUBLE_EQ(read.hypothesis[0].tolerance.high, 0.05);
  EXPECT_EQ(read.hypothesis[0].outcome, "");
}

TEST_F(Load, ReadsAHypothesisAboutAnOutcome) {
  verdict::RunRecord run = a_run();
  run.mode = verdict::Mode::run;
  spec::Hypothesis item;
  item.figure = spec::Figure::count;
  item.outcome = "reset";
  item.tolerance = spec::parse_tolerance(item.figure, "<= 3");
  run.hypothesis = {item};
  write(run);
  ASSERT_EQ(load().hypothesis.size(), 1U);
  EXPECT_EQ(load().hypothesis[0].outcome, "reset");
  run.hypothesis[0].outcome = "resett";
  write_events(test::events_text(run));
  EXPECT_THAT(load().damage, Contains(HasSubstr("the outcome 'resett' is not known")));
}

TEST_F(Load, TheSloIsAShareOrUnknown) {
  verdict::RunRecord run = a_run();
  write(run);
  EXPECT_EQ(load().slo_availability, spec::Percent{0.99});
  run.slo_availability.reset();
  write_events(test::events_text(run));
  EXPECT_EQ(load().slo_availability, std::nullopt) << "recorded before it was";
  EXPECT_THAT(load().damage, IsEmpty());
  run.slo_availability = spec::Percent{99};
  write_events(test::events_text(run));
  EXPECT_THAT(load().damage, Contains(HasSubstr("no share from 0 to 1")));
}

TEST_F(Load, ATornLastLineIsPassedOver) {
  const std::string whole = test::events_text(a_run());
  write(a_run());
  write_events(whole.substr(0, whole.size() - 20));
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.damage, ElementsAre(HasSubstr("the last line is torn")));
  EXPECT_EQ(read.end, std::nullopt);
  EXPECT_EQ(read.cells[0].end, verdict::CellEnd::executed);
}

TEST_F(Load, WhereverARunIsCutOffItIsReadAndNeverPasses) {
  const std::string whole = test::events_text(a_run());
  write(a_run());
  write_events(whole);
  ASSERT_EQ(verdict::judge(load()).exit_code, 0);
  // Every cut would be slow under the sanitizers; a prime step meets every kind of place.
  for (std::size_t length = 0; length < whole.size(); length += 17) {
    SCOPED_TRACE(length);
    write_events(whole.substr(0, length));
    const verdict::RunResult result = verdict::judge(load());
    ASSERT_EQ(result.exit_code, 3);
    ASSERT_FALSE(result.reasons.empty());
  }
}

TEST_F(Load, LinesThatAreNoEventsAreDamageNotTheEnd) {
  const std::string whole = test::events_text(a_run());
  const std::size_t first_end = whole.find('\n') + 1;
  write(a_run());
  write_events(whole.substr(0, first_end) + "}garbage\n[1]\n{\"event\":\"phase\",\"mono_ns\":5}\n" +
               "{\"event\":\"cell-started\",\"mono_ns\":5,\"cell\":\"no/such\"}\n" +
               "{\"event\":\"novelty\",\"mono_ns\":5}\n" + whole.substr(first_end));
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.damage, ElementsAre("events.ndjson:2: this is no JSON object",
                                       "events.ndjson:3: this is no JSON object",
                                       HasSubstr("events.ndjson:4: 'cell' is missing"),
                                       HasSubstr("the cell 'no/such' was never planned")));
  EXPECT_EQ(read.cells[0].end, verdict::CellEnd::executed);
  EXPECT_EQ(verdict::judge(read).exit_code, 3);
}

// Differences of times that are farther apart than 292 years do not fit into 64 bits.
TEST_F(Load, TimesThatNoClockSaysAreDamage) {
  write(a_run());
  write_events(test::events_text(a_run()) +
               "{\"event\":\"novelty\",\"mono_ns\":9223372036854775807}\n"
               "{\"event\":\"novelty\",\"mono_ns\":-9223372036854775808}\n"
               "{\"event\":\"lateness\",\"mono_ns\":5,\"worst_ns\":9000000000000000000}\n"
               "{\"event\":\"novelty\",\"mono_ns\":1152921504606846976}\n");
  EXPECT_THAT(load().damage, ElementsAre(HasSubstr("'mono_ns' is a time that no clock says"),
                                         HasSubstr("'mono_ns' is a time that no clock says"),
                                         HasSubstr("'worst_ns' is a time that no clock says")));
}

TEST_F(Load, AnEventThatIsBrokenHalfwayChangesNothing) {
  write(a_run());
  const std::string cell = a_run().cells.front().plan.id;
  write_events(test::events_text(a_run()) +
               R"({"event":"cell-started","mono_ns":5,"lab":5,"beside":"y","cell":")" + cell +
               "\"}\n");
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.damage, ElementsAre(HasSubstr("'beside' is no whole number")));
  EXPECT_EQ(read.cells.front().lab, 1);
  EXPECT_EQ(read.cells.front().end, verdict::CellEnd::executed);
}

TEST_F(Load, AClockThatAnsweredBeforeItWasAskedIsDamage) {
  write(a_run());
  write_events(test::events_text(a_run()) +
               R"({"event":"clock","mono_ns":5,"host":"lb1","boot_id":"b","same":false,)"
               R"("sent_ns":10,"host_ns":5,"received_ns":9})"
               "\n");
  EXPECT_THAT(load().damage, ElementsAre(HasSubstr("'received_ns' is before 'sent_ns'")));
}

TEST_F(Load, ACountIsNotLessThanNothing) {
  write(a_run());
  write_events(test::events_text(a_run()) +
               R"({"event":"looked","mono_ns":5,"probe":"vip","host":"lb1","begin_ns":1,)"
               R"("end_ns":2,"checked":-1,"undecided":0})"
               "\n");
  EXPECT_THAT(load().damage, ElementsAre(HasSubstr("'checked' is less than nothing")));
}

TEST_F(Load, WhatProbesLookAtIsReadOnceForEachLab) {
  write(a_run());
  const std::string expects =
      R"({"event":"expects","mono_ns":5,"probe":"firewall","host":"lb1",)"
      R"("expects":[{"subject":"a","expected":"open"},{"subject":"b","expected":"closed"}]})"
      "\n";
  const auto decided = [](const char* places) {
    return fmt::format(
        "{{\"event\":\"decided\",\"mono_ns\":6,\"probe\":\"firewall\","
        "\"host\":\"lb1\",\"places\":{}}}\n",
        places);
  };
  write_events(test::events_text(a_run()) + expects + decided("[1]") + expects + decided("[0,2]") +
               decided("[-1]"));
  const verdict::RunRecord read = load();
  const std::vector<verdict::Expected>& all = read.expected.at({"firewall", "lb1"});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].expectation.subject, "a");
  EXPECT_FALSE(all[0].decided) << "the event that says so is damaged";
  EXPECT_EQ(all[1].expectation.expected, "closed");
  EXPECT_TRUE(all[1].decided);
  EXPECT_THAT(read.damage,
              ElementsAre(HasSubstr("nothing is expected at 2"), HasSubstr("no place in a list")));
}

TEST_F(Load, BytesThatAreNoTextAreReplaced) {
  std::string text = test::events_text(a_run());
  text.insert(text.find("fine"), "\xff\xfe");
  write(a_run());
  write_events(text);
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.damage, IsEmpty());
  EXPECT_EQ(read.cells[0].detail,
            "\xEF\xBF\xBD\xEF\xBF\xBD"
            "fine");
}

TEST_F(Load, AProbesNameLeadsToNoOtherFolder) {
  write(a_run());
  std::string events = read_file(folder_ / "events.ndjson");
  const std::string name = R"("probe":{"name":"https")";
  ASSERT_NE(events.find(name), std::string::npos);
  write_events(
      events.replace(events.find(name), name.size(), R"("probe":{"name":"../samples/https")"));
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.samples, IsEmpty());
  EXPECT_THAT(read.damage, Contains(HasSubstr("the probe's name is none")));
}

TEST_F(Load, TellsHowTheRunWasBegunAndOnWhat) {
  write(a_run());
  std::string events = read_file(folder_ / "events.ndjson");
  const std::string command = R"("command":)";
  events.insert(events.find(command),
                R"("argv":["nospof","prove","a b"],"commit":"abc","seed":7,)");
  events.insert(events.find('\n') + 1,
                R"({"t":"","mono_ns":1,"event":"machine","kernel":"Linux 6.1 x86_64",)"
                R"("capabilities":[{"name":"a","present":true},)"
                R"({"name":"b","present":false,"missing":"no module"}]})"
                "\n");
  write_events(events);
  const verdict::RunRecord read = load();
  EXPECT_THAT(read.damage, IsEmpty());
  EXPECT_THAT(read.argv, ElementsAre("nospof", "prove", "a b"));
  EXPECT_EQ(read.commit, "abc");
  EXPECT_EQ(read.seed, 7U);
  ASSERT_TRUE(read.machine);
  EXPECT_EQ(read.machine->kernel, "Linux 6.1 x86_64");
  ASSERT_EQ(read.machine->capabilities.size(), 2U);
  EXPECT_TRUE(read.machine->capabilities[0].present);
  EXPECT_EQ(read.machine->capabilities[1].missing, "no module");
}

TEST_F(Load, MissingOrBrokenSamplesAreNoData) {
  write(a_run());
  std::filesystem::remove(folder_ / "samples/https.bin");
  EXPECT_THAT(load().samples, IsEmpty());
  EXPECT_EQ(verdict::judge(load()).exit_code, 3);
  write_file(folder_ / "samples/https.bin", "NOSPOFS1");
  EXPECT_THAT(load().damage, ElementsAre(HasSubstr("too short for a sample file")));
  EXPECT_EQ(verdict::judge(load()).exit_code, 3);
}

TEST_F(Load, ATornLastSampleIsPassedOver) {
  write(a_run());
  const std::string path = folder_ / "samples/https.bin";
  const std::string bytes = read_file(path);
  write_file(path, bytes.substr(0, bytes.size() - 7));
  const verdict::RunRecord read = load();
  EXPECT_EQ(read.samples.size(), a_run().samples.size() - 1);
  EXPECT_THAT(read.damage, ElementsAre(HasSubstr("the last record is torn")));
}

TEST_F(Load, AnEmptyRunIsNoRun) {
  write_events("");
  const verdict::RunRecord read = load();
  EXPECT_FALSE(read.started);
  EXPECT_EQ(verdict::judge(read).exit_code, 3);
}

TEST_F(Load, ARunOfZeroCellsProvesNothing) {
  write(test::empty_run());
  EXPECT_EQ(verdict::judge(load()).exit_code, 3);
}

TEST_F(Load, ANewerSchemaIsRefused) {
  verdict::RunRecord run = a_run();
  run.schema = 2;
  run.tool = "nospof 9.0.0";
  write(run);
  EXPECT_THAT([&] { load(); },
              ThrowsMessage<Error>(HasSubstr("written by nospof 9.0.0 in schema 2")));
}

TEST_F(Load, AFolderWithoutARunIsRefused) {
  EXPECT_THAT([&] { load(); }, ThrowsMessage<Error>(HasSubstr("this is no run's folder")));
}

}  // namespace
}  // namespace nospof::report
