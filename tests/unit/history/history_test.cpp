// Reading and showing histories: what the files of tests/histories do not say.

#include "history/history.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "history/event.hpp"
#include "history/text.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"
#include "tests/unit/history/support.hpp"

namespace nospof::history::test {
namespace {

using testing::HasSubstr;

constexpr unsigned seed = 20260101;

std::string problem_of(const std::string& text, Format format = Format::automatic) {
  try {
    parse_history(text, format, "h");
  } catch (const spec::SpecError& error) {
    return error.what();
  }
  return "none";
}

TEST(History, HoldsWhatAndWhen) {
  const History history = parse_history(
      R"({"process":3,"type":"invoke","f":"cas","key":"k","value":[null,4],"time_ns":10}
{"process":3,"type":"info","f":"cas","error":"timeout","time_ns":30}
)");
  ASSERT_EQ(history.operations.size(), 1U);
  const Operation& cas = history.operations.front();
  EXPECT_EQ(cas.process, 3);
  EXPECT_EQ(cas.key, "k");
  EXPECT_EQ(cas.expected, Value());
  EXPECT_EQ(cas.value, Value(4));
  EXPECT_EQ(cas.outcome, Outcome::unknown);
  EXPECT_EQ(cas.invoked, 0U);
  EXPECT_EQ(cas.returned, 1U);
  EXPECT_EQ(cas.invoked_ns, 10);
  EXPECT_EQ(cas.returned_ns, 30);
  EXPECT_EQ(cas.line, 1);
  EXPECT_EQ(cas.return_line, 2);
}

TEST(History, CountsWhatIsAboutNoClient) {
  const History history = parse_history(
      "starting\nINFO  jepsen.util - :nemesis :info :start nil\nINFO jepsen.util - 5 nodes up\n"
      "INFO jepsen.util: 0 :invoke :write 1\n");
  EXPECT_EQ(history.format, Format::jepsen_log);
  EXPECT_EQ(history.operations.size(), 1U);
  EXPECT_EQ(history.passed_over, 3U);
}

TEST(History, AClientMayGoOnAfterAnUnknownOutcome) {
  const History history = parse_history(
      "{:process 0 :type :invoke :f :write :value 1}{:process 0 :type :info :f :write}"
      "{:process 0 :type :invoke :f :read}{:process 0 :type :ok :f :read :value 1}");
  EXPECT_EQ(history.operations.size(), 2U);
  EXPECT_EQ(history.events, 4U);
}

TEST(History, FormatsAreFoundAndCanBeForced) {
  EXPECT_EQ(parse_history("\xef\xbb\xbf; comment\n[{:process 0 :type :invoke :f :read}]").format,
            Format::edn);
  EXPECT_EQ(parse_history(" { \"process\":0,\"type\":\"invoke\",\"f\":\"read\"}").format,
            Format::json);
  EXPECT_EQ(parse_history("[worker 1] INFO jepsen.util - 0 :invoke :read nil").format,
            Format::jepsen_log);
  EXPECT_THAT(problem_of("{:process 0}", Format::json), HasSubstr("h:1:2: not JSON"));
  EXPECT_EQ(parse_history("{:process 0}", Format::jepsen_log).operations.size(), 0U);
  EXPECT_EQ(parse_format("edn"), Format::edn);
  EXPECT_THROW(parse_format("yaml"), Error);
}

TEST(History, AFileThatCannotBeReadIsNamed) {
  try {
    read_history("/nonexistent/history");
    FAIL();
  } catch (const spec::SpecError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("/nonexistent/history: cannot be read: "));
  }
}

TEST(History, NestingAndSizeAreBounded) {
  for (const std::string open : {"[", "#{", "#_", "#t ", "{:a "}) {
    std::string text = "{:process 0 :value ";
    for (int i = 0; i < 100'000; ++i) text += open;
    EXPECT_THAT(problem_of(text), HasSubstr("nested more than 64 deep")) << open;
  }
  std::string json = R"({"process":0,"value":)" + std::string(100'000, '[');
  EXPECT_THAT(problem_of(json), HasSubstr("not JSON"));
  std::string wide = "{:process 0 :value [";
  for (int i = 0; i < 1'000'001; ++i) wide += "0 ";
  EXPECT_THAT(problem_of(wide), HasSubstr("more than 1000000 parts in one form"));
}

TEST(History, EventsAndRowsAreBounded) {
  const auto word = [](const std::string& text) {
    return Datum{.kind = Datum::Kind::word, .integer = 0, .text = text, .items = {}, .mark = {}};
  };
  Fields fields;
  fields.process =
      Datum{.kind = Datum::Kind::integer, .integer = 0, .text = {}, .items = {}, .mark = {}};
  fields.type = word("ok");
  fields.f = word("read");
  fields.value = Datum{};
  Events events;
  events.most = 2;
  events.add(fields, "h");
  events.add(fields, "h");
  EXPECT_THAT([&] { events.add(fields, "h"); },
              testing::ThrowsMessage<spec::SpecError>(HasSubstr("more than 2 events")));
  events.most = 3;
  events.rows = most_rows;
  fields.value->items.resize(1);
  EXPECT_THAT([&] { events.add(fields, "h"); },
              testing::ThrowsMessage<spec::SpecError>(HasSubstr("more than 8000000 rows")));
}

std::string mutated(const std::string& original, std::mt19937& random) {
  static const std::vector<std::string> pieces = {"[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  "#",
                                                  "#_",
                                                  "(",
                                                  ")",
                                                  "\"",
                                                  "\\",
                                                  ":",
                                                  ";",
                                                  "\n",
                                                  "\t",
                                                  ",",
                                                  "nil",
                                                  "null",
                                                  "-",
                                                  "99999999",
                                                  "1e9",
                                                  ":ok",
                                                  ":info",
                                                  ":invoke",
                                                  "add",
                                                  "process",
                                                  "key",
                                                  "\xff",
                                                  "\x01",
                                                  "\xc3\xa9",
                                                  "jepsen.util - ",
                                                  "-9223372036854775808"};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::string text = original;
  for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text.erase(at, 1 + below(12));
        break;
      case 1:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(below(256));
        break;
      default:
        text.insert(at, text.substr(below(text.size()), below(80)));
        break;
    }
  }
  return text;
}

TEST(History, WhateverTheBytesItIsReadOrRefused) {
  std::mt19937 random(seed);
  int accepted = 0;
  int refused = 0;
  for (const std::string name : {"log-spaces.log", "edn-list-with-comments.edn", "edn-keyed.edn",
                                 "json-register.jsonl", "ledger-ok.jsonl"}) {
    const std::string original = read_file(history_file(name));
    for (int i = 0; i < 2'000; ++i) {
      const std::string text = mutated(original, random);
      try {
        const History history = parse_history(text);
        judgement_text("h", history, judge(history, {}));
        ++accepted;
      } catch (const spec::SpecError& error) {
        ++refused;
        EXPECT_FALSE(error.problems().empty());
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what() << "\n" << text;
      }
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

TEST(Text, ShowsAViolationAsPeopleReadIt) {
  const History history = parse_history(
      R"({"process":0,"type":"invoke","f":"write","value":1,"time_ns":5000000}
{"process":0,"type":"ok","f":"write","value":1,"time_ns":6000000}
{"process":1,"type":"invoke","f":"write","value":2,"time_ns":7000000}
{"process":2,"type":"invoke","f":"read","time_ns":8000000}
{"process":2,"type":"ok","f":"read","value":2,"time_ns":9000000}
{"process":2,"type":"invoke","f":"read","time_ns":10000000}
{"process":2,"type":"ok","f":"read","value":1,"time_ns":11500000}
{"process":3,"type":"invoke","f":"write","value":3}
)");
  EXPECT_EQ(judgement_text("h.jsonl", history, judge(history, {})),
            "h.jsonl: not linearizable (register history, 5 operations by 4 clients, 2 without an "
            "answer)\n"
            "  the register: no order explains 4 of its 5 operations:\n"
            "    lines  client  operation            time\n"
            "    1..2   0       write 1              0 s .. 1 ms     []\n"
            "    3      1       write 2 (no answer)  2 ms .. ?         [---->\n"
            "    4..5   2       read 2               3 ms .. 4 ms       []\n"
            "    6..7   2       read 1               5 ms .. 6.5 ms       []\n");
}

TEST(Text, NamesWhatIsWrongInALedger) {
  const History history = read_history(history_file("ledger-lost-update.jsonl"));
  const std::string text = judgement_text("h", history, judge(history, {}));
  EXPECT_THAT(text, HasSubstr("rows: 0 ok, 1 lost, 0 duplicated"));
  EXPECT_THAT(text, HasSubstr("lost: row 1 (add 1 = 20 by client 0, acknowledged in line 4) is 10 "
                              "in the read of client 1, line 6\n"));
}

TEST(Text, JsonHoldsTheSame) {
  const History history = read_history(history_file("log-stale-read.log"));
  const boost::json::object json = judgement_json("h", history, judge(history, {}));
  EXPECT_EQ(json.at("verdict"), "not linearizable");
  EXPECT_EQ(json.at("exit_code"), 1);
  EXPECT_EQ(json.at("format"), "jepsen-log");
  const auto& violation = json.at("registers").at(0).at("violation").as_array();
  ASSERT_EQ(violation.size(), 2U);
  EXPECT_EQ(violation[1].at("text"), "read 1");
  EXPECT_EQ(violation[1].at("return_line"), 6);
}

TEST(Judge, StatesAndMemoryAreOfEachRegister) {
  const History history = read_history(history_file("edn-keyed-one-wrong.edn"));
  const Judgement judgement = judge(history, {});
  ASSERT_EQ(judgement.registers.size(), 2U);
  EXPECT_EQ(judgement.registers[0].key, "7");
  EXPECT_EQ(judgement.registers[0].verdict, Verdict::violation);
  EXPECT_EQ(judgement.registers[1].verdict, Verdict::ok);
  EXPECT_EQ(exit_code(judgement.verdict), 1);
}

}  // namespace
}  // namespace nospof::history::test
