// A bundle of a run whose hosts have clocks of their own.

#include <filesystem>
#include <sstream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/verify.hpp"
#include "kinds/sample_file.hpp"
#include "system/fd.hpp"
#include "tests/unit/evidence/recorded.hpp"

namespace nospof::evidence {
namespace {

namespace json = boost::json;
using test::bundle_of;
using test::Parts;
using test::parts_of;
using test::Recorded;
using test::signer;
using ::testing::IsEmpty;
using ::testing::Not;

// The rounds of that host's probes, as its clock has them.
std::string with_rounds_ahead(const std::string& events, const std::string& host,
                              std::int64_t ahead_ns) {
  std::istringstream lines(events);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    json::object event = json::parse(line).as_object();
    if (event.at("event") == "looked" && event.at("host").as_string() == host)
      for (const char* time : {"begin_ns", "end_ns"})
        event[time] = event.at(time).to_number<std::int64_t>() + ahead_ns;
    text += json::serialize(event) + "\n";
  }
  return text;
}

// The prober of the recorded run gets a clock that is an hour ahead.
TEST(BundleOfSeveralClocks, IsJudgedAgainOnTheControllers) {
  Recorded recorded_run;
  constexpr std::int64_t hour_ns = 3'600'000'000'000;
  const std::string path = recorded_run.run() + "/samples/https.bin";
  const kinds::SampleFile recorded = kinds::read_sample_file(path);
  std::filesystem::remove(path);
  kinds::SampleFileWriter ahead(path, recorded.period, recorded.wall_minus_mono);
  for (kinds::Sample sample : recorded.samples) {
    for (std::int64_t* at_ns : {&sample.scheduled_ns, &sample.started_ns, &sample.finished_ns})
      *at_ns += hour_ns;
    ahead.add(sample);
  }
  ahead.flush();
  const auto reading = [&](const std::string& host, std::int64_t ahead_ns) {
    const std::int64_t sent_ns = recorded.samples.front().scheduled_ns;
    return json::serialize(json::object{{"event", "clock"},
                                        {"mono_ns", sent_ns},
                                        {"host", host},
                                        {"same", ahead_ns == 0},
                                        {"sent_ns", sent_ns},
                                        {"host_ns", sent_ns + 5'000 + ahead_ns},
                                        {"received_ns", sent_ns + 10'000}}) +
           "\n";
  };
  const std::string events = recorded_run.run() + "/events.ndjson";
  write_file(events, with_rounds_ahead(read_file(events), "client", hour_ns) +
                         reading("client", hour_ns) + reading("web1", 0) + reading("web2", 0) +
                         reading("witnesses", 0));
  const std::string bundle = recorded_run.bundle();
  const Verification found = recorded_run.verify(bundle);
  EXPECT_THAT(found.failures, IsEmpty());
  EXPECT_EQ(found.verdict, "pass");
  EXPECT_NE(parts_of(bundle).files.at("result.json").find("\"ahead_ns\": 3600000000000"),
            std::string::npos);

  Parts parts = parts_of(bundle);
  std::string& text = parts.files["events.ndjson"];
  const std::string was = reading("client", hour_ns);
  const std::string other = reading("client", hour_ns + 1'000'000'000);
  ASSERT_NE(text.find(was), std::string::npos);
  text.replace(text.find(was), was.size(), other);
  parts.restate_files();
  EXPECT_THAT(recorded_run.verify(bundle_of(parts, signer())).failures, Not(IsEmpty()))
      << "another clock is another result";
}

}  // namespace
}  // namespace nospof::evidence
