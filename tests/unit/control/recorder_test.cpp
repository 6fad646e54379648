// What several labs of one run write.

#include "control/recorder.hpp"

#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "kinds/sample_file.hpp"
#include "system/check.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::control {
namespace {

std::vector<json::object> events_in(const std::string& folder) {
  std::istringstream lines(read_file(folder + "/events.ndjson"));
  std::vector<json::object> events;
  for (std::string line; std::getline(lines, line);)
    events.push_back(json::parse(line).as_object());
  return events;
}

TEST(Recorder, SaysOfWhichLabAnEventIs) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder run(folder.path(), "run", clock);
  Recorder second = run.in_lab(2);
  run.event("run-started", {{"schema", 1}});
  second.event("lab-up", {{"seconds", 7.5}});
  const std::vector<json::object> events = events_in(run.folder());
  ASSERT_EQ(events.size(), 2U);
  EXPECT_FALSE(events[0].contains("lab"));
  EXPECT_EQ(events[1].at("lab"), 2);
  EXPECT_EQ(second.folder(), run.folder());
}

TEST(Recorder, KeepsEventsWholeAndInOrderWhoeverWritesThem) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder run(folder.path(), "run", clock);
  {
    std::vector<std::jthread> threads;
    for (int lab = 1; lab <= 3; ++lab)
      threads.emplace_back([&run, lab] {
        Recorder own = run.in_lab(lab);
        for (int i = 0; i < 200; ++i) own.event("phase", {{"number", i}});
      });
  }
  std::int64_t last_ns = 0;
  std::map<std::int64_t, std::int64_t> next;
  const std::vector<json::object> events = events_in(run.folder());
  ASSERT_EQ(events.size(), 600U);
  for (const json::object& event : events) {
    EXPECT_LE(last_ns, event.at("mono_ns").as_int64());
    last_ns = event.at("mono_ns").as_int64();
    EXPECT_EQ(event.at("number").as_int64(), next[event.at("lab").as_int64()]++);
  }
}

TEST(Recorder, RemembersAnEventThatCouldNotBeWritten) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder run(folder.path(), "run", clock);
  run.event("found", {{"what", "x"}});
  EXPECT_EQ(run.trouble(), "");
  const rlimit before = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    return limit;
  }();
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{std::filesystem::file_size(run.folder() + "/events.ndjson"), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  Recorder lab = run.in_lab(2);
  EXPECT_THROW(lab.event("found", {{"what", "y"}}), SystemError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  run.event("found", {{"what", "z"}});
  EXPECT_THAT(run.trouble(), testing::HasSubstr("the event found: "));
}

TEST(Recorder, KeepsTheSamplesOfEachLabInAFileOfItsOwn) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder run(folder.path(), "run", clock);
  for (int lab = 1; lab <= 2; ++lab) {
    Recorder own = run.in_lab(lab);
    own.open_samples(std::chrono::milliseconds(20));
    for (int i = 0; i < lab; ++i) own.add_sample({0, 1, 2, 3, kinds::Outcome::ok, 200});
    own.flush_samples();
  }
  EXPECT_EQ(kinds::read_sample_file(run.folder() + "/samples/https.bin").samples.size(), 1U);
  EXPECT_EQ(kinds::read_sample_file(run.folder() + "/samples/https-2.bin").samples.size(), 2U);
}

TEST(Recorder, CountsHistoriesOverAllLabs) {
  const test::TemporaryFolder folder;
  const SystemClock clock;
  Recorder run(folder.path(), "run", clock);
  const kinds::Operation operation{
      1, 0, kinds::Operation::Event::invoke, kinds::Operation::Function::add, "", {}, 0, {}};
  for (int lab = 1; lab <= 2; ++lab) run.in_lab(lab).begin_history().add({operation});
  EXPECT_TRUE(std::filesystem::exists(run.folder() + "/ledger.jsonl"));
  EXPECT_TRUE(std::filesystem::exists(run.folder() + "/ledger-2.jsonl"));
  EXPECT_EQ(events_in(run.folder()).back().at("suffix"), "-2");
}

}  // namespace
}  // namespace nospof::control
