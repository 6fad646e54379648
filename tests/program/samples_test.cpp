// The verb samples of the built program, on runs' folders made by hand.

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinds/sample_file.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using kinds::Outcome;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t first_due = 5'000 * ms;
constexpr std::int64_t wall_minus_mono = 1'700'000'000'000 * ms;

const std::string header =
    "sequence,scheduled_ns,started_ns,finished_ns,outcome,detail,latency_ns,service_ns,"
    "scheduled_utc,probe\n";

class Samples : public testing::Test {
 protected:
  Samples() { std::filesystem::create_directories(folder_ / "samples"); }

  /// 100 samples, one every 20 ms; those from 30 to 39 were refused, all others took 3 ms and were
  /// begun 1 ms late.
  void write(const std::string& probe, std::int64_t offset = wall_minus_mono) {
    kinds::SampleFileWriter writer(folder_ / ("samples/" + probe + ".bin"),
                                   std::chrono::milliseconds(20), Nanoseconds(offset));
    for (std::uint64_t i = 0; i < 100; ++i) {
      const std::int64_t due = first_due + static_cast<std::int64_t>(i) * 20 * ms;
      const bool refused = i >= 30 && i < 40;
      writer.add({i, due, due + ms, due + 3 * ms, refused ? Outcome::connect_refused : Outcome::ok,
                  static_cast<std::uint16_t>(refused ? 111 : 200)});
    }
  }

  CommandResult samples(std::vector<std::string> arguments) const {
    SpawnOptions options;
    options.argv = {test::built_program, "samples", folder_.path()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    return run_command(std::move(options), std::chrono::seconds(60));
  }

  static std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  test::TemporaryFolder folder_;
};

TEST_F(Samples, AreALineEach) {
  write("https");
  const CommandResult result = samples({"--csv"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_EQ(lines(result.output), 101U);
  EXPECT_THAT(result.output, StartsWith(header + "0,5000000000,5001000000,5003000000,ok,200,"
                                                 "3000000,2000000,2023-11-14T22:13:25.000000000Z"
                                                 ",https\n"));
  EXPECT_THAT(result.output, HasSubstr("\n30,5600000000,5601000000,5603000000,connect-refused,111,"
                                       "3000000,2000000,2023-11-14T22:13:25.600000000Z,https\n"));
}

TEST_F(Samples, AreATable) {
  write("https");
  write_file(folder_ / "events.ndjson", "");
  const CommandResult result = samples({});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.output, StartsWith("https: 100 samples in 2 s, 50 a second (one is due every "
                                        "20 ms)\n"
                                        "due from 2023-11-14T22:13:25.000000000Z to "
                                        "2023-11-14T22:13:26.980000000Z\n"));
  EXPECT_THAT(result.output, HasSubstr("\nok                          90    90.00%\n"));
  EXPECT_THAT(result.output, HasSubstr("\nconnect-refused             10    10.00%\n"));
  EXPECT_THAT(result.output, HasSubstr("p99.9    p99.99       max\n"));
  EXPECT_THAT(result.output, HasSubstr("\nlatency             3 ms      3 ms      3 ms      3 ms"));
  EXPECT_THAT(result.output, HasSubstr("\nservice time        2 ms      2 ms      2 ms      2 ms"));
  EXPECT_THAT(result.output,
              HasSubstr("longest outage: 180 ms .. 220 ms (over when all is served for 1 s)\n"));
}

TEST_F(Samples, ThatFinishedInAnotherOrderAreTheSame) {
  write("https");
  const std::string table = samples({}).output;
  // The refused ones came before the 20 answers that were due before them.
  const std::string path = folder_ / "samples/https.bin";
  std::string bytes = read_file(path);
  const auto record = [&bytes](std::ptrdiff_t index) { return bytes.begin() + 32 + index * 48; };
  std::rotate(record(10), record(30), record(40));
  write_file(path, bytes);
  EXPECT_EQ(samples({}).output, table);
  EXPECT_THAT(samples({"--csv"}).output, HasSubstr("\n9,5180000000,5181000000,5183000000,ok,200,"))
      << "lines stay in the file's order";
  EXPECT_THAT(samples({"--csv", "--from", "180ms", "--to", "620ms"}).output,
              AllOf(StartsWith(header + "9,"), HasSubstr(",https\n30,"), HasSubstr(",https\n10,")));
}

TEST_F(Samples, OutagesAreJudgedAsTheRunDid) {
  write("https");
  write_file(
      folder_ / "events.ndjson",
      R"({"t":"2023-11-14T22:13:24.000000000Z","mono_ns":1,"event":"run-started","schema":1,)"
      R"("mode":"prove","topology":{},"outage_budget_ns":1,"settle_ns":3000000000,)"
      R"("probe":{"name":"https","period_ns":1,"slow_ns":1,"timeout_ns":1}})"
      "\n{\"torn");
  EXPECT_THAT(samples({}).output,
              HasSubstr("longest outage: at least 180 ms (over when all is served for 3 s)\n"));
}

TEST_F(Samples, OfAKilledRunAreReadUpToTheTornRecord) {
  write("https");
  const std::string path = folder_ / "samples/https.bin";
  const std::string bytes = read_file(path);
  write_file(path, bytes.substr(0, bytes.size() - 7));
  for (const char* form : {"--csv", ""}) {
    const CommandResult result =
        samples(*form == '\0' ? std::vector<std::string>{} : std::vector<std::string>{form});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.errors, StartsWith(path + ": the last record is torn and left out"));
  }
  EXPECT_EQ(lines(samples({"--csv"}).output), 100U);
}

TEST_F(Samples, AStretchIsChosenInThreeWays) {
  write("https");
  const auto chosen = [this](const std::string& from, const std::string& to) {
    return samples({"--csv", "--from", from, "--to", to}).output;
  };
  const std::string expected = chosen("600ms", "640ms");
  EXPECT_EQ(lines(expected), 3U);
  EXPECT_THAT(expected, HasSubstr("\n30,"));
  EXPECT_THAT(expected, HasSubstr("\n31,"));
  EXPECT_EQ(chosen("5600000000", "5640000000"), expected);
  EXPECT_EQ(chosen("2023-11-14T22:13:25.6Z", "2023-11-14T22:13:25.640Z"), expected);
  EXPECT_EQ(lines(samples({"--csv", "--from", "1980ms"}).output), 2U);
  EXPECT_EQ(lines(samples({"--csv", "--to", "20ms"}).output), 2U);
  EXPECT_THAT(samples({"--from", "600ms", "--to", "640ms"}).output,
              AllOf(HasSubstr("https: 2 samples in 40 ms"), Not(HasSubstr("\nok "))));
}

TEST_F(Samples, ThreeWhenThereIsNone) {
  write("https");
  const CommandResult later = samples({"--from", "1h"});
  EXPECT_EQ(later.exit_code, 3);
  EXPECT_THAT(later.output, IsEmpty());
  EXPECT_THAT(later.errors, HasSubstr("no sample was due between --from and --to"));
  EXPECT_EQ(samples({"--csv", "--from", "1h"}).output, header);
}

// As a proof in several labs leaves them.
TEST_F(Samples, OfSeveralProbesAreShownOneAfterTheOther) {
  write("https");
  write("https-2", wall_minus_mono + 3600 * 1'000'000'000LL);
  const CommandResult tables = samples({});
  EXPECT_EQ(tables.exit_code, 0);
  EXPECT_THAT(tables.output,
              AllOf(StartsWith("https: 100 samples"), HasSubstr("\n\nhttps-2: 100 samples")));
  const CommandResult csv = samples({"--csv"});
  EXPECT_EQ(lines(csv.output), 201U) << "one header";
  EXPECT_THAT(csv.output, AllOf(HasSubstr("26.980000000Z,https\n0,"), HasSubstr("Z,https-2\n1,")));
  EXPECT_EQ(samples({"--from", "1h"}).exit_code, 3);
  // An hour later by the wall clock, at the same time by the monotonic one.
  const CommandResult one = samples({"--from", "2023-11-14T22:30:00Z"});
  EXPECT_EQ(one.exit_code, 0);
  EXPECT_THAT(one.output, StartsWith("https-2: 100 samples"));
  EXPECT_THAT(one.errors, HasSubstr("/https.bin: no sample was due between --from and --to"));
}

TEST_F(Samples, AStretchBeginsWithTheFirstOfAllProbes) {
  write("https");
  write("https-2");
  const std::string path = folder_ / "samples/https.bin";
  const std::string bytes = read_file(path);
  write_file(path, bytes.substr(0, 32) + bytes.substr(32 + 50 * 48));
  EXPECT_THAT(samples({"--to", "500ms"}).output, StartsWith("https-2: 25 samples"));
  EXPECT_EQ(lines(samples({"--csv", "--to", "1020ms"}).output), 1U + 1U + 51U);
}

TEST_F(Samples, TheProbeIsChosenByItsName) {
  write("https");
  write("dns");
  EXPECT_THAT(samples({"--probe", "dns"}).output, StartsWith("dns: 100 samples"));
  const CommandResult unknown = samples({"--probe", "../samples/dns"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.errors, HasSubstr("has only dns, https"));
}

TEST_F(Samples, TwoForWhatIsNoRunAndForBadUsage) {
  const CommandResult none = samples({});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.errors, HasSubstr(folder_ / "samples: no samples"));
  write("https", 0);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--from", "soon"}, std::vector<std::string>{"--to", "5sec"},
        std::vector<std::string>{"--from", "2s", "--to", "1s"},
        std::vector<std::string>{"--from", "2023-11-14T22:13:25Z"}}) {
    const CommandResult result = samples(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments.front() << arguments.back();
    EXPECT_THAT(result.errors, HasSubstr(arguments.front() + " " + arguments.at(1)));
    EXPECT_THAT(result.output, IsEmpty());
  }
  EXPECT_THAT(samples({"--csv"}).output, HasSubstr(",2000000,,https\n")) << "no wall-clock time";
}

TEST_F(Samples, ADamagedFileIsNamed) {
  write("https");
  const std::string path = folder_ / "samples/https.bin";
  std::string bytes = read_file(path);
  bytes[32 + 48 + 32] = 99;
  write_file(path, bytes);
  const CommandResult result = samples({"--csv"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.errors, HasSubstr(path + ": record 1 has the unknown outcome 99"));
}

}  // namespace
}  // namespace nospof
