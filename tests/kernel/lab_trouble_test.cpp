// A lab that can't come up says why, and leaves nothing.

#include "lab_fixture.hpp"

namespace nospof::test {

class LabTrouble : public LabTest {
 protected:
  // What bring_up says; fails the test when it comes up.
  std::string failure(const TinyTopology& topology, std::chrono::milliseconds ready_deadline) {
    name_ = unique_name("trouble");
    lab::UpOptions options;
    options.name = name_;
    options.owned = true;
    options.ready_deadline = ready_deadline;
    options.progress = [this](const std::string& line) {
      // While it comes up: what will have to be gone afterwards.
      if (line.find("hosts up") != std::string::npos) were_ = processes(name_);
    };
    try {
      lab::bring_up(tiny(topology), options);
    } catch (const Error& e) {
      expect_nothing_left(name_, were_);
      return e.what();
    }
    ADD_FAILURE() << "it came up";
    return {};
  }
  static void expect_says(const std::string& message, const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << "no '" << part << "' in:\n" << message;
  }

  std::string name_;
  std::vector<ProcessId> were_;
};

TEST_F(LabTrouble, ADaemonThatEndsForGoodIsNamedWithItsLog) {
  TinyTopology topology;
  topology.on_web1 = ", broken";
  topology.extra = R"(  broken:
    command: [sh, -c, "echo the flux is not aligned; exit 3"]
    restart: "no"
)";
  const std::string message = failure(topology, 60s);
  EXPECT_FALSE(were_.empty());
  expect_says(message, {name_, "broken on web1 is down", "the flux is not aligned"});
}

TEST_F(LabTrouble, ADaemonThatIsRestartedAgainAndAgainIsNamed) {
  TinyTopology topology;
  topology.on_web1 = ", flapping";
  topology.extra = R"(  flapping:
    command: [sh, -c, "echo no luck today; exit 1"]
    restart: always
    restart_delay: 20ms
)";
  const std::string message = failure(topology, 5s);
  expect_says(message, {"not ready after 5 s", "flapping on web1", "started ", "no luck today"});
}

TEST_F(LabTrouble, AnAnswerThatIsNotTheExpectedOneIsShown) {
  TinyTopology topology;
  topology.expected_body = "something else";
  const std::string message = failure(topology, 2s);
  expect_says(message, {"no request passes end to end", "the last one from client",
                        "lacks 'something else'", "every daemon runs"});
}

TEST_F(LabTrouble, AMissingProgramIsNamed) {
  TinyTopology topology;
  topology.on_web1 = ", absent";
  topology.extra = R"(  absent:
    command: [no-such-daemon-anywhere]
    restart: "no"
)";
  expect_says(failure(topology, 60s), {"absent on web1", "no-such-daemon-anywhere"});
}

TEST_F(LabTrouble, AWrongTemplateIsToldBeforeAnythingStarts) {
  const spec::Topology topology = tiny();
  write_file(topology.folder + "/nginx.conf.j2", "{{ hosst.name }}\n");
  name_ = unique_name("template");
  lab::UpOptions options;
  options.name = name_;
  try {
    lab::bring_up(topology, options);
    FAIL() << "it came up";
  } catch (const Error& e) {
    expect_says(e.what(), {"nginx.conf.j2", "hosst"});
  }
  expect_nothing_left(name_, {});
}

}  // namespace nospof::test
