#include "kinds/sample_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "system/check.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::kinds {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t wall_minus_mono = 1'700'000'000'000'000'000;

Sample sample(std::uint64_t sequence, Outcome outcome, std::uint16_t detail) {
  const auto scheduled = 5'000'000'000 + static_cast<std::int64_t>(sequence) * 20'000'000;
  return {sequence, scheduled, scheduled + 1'000, scheduled + 3'500'000, outcome, detail};
}

bool same(const Sample& a, const Sample& b) {
  return a.sequence == b.sequence && a.scheduled_ns == b.scheduled_ns &&
         a.started_ns == b.started_ns && a.finished_ns == b.finished_ns && a.outcome == b.outcome &&
         a.detail == b.detail;
}

std::string error_of(const std::string& path) {
  try {
    read_sample_file(path);
    return "accepted";
  } catch (const std::runtime_error& e) {
    return e.what();
  }
}

class SampleFiles : public testing::Test {
 protected:
  /// As many samples as asked for, of every outcome in turn.
  std::vector<Sample> written(std::size_t count) {
    SampleFileWriter writer(path_, 20ms, Nanoseconds(wall_minus_mono));
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < count; ++i) {
      samples.push_back(sample(i, static_cast<Outcome>(i % outcome_count),
                               static_cast<std::uint16_t>(65535 - i)));
      writer.add(samples.back());
    }
    writer.flush();
    return samples;
  }

  test::TemporaryFolder folder_;
  std::string path_ = folder_ / "https.bin";
};

TEST_F(SampleFiles, ReadBackAsWritten) {
  const std::vector<Sample> samples = written(2'500);
  EXPECT_EQ(read_file(path_).size(), 32U + 48U * samples.size());
  const SampleFile file = read_sample_file(path_);
  EXPECT_EQ(file.period, 20ms);
  EXPECT_EQ(file.wall_minus_mono.count(), wall_minus_mono);
  EXPECT_FALSE(file.torn);
  ASSERT_EQ(file.samples.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) ASSERT_TRUE(same(file.samples[i], samples[i]));
}

TEST_F(SampleFiles, HaveTheDocumentedBytes) {
  {
    SampleFileWriter writer(path_, Nanoseconds(0x0102), Nanoseconds(-1));
    writer.add({0x1122334455667788U, 1, 2, -2, Outcome::http_status, 503});
    writer.flush();
  }
  const std::string bytes = read_file(path_);
  const std::string expected(
      "NOSPOFS1"
      "\x30\0\0\0"
      "\0\0\0\0"
      "\x02\x01\0\0\0\0\0\0"
      "\xff\xff\xff\xff\xff\xff\xff\xff"
      "\x88\x77\x66\x55\x44\x33\x22\x11"
      "\x01\0\0\0\0\0\0\0"
      "\x02\0\0\0\0\0\0\0"
      "\xfe\xff\xff\xff\xff\xff\xff\xff"
      "\x0d\0\xf7\x01"
      "\0\0\0\0"
      "\0\0\0\0\0\0\0\0",
      80);
  EXPECT_EQ(bytes, expected);
}

TEST_F(SampleFiles, IgnoreATornLastRecord) {
  const std::vector<Sample> samples = written(3);
  const std::string bytes = read_file(path_);
  for (std::size_t cut = 1; cut < 48; ++cut) {
    write_file(path_, std::string_view(bytes).substr(0, bytes.size() - cut));
    const SampleFile file = read_sample_file(path_);
    EXPECT_TRUE(file.torn);
    ASSERT_EQ(file.samples.size(), 2U);
    EXPECT_TRUE(same(file.samples[1], samples[1]));
  }
  write_file(path_, std::string_view(bytes).substr(0, 40));
  EXPECT_EQ(read_sample_file(path_).samples.size(), 0U);
}

TEST_F(SampleFiles, AreOnDiskAfterFlushWhileStillOpen) {
  SampleFileWriter writer(path_, 20ms, 0ns);
  EXPECT_EQ(read_sample_file(path_).samples.size(), 0U);
  writer.add(sample(0, Outcome::ok, 200));
  writer.flush();
  EXPECT_EQ(read_sample_file(path_).samples.size(), 1U);
}

TEST_F(SampleFiles, ErrorsNameThePathAndTheReason) {
  EXPECT_THAT(error_of(path_),
              testing::AllOf(testing::HasSubstr(path_), testing::HasSubstr("No such file")));
  write_file(path_, "NOSPOFS1");
  EXPECT_THAT(error_of(path_),
              testing::AllOf(testing::HasSubstr(path_), testing::HasSubstr("too short")));
  write_file(path_, std::string(80, 'x'));
  EXPECT_THAT(error_of(path_), testing::HasSubstr("does not begin with NOSPOFS1"));

  const std::string whole = [this] {
    SampleFileWriter writer(folder_ / "other.bin", 20ms, 0ns);
    for (std::uint64_t i = 0; i < 2; ++i) writer.add(sample(i, Outcome::ok, 200));
    writer.flush();
    return read_file(folder_ / "other.bin");
  }();
  std::string bytes = whole;
  bytes[8] = 40;
  write_file(path_, bytes);
  EXPECT_THAT(error_of(path_), testing::HasSubstr("records of 40 bytes"));

  bytes = whole;
  bytes[32 + 48 + 32] = 99;
  write_file(path_, bytes);
  EXPECT_THAT(error_of(path_), testing::HasSubstr("record 1 has the unknown outcome 99"));

  // The highest bytes of the period, of the wall clock's offset, and of a record's three times.
  for (const std::size_t at : {16U + 7, 24U + 7, 32U + 15, 32U + 23, 32U + 31}) {
    bytes = whole;
    bytes[at] = 0x7f;
    write_file(path_, bytes);
    EXPECT_THAT(error_of(path_), testing::HasSubstr("a time that no clock says")) << at;
  }
}

TEST_F(SampleFiles, AreNeverOverwritten) {
  written(1);
  EXPECT_THROW(SampleFileWriter(path_, 20ms, 0ns), SystemError);
  EXPECT_EQ(read_sample_file(path_).samples.size(), 1U);
}

TEST_F(SampleFiles, StayWholeWhenAWriteFailsHalfWay) {
  // A limit on the file size cuts the write short just as a full disk does.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  SampleFileWriter writer(path_, 20ms, 0ns);
  writer.add(sample(0, Outcome::ok, 200));
  writer.flush();
  const rlimit tight{32 + 48 + 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  writer.add(sample(1, Outcome::ok, 200));
  EXPECT_THROW(writer.flush(), SystemError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(read_sample_file(path_).torn);
  EXPECT_EQ(read_sample_file(path_).samples.size(), 1U);
  writer.flush();
  EXPECT_EQ(read_sample_file(path_).samples.size(), 2U);
  ::signal(SIGXFSZ, old_handler);
}

TEST_F(SampleFiles, AreReadWhileTheyGrow) {
  SampleFileWriter writer(path_, 20ms, 0ns);
  writer.add(sample(0, Outcome::ok, 200));
  writer.flush();
  SampleFileReader reader(path_);
  EXPECT_TRUE(same(*reader.next(), sample(0, Outcome::ok, 200)));
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_FALSE(reader.torn());
  writer.add(sample(1, Outcome::reset, 104));
  writer.flush();
  EXPECT_TRUE(same(*reader.next(), sample(1, Outcome::reset, 104)));
}

TEST_F(SampleFiles, AFolderIsNone) {
  EXPECT_THAT(error_of(folder_.path()), testing::HasSubstr(folder_.path()));
}

TEST_F(SampleFiles, BecomeCsv) {
  EXPECT_EQ(csv_header(),
            "sequence,scheduled_ns,started_ns,finished_ns,outcome,detail,latency_ns,service_ns,"
            "scheduled_utc,probe\n");
  const Sample refused = sample(3, Outcome::connect_refused, 111);
  EXPECT_EQ(csv_line(refused, Nanoseconds(wall_minus_mono), "https-2"),
            "3,5060000000,5060001000,5063500000,connect-refused,111,3500000,3499000,"
            "2023-11-14T22:13:25.060000000Z,https-2\n");
  EXPECT_EQ(csv_line(refused, 0ns, "https"),
            "3,5060000000,5060001000,5063500000,connect-refused,111,3500000,3499000,,https\n")
      << "no wall-clock time is known";
}

TEST_F(SampleFiles, AreDocumentedWithEveryOutcome) {
  const std::string doc = read_file(std::string(test::source_folder) + "/docs/run-directory.md");
  for (std::size_t i = 0; i < outcome_count; ++i)
    EXPECT_THAT(doc,
                testing::HasSubstr("| " + std::to_string(i) + " | `" +
                                   std::string(outcome_name(static_cast<Outcome>(i))) + "` |"));
  std::string columns = csv_header();
  columns.pop_back();
  EXPECT_THAT(doc, testing::HasSubstr("`" + columns + "`"));
}

}  // namespace
}  // namespace nospof::kinds
