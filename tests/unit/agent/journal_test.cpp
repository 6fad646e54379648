#include "agent/journal.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

json::object record(const char* service) {
  return {{"op", "start-service"}, {"service", service}};
}

class JournalFile : public ::testing::Test {
 protected:
  Journal open() {
    auto journal = Journal::lock(path_, 0ms, clock_);
    if (!journal) throw Error("the journal is locked");
    return std::move(*journal);
  }
  void append_raw(std::string_view text) {
    const UniqueFd fd = open_file(path_, O_WRONLY | O_APPEND);
    write_all(fd.get(), text, path_);
  }

  test::TemporaryFolder folder_;
  std::string path_ = folder_ / "journal";
  ManualClock clock_;
};

TEST_F(JournalFile, KeepsRecordsOpenUntilTheyAreDone) {
  {
    Journal journal = open();
    journal.begin("db1", this_holder());
    const OpenRecord first = journal.add("a", record("one"));
    const OpenRecord second = journal.add("b", record("two"));
    const OpenRecord third = journal.add("b", record("three"));
    journal.settle(second.number, "agent", {true, true, "started"});
    journal.settle(third.number, "agent", {false, false, "no"});
    EXPECT_LT(first.number, second.number);
  }
  const JournalContent content = Journal::peek(path_);
  EXPECT_EQ(content.host, "db1");
  ASSERT_EQ(content.open.size(), 2U);
  EXPECT_EQ(content.open[0].injection, "a");
  EXPECT_EQ(content.open[0].record, record("one"));
  EXPECT_EQ(content.open[1].record, record("three"));
  EXPECT_EQ(content.last_number, 3);
  EXPECT_FALSE(content.torn);
  EXPECT_EQ(content.unreadable, 0U);
  ASSERT_TRUE(content.holder);
  EXPECT_TRUE(content.holder->same_boot(this_holder()));
  EXPECT_EQ(content.holder->process.pid, ::getpid());
}

// Before anything is changed: what its journal cannot tell would never be taken back.
TEST_F(JournalFile, RefusesWhatItCouldNotReadAgain) {
  Journal journal = open();
  journal.begin("db1", this_holder());
  const double huge = json::parse("1e400").as_double();
  EXPECT_THROW(journal.add("a", {{"op", "x"}, {"share", huge}}), Error);
  json::value deep = 1;
  for (int i = 0; i < 40; ++i) deep = json::object{{"in", deep}};
  EXPECT_THROW(journal.add("a", {{"op", "x"}, {"tree", deep}}), Error);
  journal.add("b", record("one"));
  const JournalContent content = Journal::peek(path_);
  EXPECT_EQ(content.unreadable, 0U);
  ASSERT_EQ(content.open.size(), 1U);
  EXPECT_EQ(content.open.front().injection, "b");
}

TEST_F(JournalFile, NumbersGoOnAfterReopening) {
  {
    Journal journal = open();
    journal.begin("db1", this_holder());
    journal.add("a", record("one"));
  }
  Journal journal = open();
  EXPECT_EQ(journal.add("b", record("two")).number, 2);
}

TEST_F(JournalFile, ToleratesATornLastLineAndNeverGluesToIt) {
  {
    Journal journal = open();
    journal.begin("db1", this_holder());
    journal.add("a", record("one"));
  }
  append_raw(R"({"undo":2,"injection":"b","record":{"op":"start-serv)");
  EXPECT_TRUE(Journal::peek(path_).torn);
  EXPECT_EQ(Journal::peek(path_).open.size(), 1U);
  {
    Journal journal = open();
    journal.settle(1, "recover", {true, false, ""});
  }
  const JournalContent content = Journal::peek(path_);
  EXPECT_TRUE(content.open.empty());
  EXPECT_FALSE(content.torn);
  EXPECT_EQ(content.unreadable, 1U);
}

TEST_F(JournalFile, EveryPrefixOfAJournalCanBeRead) {
  {
    Journal journal = open();
    journal.begin("db1", this_holder());
    journal.settle(journal.add("a", record("one")).number, "agent", {true, true, "x"});
    journal.add("b", record("two"));
  }
  const std::string text = read_file(path_);
  const std::size_t first_undo = text.find("\n{\"undo\"") + 1;
  const std::size_t after_first = text.find('\n', first_undo) + 1;
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const JournalContent content = parse_journal(std::string_view(text).substr(0, length));
    EXPECT_EQ(content.unreadable, 0U) << length;
    EXPECT_LE(content.open.size(), 1U) << length;
    EXPECT_TRUE(content.open.empty() || length >= after_first) << length;
  }
}

TEST_F(JournalFile, GarbageIsCountedAndTheRestIsRead) {
  const JournalContent content = parse_journal(
      "not "
      "json\n[1]\n{\"undo\":\"x\"}\n{\"undo\":1,\"injection\":\"a\",\"record\":{\"op\":\"o\"}}\n"
      "{\"done\":77}\n{\"something\":1}\n");
  EXPECT_EQ(content.unreadable, 4U);
  ASSERT_EQ(content.open.size(), 1U);
  EXPECT_EQ(content.open[0].number, 1);
}

TEST_F(JournalFile, IsLockedAsLongAsAnInheritedDescriptorLives) {
  Pipe pipe = make_pipe();
  pid_t pid = 0;
  {
    Journal journal = open();
    EXPECT_FALSE(Journal::lock(path_, 0ms, clock_));
    pid = check("fork", ::fork());
    if (pid == 0) {
      pipe.write_end.reset();
      char byte = 0;
      const ssize_t n = ::read(pipe.read_end.get(), &byte, 1);
      ::_exit(n == 0 ? 0 : 1);
    }
  }
  EXPECT_FALSE(Journal::lock(path_, 0ms, clock_)) << "the child still has it";
  pipe.write_end.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(Journal::lock(path_, 0ms, clock_));
}

TEST_F(JournalFile, ATakenNumberOfAPidNamespaceIsNotEnoughToBeTheSameBoot) {
  const Holder now = this_holder();
  Holder other = now;
  other.boot_id = "another";
  EXPECT_FALSE(now.same_boot(other));
  other = now;
  other.pid_namespace += 1;
  EXPECT_FALSE(now.same_boot(other));
  other = now;
  other.init_start_time += 1;
  EXPECT_FALSE(now.same_boot(other));
}

}  // namespace
}  // namespace nospof::agent
