#include <filesystem>

#include <boost/json/array.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/undo.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/file_image.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class CountingServices final : public kinds::ServiceManager {
 public:
  std::vector<std::string> list() const override { return {"nginx"}; }
  kinds::ServiceState state(const std::string& service) const override {
    ++looks;
    kinds::ServiceState state;
    state.name = service;
    state.wanted_up = running;
    state.running = running;
    return state;
  }
  void hold_down(const std::string&) override {}
  void stop(const std::string&) override {}
  void start(const std::string&) override {
    ++starts;
    running = true;
  }
  bool running = true;
  int starts = 0;
  mutable int looks = 0;
};

class UndoFiles : public ::testing::Test {
 protected:
  UndoFiles() {
    env_.services = &services_;
    env_.clock = &clock_;
    write_file(path("a.conf"), "good a", 0640);
    write_file(path("b.conf"), std::string("good \xff\0 b", 9), 0600);
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  std::string text(const std::string& name) const { return read_file(path(name)); }

  json::object entry(const std::string& name, const std::string& placed) const {
    const FileImage before = read_image(path(name), 1024).value();
    return {{"path", path(name)},
            {"temporary", path(".nospof-1-" + name)},
            {"content", to_hex(before.content)},
            {"mode", std::int64_t{before.mode}},
            {"uid", std::int64_t{before.uid}},
            {"gid", std::int64_t{before.gid}},
            {"placed", to_hex(placed)}};
  }
  /// The record for both files, made before they are changed.
  json::object record(json::object reload = {{"how", "nothing"}}) const {
    json::object record{
        {"op", "restore-files"}, {"service", "nginx"}, {"marker", path(".nospof-1")}};
    record["files"] = json::array{entry("a.conf", "bad a"), entry("b.conf", "bad b")};
    record["reload"] = std::move(reload);
    return record;
  }
  void place(const std::string& name, const std::string& content) const {
    FileImage bad = read_image(path(name), 1024).value();
    bad.content = content;
    put_image(path(name), bad, path(".nospof-1-" + name), false);
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()),
                      std::filesystem::directory_iterator()));
  }

  test::TemporaryFolder folder_;
  CountingServices services_;
  SystemClock clock_;
  kinds::HostEnv env_{.host = "web1"};
};

TEST_F(UndoFiles, PutsContentModeAndOwnerBackOnceAndForAll) {
  const auto undo = record();
  write_file(path(".nospof-1"), "");
  place("a.conf", "bad a");
  place("b.conf", "bad b");
  ASSERT_EQ(::chmod(path("a.conf").c_str(), 0777), 0);
  const auto result = execute_undo(undo, env_);
  EXPECT_TRUE(result.done && result.changed) << result.detail;
  EXPECT_THAT(result.detail, HasSubstr("2 of 2 files put back"));
  EXPECT_EQ(text("a.conf"), "good a");
  EXPECT_EQ(text("b.conf"), std::string("good \xff\0 b", 9));
  EXPECT_EQ(read_image(path("a.conf"), 1024)->mode, 0640U);
  EXPECT_EQ(entries(), 2U) << "no marker, nothing temporary";
  const auto again = execute_undo(undo, env_);
  EXPECT_TRUE(again.done);
  EXPECT_FALSE(again.changed);
}

TEST_F(UndoFiles, WhatWasNeverDoneIsNotTouched) {
  const auto undo = record();
  const auto result = execute_undo(undo, env_);
  EXPECT_TRUE(result.done);
  EXPECT_FALSE(result.changed);
  EXPECT_EQ(services_.looks, 0) << "the service is not even looked at";
}

TEST_F(UndoFiles, ACrashInTheMiddleIsTakenBackFromWhereverItWas) {
  const auto undo = record();
  // Only the marker; the marker and half of a temporary file; one file of two; all, but no marker
  // (the host has booted meanwhile).
  const std::vector<std::function<void()>> crashes{[&] { write_file(path(".nospof-1"), ""); },
                                                   [&] {
                                                     write_file(path(".nospof-1"), "");
                                                     write_file(path(".nospof-1-a.conf"), "ba");
                                                   },
                                                   [&] {
                                                     write_file(path(".nospof-1"), "");
                                                     place("a.conf", "bad a");
                                                   },
                                                   [&] {
                                                     place("a.conf", "bad a");
                                                     place("b.conf", "bad b");
                                                   }};
  for (const auto& crash : crashes) {
    crash();
    const auto result = execute_undo(undo, env_);
    EXPECT_TRUE(result.done && result.changed) << result.detail;
    EXPECT_EQ(text("a.conf"), "good a");
    EXPECT_EQ(text("b.conf"), std::string("good \xff\0 b", 9));
    EXPECT_EQ(entries(), 2U);
  }
}

TEST_F(UndoFiles, AMissingFileIsMadeAgain) {
  const auto undo = record();
  write_file(path(".nospof-1"), "");
  std::filesystem::remove(path("a.conf"));
  EXPECT_TRUE(execute_undo(undo, env_).done);
  EXPECT_EQ(text("a.conf"), "good a");
  EXPECT_EQ(read_image(path("a.conf"), 1024)->mode, 0640U);
}

TEST_F(UndoFiles, WhatSomebodyElseWroteStays) {
  const auto undo = record();
  write_file(path(".nospof-1"), "");
  place("a.conf", "bad a");
  place("b.conf", "somebody else's");
  const auto result = execute_undo(undo, env_);
  EXPECT_TRUE(result.done);
  EXPECT_THAT(result.detail, HasSubstr("b.conf was changed by somebody else"));
  EXPECT_EQ(text("a.conf"), "good a");
  EXPECT_EQ(text("b.conf"), "somebody else's");
}

TEST_F(UndoFiles, AFileWithFurtherNamesIsWrittenInPlace) {
  std::filesystem::create_hard_link(path("a.conf"), path("same.conf"));
  ASSERT_TRUE(is_bound_in_place(path("a.conf")));
  ASSERT_FALSE(is_bound_in_place(path("b.conf")));
  auto undo = record();
  undo["files"].as_array()[0].as_object()["in_place"] = true;
  write_file(path(".nospof-1"), "");
  // "bad a" over "good a", as a crash leaves it in the middle.
  const FileImage half{"badd a", 0640, ::geteuid(), ::getegid()};
  put_image(path("a.conf"), half, "", true);
  EXPECT_EQ(text("same.conf"), half.content);
  EXPECT_TRUE(execute_undo(undo, env_).done);
  EXPECT_EQ(text("same.conf"), "good a") << "still one file";

  write_file(path(".nospof-1"), "");
  const FileImage other{"somebody else's", 0640, ::geteuid(), ::getegid()};
  put_image(path("a.conf"), other, "", true);
  EXPECT_THAT(execute_undo(undo, env_).detail, HasSubstr("a.conf was changed by somebody else"));
  EXPECT_EQ(text("same.conf"), other.content);
}

TEST_F(UndoFiles, AServiceThatHasEndedIsStarted) {
  const auto undo = record({{"how", "signal"}, {"signal", "HUP"}});
  write_file(path(".nospof-1"), "");
  place("a.conf", "bad a");
  services_.running = false;
  EXPECT_TRUE(execute_undo(undo, env_).done);
  EXPECT_EQ(services_.starts, 1);
}

TEST_F(UndoFiles, AReloadThatFailsIsTriedAgain) {
  auto undo = record();
  undo["reload"] = json::object{{"how", "command"}, {"command", json::array{"false"}}};
  write_file(path(".nospof-1"), "");
  place("a.conf", "bad a");
  const auto failed = execute_undo(undo, env_);
  EXPECT_FALSE(failed.done);
  EXPECT_THAT(failed.detail, HasSubstr("exit code 1"));
  EXPECT_EQ(text("a.conf"), "good a") << "the files are back all the same";
  undo["reload"] = json::object{{"how", "command"}, {"command", json::array{"true"}}};
  EXPECT_TRUE(execute_undo(undo, env_).changed);
  EXPECT_FALSE(execute_undo(undo, env_).changed);
}

TEST_F(UndoFiles, DamagedRecordsAreToldNotExecuted) {
  for (const char* field : {"service", "marker", "files", "reload"}) {
    auto undo = record();
    undo.erase(field);
    EXPECT_FALSE(execute_undo(undo, env_).done) << field;
  }
  for (const char* field : {"path", "temporary", "content", "mode", "uid", "gid", "placed"}) {
    auto undo = record();
    undo["files"].as_array()[0].as_object().erase(field);
    EXPECT_FALSE(execute_undo(undo, env_).done) << field;
  }
  auto undo = record();
  undo["files"].as_array()[0].as_object()["content"] = "0g";
  EXPECT_FALSE(execute_undo(undo, env_).done);
  EXPECT_FALSE(execute_undo(record({{"how", "pray"}}), env_).done);
}

TEST_F(UndoFiles, AnOperatorsCommandHasADeadlineAndMustEndWithZero) {
  const auto run = [&](json::array argv, std::int64_t timeout = 5000) {
    json::object undo{{"op", "run-command"}, {"timeout_ms", timeout}};
    undo["argv"] = std::move(argv);
    return execute_undo(undo, env_);
  };
  EXPECT_TRUE(run({"touch", path("healed")}).done);
  EXPECT_TRUE(std::filesystem::exists(path("healed")));
  const auto failed = run({"cat", path("not-there")});
  EXPECT_FALSE(failed.done);
  EXPECT_THAT(failed.detail, HasSubstr("No such file"));
  EXPECT_THAT(run({"sleep", "3600"}, 100).detail, HasSubstr("did not end within 100 ms"));
  EXPECT_FALSE(run({}).done);
}

}  // namespace
}  // namespace nospof::agent
