#include "faults/config.hpp"
#include "faults/exec.hpp"
#include "tls_fixture.hpp"

namespace nospof::test {
namespace {

using testing::HasSubstr;

class ConfigFault : public TlsDaemons {
 protected:
  boost::json::object parameters(const std::string& mode, bool restart = false) const {
    boost::json::object fields{{"service", "nginx"}, {"path", etc("nginx.conf")}, {"mode", mode}};
    fields["apply"] = restart ? boost::json::object{{"how", "restart"}, {"signal", "QUIT"}}
                              : boost::json::object{{"how", "signal"}, {"signal", "HUP"}};
    return fields;
  }
};

TEST_F(ConfigFault, ARefusedReloadGoesOnWithTheOldConfiguration) {
  start_nginx();
  const auto before = files();
  const auto processes = services_->state("nginx").processes;
  for (const std::string mode : {"garbage", "truncate", "empty"}) {
    const auto injection = prepare(*faults::make_config(), parameters(mode));
    EXPECT_EQ(files(), before) << "prepare() changes nothing";
    inside([&] { injection->inject(); });
    const auto answer = confirmed(*injection);
    EXPECT_THAT(answer.evidence, HasSubstr("goes on with the same")) << mode;
    EXPECT_THAT(answer.evidence, HasSubstr("SIGHUP")) << mode;
    EXPECT_EQ(curl(), 0) << mode << ": what is loaded serves on";
    EXPECT_THROW(inside([&] { injection->inject(); }), Error);
    EXPECT_EQ(injection->confirm_healed().outcome, Outcome::not_yet);
    heal(*injection);
    EXPECT_EQ(files(), before) << mode;
    heal(*injection);
    EXPECT_EQ(curl(), 0) << mode;
  }
  EXPECT_EQ(services_->state("nginx").main_process, processes.front());
}

TEST_F(ConfigFault, ARestartWithGarbageEndsTheServiceUntilItIsHealed) {
  start_nginx();
  const auto before = files();
  const auto injection = prepare(*faults::make_config(), parameters("garbage", true));
  inside([&] { injection->inject(); });
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("nginx has ended"));
  EXPECT_NE(curl(), 0);
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return curl() == 0; }));
  EXPECT_EQ(files(), before);
  heal(*injection);
}

TEST_F(ConfigFault, AConfigurationThatIsTakenChangesWhatIsServed) {
  start_nginx();
  boost::json::object fields = parameters("replace");
  fields["search"] = boost::json::array{"return 200"};
  fields["replace"] = boost::json::array{"return 503"};
  const auto injection = prepare(*faults::make_config(), fields);
  inside([&] { injection->inject(); });
  EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("are new"));
  EXPECT_EQ(curl({"--fail"}), 22);
  heal(*injection);
  EXPECT_TRUE(eventually([&] { return curl({"--fail"}) == 0; }));
}

TEST_F(ConfigFault, ALaterTurnComesAfterItsTimeAndNeverOnceItIsTakenBack) {
  start_nginx();
  const auto before = files();
  boost::json::object fields = parameters("garbage");
  fields["delay_ms"] = 300'000;
  const auto late = prepare(*faults::make_config(), fields);
  inside([&] { late->inject(); });
  EXPECT_EQ(late->confirm().outcome, Outcome::not_yet);
  EXPECT_EQ(files(), before);
  heal(*late);
  fields["delay_ms"] = 200;
  const auto soon = prepare(*faults::make_config(), fields);
  inside([&] { soon->inject(); });
  confirmed(*soon);
  EXPECT_NE(files(), before);
  heal(*soon);
  EXPECT_EQ(files(), before);
}

TEST_F(ConfigFault, RefusesWhatIsNotThere) {
  start_nginx();
  const auto refusal = [&](boost::json::object fields) {
    try {
      prepare(*faults::make_config(), fields);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  boost::json::object fields = parameters("garbage");
  fields["path"] = etc("no.conf");
  EXPECT_THAT(refusal(fields), HasSubstr("no file"));
  fields = parameters("replace");
  fields["search"] = boost::json::array{"nothing like that"};
  fields["replace"] = boost::json::array{"x"};
  EXPECT_THAT(refusal(fields), HasSubstr("is not in"));
  write_file(etc("nginx.conf"), "");
  EXPECT_THAT(refusal(parameters("empty")), HasSubstr("already"));
}

TEST_F(ConfigFault, AnotherProcessTakesItBackWhenItsOwnerWasKilled) {
  start_nginx();
  const auto before = files();
  for (const bool restart : {false, true}) {
    const std::string records =
        inject_and_die(*faults::make_config(), parameters("garbage", restart));
    EXPECT_NE(files(), before);
    EXPECT_EQ(undo_elsewhere(records), 0);
    EXPECT_TRUE(eventually([&] { return curl() == 0; })) << log("nginx");
    EXPECT_EQ(files(), before);
    EXPECT_TRUE(services_->state("nginx").wanted_up);
  }
}

/// A fault of an operator's own: a table that drops what comes for nginx.
class ExecFault : public TlsDaemons {
 protected:
  void SetUp() override {
    TlsDaemons::SetUp();
    if (IsSkipped()) return;
    write_file(etc("drop.nft"), fmt::format("table inet mine {{\n  chain c {{\n"
                                            "    type filter hook input priority 0\n"
                                            "    tcp dport {} reject with tcp reset\n  }}\n}}\n",
                                            port));
    write_file(etc("undo.nft"), "table inet mine {}\ndelete table inet mine\n");
    write_file(etc("is_cut"),
               fmt::format("#!/bin/sh\ncurl -s -o /dev/null --max-time 3 --insecure "
                           "https://127.0.0.1:{}/ && exit 3\nexit 0\n",
                           port),
               0755);
    write_file(etc("is_whole"),
               fmt::format("#!/bin/sh\nexec curl -s -o /dev/null --max-time 3 --insecure "
                           "https://127.0.0.1:{}/\n",
                           port),
               0755);
  }
  boost::json::object parameters(bool own_healed = true) const {
    boost::json::object fields{{"timeout_ms", 10000}};
    fields["inject"] = boost::json::array{"nft", "-f", etc("drop.nft")};
    fields["heal"] = boost::json::array{"nft", "-f", etc("undo.nft")};
    fields["confirm"] = boost::json::array{etc("is_cut")};
    if (own_healed) fields["confirm-healed"] = boost::json::array{etc("is_whole")};
    return fields;
  }
  std::string rules() const {
    return inside([] {
      SpawnOptions options;
      options.argv = {"nft", "list", "ruleset"};
      return run_command(options, 10s).output;
    });
  }
};

TEST_F(ExecFault, CommandsInjectConfirmAndHeal) {
  start_nginx();
  for (const bool own_healed : {true, false}) {
    const auto injection = prepare(*faults::make_exec(), parameters(own_healed));
    EXPECT_EQ(rules(), "");
    inside([&] { injection->inject(); });
    EXPECT_THAT(confirmed(*injection).evidence, HasSubstr("ended with 0"));
    EXPECT_EQ(curl(), 7);
    EXPECT_THROW(inside([&] { injection->inject(); }), Error);
    EXPECT_THROW(prepare(*faults::make_exec(), parameters()), Error) << "in force already";
    heal(*injection);
    EXPECT_EQ(curl(), 0);
    EXPECT_EQ(rules(), "");
    heal(*injection);
    EXPECT_EQ(rules(), "");
  }
}

TEST_F(ExecFault, ACommandThatFailsOrHangsIsToldAndEnded) {
  start_nginx();
  boost::json::object fields = parameters();
  fields["inject"] = boost::json::array{"cat", etc("not-there")};
  const auto failing = prepare(*faults::make_exec(), fields);
  try {
    inside([&] { failing->inject(); });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("No such file"));
  }
  fields = parameters();
  fields["inject"] = boost::json::array{"sleep", "3600"};
  fields["confirm"] = boost::json::array{"false"};
  fields.erase("confirm-healed");
  fields["timeout_ms"] = 3'000;
  const auto hanging = prepare(*faults::make_exec(), fields);
  try {
    inside([&] { hanging->inject(); });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("did not end in time"));
  }
  heal(*hanging);
  EXPECT_EQ(rules(), "");
}

TEST_F(ExecFault, AnotherProcessTakesItBackWhenItsOwnerWasKilled) {
  start_nginx();
  const std::string records = inject_and_die(*faults::make_exec(), parameters());
  EXPECT_EQ(curl(), 7);
  EXPECT_EQ(undo_elsewhere(records), 0);
  EXPECT_EQ(rules(), "");
  EXPECT_EQ(curl(), 0);
  EXPECT_EQ(undo_elsewhere(records), 0);
}

}  // namespace
}  // namespace nospof::test
