// What the ledger probe makes of answers, and what it asks for.

#include "probes/ledger_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/ledger_answers.hpp"
#include "probes/ledger_registers.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
using kinds::Finding;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Rows = LedgerBook::Rows;
using Findings = LedgerBook::Findings;

constexpr std::int64_t s = 1'000'000'000;
const LedgerNames names("0123456789abcdef", 36);

class Book : public testing::Test {
 protected:
  /// A row of session `session` that was acknowledged at that time.
  std::int64_t row(std::int64_t at_ns, int session = 0) {
    const std::int64_t number = book.begin_row(session);
    book.acknowledge(number, at_ns);
    return number;
  }
  void rows(int count, std::int64_t at_ns = s) {
    for (int i = 0; i < count; ++i) row(at_ns);
  }
  /// What a server answers that has all rows but these.
  LedgerBook::Values all_but(const Rows& missing) {
    LedgerBook::Values values;
    for (const Rows& question : book.all())
      for (const std::int64_t number : question)
        if (std::ranges::find(missing, number) == missing.end())
          values[book.id(number)] = book.token(number);
    return values;
  }
  /// Asks at `at_ns` for everything, and once more for what is missing.
  Findings audit(std::int64_t at_ns, const Rows& missing) {
    Findings findings;
    Rows everything;
    for (const Rows& question : book.all())
      everything.insert(everything.end(), question.begin(), question.end());
    const Rows missed = book.look(everything, all_but(missing), {at_ns, at_ns + 1}, findings);
    if (!missed.empty())
      book.look_again(missed, all_but(missing), {at_ns + 2, at_ns + 3}, findings);
    return findings;
  }

  LedgerBook book{names, {.rows = 1'000, .ids = 10, .id_bytes = 3'900}};
};

TEST_F(Book, NamesItsRows) {
  row(s, 2);
  EXPECT_EQ(book.id(0), "0123456789abcdef-10-w2-0");
  EXPECT_EQ(book.token(0), "0123456789abcdef-10-v0");
  EXPECT_EQ(names.row_of(book.token(0)), 0);
  for (const char* other :
       {"", "x", "0123456789abcdef-10-v", "0123456789abcdef-10-v01", "0123456789abcdef-10-v1x",
        "0123456789abcdef-10-v-1", "0123456789abcdef-10-x1", "0123456789abcdef-11-v1",
        "0123456789abcdef-10-v99999999999999999999"})
    EXPECT_EQ(names.row_of(other), std::nullopt) << other;
}

TEST_F(Book, SaysNothingWhileAllIsThere) {
  rows(25);
  EXPECT_THAT(audit(2 * s, {}), IsEmpty());
}

TEST_F(Book, TellsALossOnceAndWhenItIsOver) {
  row(s);
  row(2 * s);
  row(3 * s);
  EXPECT_THAT(audit(4 * s, {}), IsEmpty());
  const Findings lost = audit(5 * s, {0, 1});
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].what, "lost-write");
  EXPECT_EQ(lost[0].subject, "acknowledged writes, loss 1");
  EXPECT_EQ(lost[0].count, 2U);
  EXPECT_TRUE(lost[0].violation);
  EXPECT_FALSE(lost[0].over);
  EXPECT_EQ(lost[0].since_ns, 4 * s) << "when they were seen last";
  EXPECT_EQ(lost[0].at_ns, 5 * s + 3) << "the answer to the second question";
  EXPECT_EQ(lost[0].detail,
            "2 of 3 acknowledged writes are missing: 0123456789abcdef-10-w0-0 to "
            "0123456789abcdef-10-w0-1, acknowledged 4 s to 3 s before that was seen");
  EXPECT_THAT(audit(6 * s, {0, 1}), IsEmpty());
  const Findings over = audit(7 * s, {});
  ASSERT_EQ(over.size(), 1U);
  EXPECT_TRUE(over[0].over);
  EXPECT_EQ(over[0].subject, lost[0].subject);
  EXPECT_EQ(over[0].since_ns, 6 * s) << "the last question whose answer missed some";
  EXPECT_EQ(over[0].at_ns, 7 * s + 1);
  EXPECT_THAT(audit(8 * s, {}), IsEmpty());
}

TEST_F(Book, WhatIsLostTogetherIsOneLossWhoseCountChanges) {
  rows(6);
  EXPECT_EQ(audit(2 * s, {0, 1, 2}).size(), 1U);
  const Findings more = audit(3 * s, {0, 1, 2, 5});
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more[0].subject, "acknowledged writes, loss 2");
  EXPECT_EQ(more[0].count, 1U);
  const Findings fewer = audit(4 * s, {1, 5});
  ASSERT_EQ(fewer.size(), 1U);
  EXPECT_EQ(fewer[0].subject, "acknowledged writes, loss 1");
  EXPECT_FALSE(fewer[0].over);
  EXPECT_EQ(fewer[0].count, 1U);
  const Findings again = audit(5 * s, {0, 5});
  ASSERT_EQ(again.size(), 2U) << "1 is back, and 0 is gone another time";
  EXPECT_TRUE(again[0].over);
  EXPECT_EQ(again[0].subject, "acknowledged writes, loss 1");
  EXPECT_EQ(again[1].subject, "acknowledged writes, loss 3");
}

TEST_F(Book, WhatTheSecondQuestionSeesWasReadStale) {
  rows(4);
  Findings findings;
  const Rows missed = book.look({0, 1, 2, 3}, all_but({1, 2}), {2 * s, 2 * s + 1}, findings);
  EXPECT_THAT(missed, ElementsAre(1, 2));
  EXPECT_THAT(findings, IsEmpty());
  book.look_again(missed, all_but({2}), {3 * s, 3 * s + 1}, findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].what, "stale-read");
  EXPECT_EQ(findings[0].count, 1U);
  EXPECT_FALSE(findings[0].violation);
  EXPECT_THAT(findings[0].detail, HasSubstr(book.id(1)));
  EXPECT_EQ(findings[1].what, "lost-write");
  EXPECT_EQ(findings[1].count, 1U);
}

TEST_F(Book, TwoWhoMissTheSameTellItOnce) {
  rows(2);
  Findings findings;
  const Rows a = book.look({0, 1}, all_but({0}), {2 * s, 2 * s}, findings);
  const Rows b = book.look({0}, all_but({0}), {2 * s, 2 * s}, findings);
  book.look_again(a, all_but({0}), {3 * s, 3 * s}, findings);
  book.look_again(b, all_but({0}), {3 * s, 3 * s}, findings);
  EXPECT_EQ(findings.size(), 1U);
}

TEST_F(Book, WhatAnotherQuestionSeesMeanwhileWasReadStaleAllTheSame) {
  rows(2);
  Findings findings;
  const Rows missed = book.look({0, 1}, all_but({0}), {2 * s, 2 * s}, findings);
  EXPECT_THAT(book.look({0}, all_but({}), {3 * s, 3 * s}, findings), IsEmpty());
  EXPECT_THAT(findings, IsEmpty());
  book.look_again(missed, all_but({}), {4 * s, 4 * s}, findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].what, "stale-read");
  EXPECT_EQ(findings[0].count, 1U);
}

TEST_F(Book, ALateAnswerToAnEarlierQuestionBringsNothingBack) {
  const std::int64_t lost = row(s);
  ASSERT_EQ(audit(3 * s, {lost}).size(), 1U);
  Findings findings;
  book.look({lost}, all_but({}), {2 * s, 4 * s}, findings);
  EXPECT_THAT(findings, IsEmpty());
  book.look({lost}, all_but({}), {5 * s, 5 * s + 1}, findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_TRUE(findings[0].over);
}

TEST_F(Book, ALateAnswerBetweenTwoQuestionsHidesNoLoss) {
  const std::int64_t lost = row(s);
  Findings findings;
  const Rows missed = book.look({lost}, all_but({lost}), {3 * s, 3 * s + 1}, findings);
  book.look({lost}, all_but({}), {2 * s, 4 * s}, findings);
  book.look_again(missed, all_but({lost}), {5 * s, 5 * s + 1}, findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].what, "lost-write");
}

TEST_F(Book, OnlyWhatWasAcknowledgedBeforeTheQuestionIsMissing) {
  row(5 * s);
  book.begin_row(0);
  const std::int64_t never = book.begin_row(0);
  book.give_up(never);
  EXPECT_THAT(book.all(), ElementsAre(ElementsAre(0, 1))) << "one may be there";
  EXPECT_THAT(audit(4 * s, {0, 1}), IsEmpty());
  EXPECT_EQ(audit(5 * s, {0, 1}).size(), 1U);
}

TEST_F(Book, AnotherTokenIsToldOnceAndIsNotMissing) {
  rows(2);
  auto values = all_but({});
  values[book.id(1)] = book.token(0);
  Findings findings;
  EXPECT_THAT(book.look({0, 1}, values, {2 * s, 2 * s + 1}, findings), IsEmpty());
  book.look({0, 1}, values, {3 * s, 3 * s + 1}, findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].what, "wrong-value");
  EXPECT_EQ(findings[0].subject, book.id(1));
  EXPECT_TRUE(findings[0].violation);
  EXPECT_THAT(findings[0].detail, HasSubstr(book.token(0)));
  using Row = kinds::Operation::Row;
  EXPECT_EQ(book.shown(0, values), (Row{0, {}}));
  EXPECT_EQ(book.shown(1, values), (Row{1, 0}));
  values[book.id(1)] = "x";
  EXPECT_EQ(book.shown(1, values), (Row{1, -1}));
  values[book.id(1)] = "y";
  EXPECT_EQ(book.shown(1, values), (Row{1, -2}));
  EXPECT_EQ(book.shown(1, {}), std::nullopt);
}

TEST_F(Book, AsksForTheLatestAndForTheOlderOnesInTurn) {
  rows(25);
  EXPECT_THAT(book.latest(), ElementsAre(24, 23, 22, 21, 20, 19, 18, 17, 16, 15));
  EXPECT_THAT(book.older(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(book.older(), ElementsAre(10, 11, 12, 13, 14, 0, 1, 2, 3, 4));
  const std::vector<Rows> all = book.all();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2].size(), 5U);
}

TEST_F(Book, AsksFirstForWhatIsMissing) {
  rows(40);
  audit(2 * s, {3, 25, 26, 27, 28, 29, 39});
  EXPECT_THAT(book.older(), ElementsAre(3, 25, 26, 27, 28, 0, 1, 2, 4, 5));
  EXPECT_THAT(book.older(), ElementsAre(29, 39, 3, 25, 26, 6, 7, 8, 9, 10))
      << "no more than half of a question";
}

TEST_F(Book, AQuestionIsNoLongerThanItMayBe) {
  LedgerBook narrow(names, {.rows = 100, .ids = 200, .id_bytes = 100});
  for (int i = 0; i < 30; ++i) narrow.acknowledge(narrow.begin_row(0), s);
  for (const Rows& question : narrow.all()) EXPECT_LE(narrow.joined(question).size(), 100U);
  EXPECT_EQ(narrow.joined({0, 1}), "0123456789abcdef-10-w0-0,0123456789abcdef-10-w0-1");
  EXPECT_EQ(narrow.latest().size(), 3U);
}

TEST_F(Book, IsFullWithAsManyRowsAsItKeeps) {
  rows(999);
  EXPECT_FALSE(book.full());
  rows(1);
  EXPECT_TRUE(book.full());
}

TEST_F(Book, NamesTheLastRowOfAnotherSession) {
  EXPECT_EQ(book.last_of_another(0), std::nullopt);
  row(s, 0);
  EXPECT_EQ(book.last_of_another(0), 0) << "there is no other one";
  row(s, 1);
  row(s, 0);
  EXPECT_EQ(book.last_of_another(0), 1);
  EXPECT_EQ(book.last_of_another(1), 2);
}

TEST(LedgerRegisters, AreWrittenOneAfterTheOtherAndReadForAsLongAgain) {
  LedgerRegisters registers(names, 10s, 100);
  EXPECT_EQ(registers.begin_write(100 * s).register_number, 0);
  const auto second = registers.begin_write(105 * s);
  EXPECT_EQ(second.register_number, 0);
  EXPECT_EQ(second.value, 1);
  EXPECT_EQ(registers.to_read(106 * s), 0);
  EXPECT_EQ(registers.begin_write(110 * s).register_number, 1);
  std::vector<std::int64_t> read;
  for (int i = 0; i < 4; ++i) read.push_back(registers.to_read(111 * s));
  EXPECT_THAT(read, ElementsAre(0, 1, 0, 1));
  registers.was_read(0, 119 * s);
  EXPECT_EQ(registers.to_read(119 * s), 0) << "too early to be its last read";
  registers.was_read(0, 120 * s);
  EXPECT_EQ((std::set{registers.to_read(119 * s), registers.to_read(119 * s)}),
            std::set<std::int64_t>{1});
}

TEST(LedgerRegisters, KnowWhatWasWrittenToThem) {
  LedgerRegisters registers(names, 10s, 100);
  registers.begin_write(100 * s);
  registers.begin_write(110 * s);
  EXPECT_EQ(registers.key(1), "0123456789abcdef-10-r1");
  EXPECT_TRUE(registers.held(0, registers.token(0)).known);
  EXPECT_EQ(registers.held(1, registers.token(1)).value, 1);
  EXPECT_FALSE(registers.held(0, registers.token(1)).known) << "of another register";
  EXPECT_FALSE(registers.held(0, registers.token(2)).known) << "not written yet";
  EXPECT_EQ(registers.held(0, "x").value, registers.held(1, "x").value);
  EXPECT_LT(registers.held(0, "x").value, 0);
}

HttpReply reply(int status, const std::string& body) {
  HttpReply reply;
  reply.failure.outcome = kinds::Outcome::ok;
  reply.request_left = true;
  reply.status = status;
  reply.body = body;
  return reply;
}

TEST(LedgerAnswers, AWriteIsDoneOnlyByTheRightAnswer) {
  const WriteAnswer good = write_answer(reply(200, R"({"id":"a","v":"b","db":"c"})"), 200);
  EXPECT_EQ(good.written, Written::yes);
  EXPECT_EQ(good.read_back, "b");
  for (const HttpReply& other : {reply(503, R"({"v":"b"})"), reply(201, R"({"v":"b"})"),
                                 reply(200, R"({"v":1})"), reply(200, R"({"w":"b"})"),
                                 reply(200, R"(["v"])"), reply(200, R"({"v":"b")"), reply(200, "")})
    EXPECT_EQ(write_answer(other, 200).written, Written::unknown) << other.status << other.body;
}

TEST(LedgerAnswers, AWriteFailedOnlyWhenNothingWasSent) {
  for (const kinds::Outcome outcome :
       {kinds::Outcome::connect_refused, kinds::Outcome::tls_untrusted, kinds::Outcome::reset,
        kinds::Outcome::timeout, kinds::Outcome::tls_truncated}) {
    HttpReply failed;
    failed.failure.outcome = outcome;
    EXPECT_EQ(write_answer(failed, 200).written, Written::no);
    failed.request_left = true;
    EXPECT_EQ(write_answer(failed, 200).written, Written::unknown);
  }
}

TEST(LedgerAnswers, ValuesAreThoseOfAGoodAnswer) {
  const auto values = stored_values(reply(200, R"({"a":"1","b":"2"})"), 200);
  ASSERT_TRUE(values.has_value());
  EXPECT_EQ(values->at("b"), "2");
  EXPECT_TRUE(stored_values(reply(200, "{}"), 200)->empty());
  for (const HttpReply& other : {reply(503, "{}"), reply(200, "[]"), reply(200, R"({"a":1})"),
                                 reply(200, "{\"a\":\"1\""), HttpReply()})
    EXPECT_EQ(stored_values(other, 200), std::nullopt) << other.status << other.body;
}

}  // namespace
}  // namespace nospof::probes
