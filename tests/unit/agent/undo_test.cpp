#include "agent/undo.hpp"

#include <csignal>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/services.hpp"
#include "system/check.hpp"
#include "tests/support/agent_process.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class FakeServices final : public kinds::ServiceManager {
 public:
  std::vector<std::string> list() const override { return {"mariadb"}; }
  kinds::ServiceState state(const std::string& service) const override {
    if (service != "mariadb") throw Error("no service '" + service + "'");
    kinds::ServiceState result;
    result.name = service;
    result.wanted_up = wanted;
    result.running = running;
    result.processes = processes;
    return result;
  }
  void hold_down(const std::string&) override { wanted = false; }
  void stop(const std::string&) override { wanted = running = false; }
  void start(const std::string&) override {
    ++starts;
    wanted = true;
    running = true;
  }
  bool wanted = true;
  bool running = true;
  int starts = 0;
  std::vector<ProcessId> processes;
};

class FakePower final : public kinds::HostPower {
 public:
  void off(const std::string& host, Nanoseconds) override { on_[host] = false; }
  void on(const std::string& host) override {
    if (broken) throw Error("the keeper does not answer");
    on_[host] = true;
  }
  bool is_on(const std::string& host) const override { return on_.at(host); }
  bool broken = false;

 private:
  std::map<std::string, bool> on_{{"db1", true}};
};

class Undo : public ::testing::Test {
 protected:
  Undo() {
    env_.services = &services_;
    env_.power = &power_;
  }
  UndoResult undo(const json::object& record) { return execute_undo(record, env_); }
  static json::object stop_record(const ProcessId& id) {
    json::object process;
    process["pid"] = id.pid;
    process["start_time"] = id.start_time;
    json::object record{{"op", "continue-processes"}};
    record["processes"] = json::array({json::value(process)});
    return record;
  }

  FakeServices services_;
  FakePower power_;
  kinds::HostEnv env_;
};

TEST_F(Undo, StartsAServiceOnce) {
  const json::object record{{"op", "start-service"}, {"service", "mariadb"}};
  services_.wanted = false;
  services_.running = false;
  UndoResult result = undo(record);
  EXPECT_TRUE(result.done);
  EXPECT_TRUE(result.changed);
  result = undo(record);
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
  EXPECT_EQ(services_.starts, 2) << "a command to hold it down may still be under way";
}

TEST_F(Undo, PutsARunningButHeldServiceBackUnderSupervision) {
  services_.wanted = false;
  EXPECT_TRUE(undo({{"op", "start-service"}, {"service", "mariadb"}}).changed);
  EXPECT_TRUE(services_.wanted);
}

TEST_F(Undo, BootsAHostOnce) {
  const json::object record{{"op", "power-on"}, {"host", "db1"}};
  power_.off("db1", Nanoseconds(0));
  power_.broken = true;
  EXPECT_FALSE(undo(record).done);
  EXPECT_THAT(undo(record).detail, HasSubstr("keeper"));
  power_.broken = false;
  EXPECT_TRUE(undo(record).changed);
  const UndoResult again = undo(record);
  EXPECT_TRUE(again.done);
  EXPECT_FALSE(again.changed);
}

TEST_F(Undo, ContinuesStoppedProcessesOnce) {
  const test::Sleeper sleeper;
  const json::object record = stop_record(sleeper.id());
  ASSERT_TRUE(send_signal(sleeper.id(), SIGSTOP));
  ASSERT_TRUE(test::wait_until([&] { return sleeper.letter() == 'T'; }));
  UndoResult result = undo(record);
  EXPECT_TRUE(result.done) << result.detail;
  EXPECT_TRUE(result.changed);
  EXPECT_TRUE(test::wait_until([&] { return sleeper.letter() == 'S'; }));
  result = undo(record);
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
}

TEST_F(Undo, NeverSignalsAnotherProcessWithTheSameNumber) {
  const test::Sleeper sleeper;
  ASSERT_TRUE(send_signal(sleeper.id(), SIGSTOP));
  ASSERT_TRUE(test::wait_until([&] { return sleeper.letter() == 'T'; }));
  ProcessId other = sleeper.id();
  ++other.start_time;
  const UndoResult result = undo(stop_record(other));
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
  EXPECT_EQ(sleeper.letter(), 'T');
}

TEST_F(Undo, ContinuesWhateverIsStoppedInAService) {
  const test::Sleeper sleeper;
  ASSERT_TRUE(send_signal(sleeper.id(), SIGSTOP));
  ASSERT_TRUE(test::wait_until([&] { return sleeper.letter() == 'T'; }));
  services_.processes = {sleeper.id()};
  EXPECT_TRUE(undo({{"op", "continue-processes"}, {"service", "mariadb"}}).changed);
  EXPECT_TRUE(test::wait_until([&] { return sleeper.letter() == 'S'; }));
}

TEST_F(Undo, TellsWhatCannotBeUndoneAndNeverThrows) {
  env_.services = nullptr;
  env_.power = nullptr;
  for (const char* text :
       {"{}", R"({"op":7})", R"({"op":"unheard-of"})", R"({"op":"start-service"})",
        R"({"op":"start-service","service":"mariadb"})", R"({"op":"power-on","host":"db1"})",
        R"({"op":"power-on"})", R"({"op":"nft-owned-table","family":"inet"})",
        R"({"op":"packet-emulator","table":"nospof_00000000"})",
        R"({"op":"continue-processes","processes":7})",
        R"({"op":"continue-processes","processes":[{"pid":1}]})",
        R"({"op":"continue-processes","processes":[{"pid":"1","start_time":"2"}]})"}) {
    const UndoResult result = undo(json::parse(text).as_object());
    EXPECT_FALSE(result.done) << text;
    EXPECT_FALSE(result.changed) << text;
    EXPECT_FALSE(result.detail.empty()) << text;
  }
}

TEST_F(Undo, KnowsWhichRecordsSpeakOfProcesses) {
  EXPECT_TRUE(speaks_of_processes({{"op", "continue-processes"}}));
  EXPECT_FALSE(speaks_of_processes({{"op", "start-service"}}));
  EXPECT_FALSE(speaks_of_processes({}));
}

TEST(RunitStatus, ReadsTheBinaryFormat) {
  std::string bytes(20, '\0');
  bytes[12] = '\x39';
  bytes[13] = '\x30';  // pid 12345
  bytes[17] = 'u';
  bytes[19] = 1;
  RunitStatus status = parse_runit_status(bytes);
  EXPECT_EQ(status.pid, 12345);
  EXPECT_TRUE(status.want_up);
  EXPECT_FALSE(status.paused);
  EXPECT_FALSE(status.got_term);
  EXPECT_EQ(status.phase, RunitStatus::Phase::run);
  bytes[16] = 1;
  bytes[17] = 'd';
  bytes[18] = 1;
  bytes[19] = 2;
  status = parse_runit_status(bytes);
  EXPECT_TRUE(status.paused);
  EXPECT_FALSE(status.want_up);
  EXPECT_TRUE(status.got_term);
  EXPECT_EQ(status.phase, RunitStatus::Phase::finish);
}

TEST(RunitStatus, RefusesAnythingElse) {
  EXPECT_THROW(parse_runit_status(""), Error);
  EXPECT_THROW(parse_runit_status(std::string(18, '\0')), Error);
  std::string bytes(20, '\0');
  bytes[19] = 3;
  EXPECT_THROW(parse_runit_status(bytes), Error);
}

TEST(UndoRuleset, ARecordThatLacksSomethingIsRefusedBeforeAnythingIsRead) {
  kinds::HostEnv env;
  const json::object whole{{"op", "restore-ruleset"},
                           {"ruleset", "table inet a {\n}\n"},
                           {"before", "table inet a {\n}\n"},
                           {"standing", ""},
                           {"standing_tables", json::array{}}};
  for (const char* field : {"ruleset", "before", "standing", "standing_tables"}) {
    json::object record = whole;
    record.erase(field);
    const UndoResult result = execute_undo(record, env);
    EXPECT_FALSE(result.done) << field;
    EXPECT_THAT(result.detail, HasSubstr(field));
  }
  json::object record = whole;
  record["standing_tables"] = json::array{"inet a"};
  EXPECT_THAT(execute_undo(record, env).detail, HasSubstr("bad table"));
}

TEST(ThingsRestored, AreFilesControlsAndTheRuleset) {
  EXPECT_THAT(things_restored({{"op", "restore-ruleset"}}),
              testing::ElementsAre("the host's packet filter ruleset"));
  EXPECT_THAT(things_restored({{"op", "restore-control"}, {"file", "/c/pids.max"}}),
              testing::ElementsAre("file /c/pids.max"));
  EXPECT_THAT(things_restored({{"op", "restore-files"},
                               {"files", json::array{json::object{{"path", "/etc/a"}},
                                                     json::object{{"path", "/etc/b"}}}}}),
              testing::ElementsAre("file /etc/a", "file /etc/b"));
  EXPECT_THAT(things_restored({{"op", "start-service"}, {"service", "x"}}), testing::IsEmpty());
}

}  // namespace
}  // namespace nospof::agent
