#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(AnExperiment, IsReadCompletely) {
  const std::string path = source("tests/malformed/base/experiment.yaml");
  const ExperimentFile file = read_experiment(path, catalogue());
  const Experiment& experiment = file.experiment;
  EXPECT_EQ(file.topology.name, "small");
  EXPECT_EQ(experiment.file, path);
  EXPECT_EQ(experiment.topology_file, source("tests/malformed/base/topology.yaml"));
  EXPECT_EQ(experiment.title,
            "The active balancer dies, and the database is cut off from a balancer");
  EXPECT_EQ(experiment.baseline, 2s);
  ASSERT_EQ(experiment.hypothesis.size(), 2U);
  EXPECT_EQ(experiment.hypothesis[0].figure, Figure::longest_outage);
  EXPECT_EQ(experiment.hypothesis[0].tolerance.comparator, Comparator::less_equal);
  EXPECT_EQ(experiment.hypothesis[0].tolerance.low, 3);
  EXPECT_EQ(experiment.hypothesis[0].tolerance.text, "<= 3s");
  EXPECT_EQ(experiment.hypothesis[1].probe, "https");
  EXPECT_EQ(experiment.hypothesis[1].tolerance.low, 0.99);
  ASSERT_EQ(experiment.faults.size(), 2U);
  const FaultSpec& fault = experiment.faults[0];
  EXPECT_EQ(fault.kind, "process-kill");
  EXPECT_EQ(fault.at, 0s);
  EXPECT_EQ(fault.duration, 5s);
  EXPECT_THAT(fault.targets, ElementsAre("lb.vip-owner"));
  EXPECT_EQ(fault.service, "proxy");
  EXPECT_EQ(fault.mark.line, 10);
  ASSERT_EQ(experiment.aborts.size(), 1U);
  EXPECT_EQ(experiment.aborts[0].when.comparator, Comparator::greater);
  EXPECT_EQ(experiment.recovery_deadline, 60s);
  EXPECT_EQ(experiment.settle, 1s);
  EXPECT_EQ(experiment.rate, Rate{100});
  EXPECT_EQ(experiment.connection, ConnectionMode::keep_alive);
}

TEST(AnExperiment, HasTheDefaultsOfItsStruct) {
  const Experiment experiment = experiment_of(
      "kind: experiment\nversion: 1\ntitle: x\ntopology: topology.yaml\n"
      "hypothesis: [{ figure: failed, tolerance: == 0 }]\n"
      "faults: [{ kind: host-crash, duration: 1s, on: db }]\n");
  EXPECT_EQ(experiment.baseline, Experiment{}.baseline);
  EXPECT_EQ(experiment.recovery_deadline, Experiment{}.recovery_deadline);
  EXPECT_EQ(experiment.settle, Experiment{}.settle);
  EXPECT_EQ(experiment.hypothesis[0].probe, "https");
  EXPECT_EQ(experiment.faults[0].at, 0s);
  EXPECT_EQ(experiment.rate, std::nullopt);
  EXPECT_EQ(experiment.connection, std::nullopt);
  EXPECT_THAT(experiment.aborts, IsEmpty());
}

TEST(AnExperiment, MayCountAnOutcome) {
  const Experiment experiment =
      experiment_of(replaced(base_experiment(), "{ figure: availability, tolerance: \">= 99%\" }",
                             "{ figure: count, outcome: reset, tolerance: \"<= 3\" }"));
  EXPECT_EQ(experiment.hypothesis[1].figure, Figure::count);
  EXPECT_EQ(experiment.hypothesis[1].outcome, "reset");
  EXPECT_EQ(experiment.hypothesis[1].tolerance.low, 3);
  EXPECT_EQ(figure_text(experiment.hypothesis[1]), "count of reset");
  EXPECT_EQ(figure_text(experiment.hypothesis[0]), "longest-outage");
}

TEST(AnExperiment, IsNotJudgedByTheSamplesOfAnotherProbe) {
  Catalogue known = catalogue();
  known.probes.push_back({"dns", "Asks for a name.", TargetType::host, {}, {}});
  const std::string text = replaced(base_experiment(), "probe: https", "probe: dns");
  EXPECT_THAT(problems_of([&] {
                read_experiment_text(text, source("tests/malformed/base/x.yaml"), known);
              }),
              ElementsAre(HasSubstr("the samples of 'dns' are not kept; only those of https")));
}

TEST(Parameters, AreCheckedAndFilledIn) {
  const Experiment experiment = experiment_of(base_experiment());
  const Parameters& kill = experiment.faults[0].parameters;
  EXPECT_EQ(std::get<std::string>(kill.at("signal")), "KILL");
  EXPECT_EQ(std::get<std::string>(kill.at("scope")), "all");
  EXPECT_EQ(std::get<bool>(kill.at("hold")), true);
  const Parameters& partition = experiment.faults[1].parameters;
  EXPECT_THAT(std::get<std::vector<std::string>>(partition.at("from")), ElementsAre("lb1"));
  EXPECT_EQ(std::get<std::string>(partition.at("direction")), "both");
}

TEST(Parameters, ThatNameHostsMayNameTiers) {
  const Experiment experiment =
      experiment_of(replaced(base_experiment(), "from: [lb1]", "from: lb, direction: in"));
  const Parameters& partition = experiment.faults[1].parameters;
  EXPECT_THAT(std::get<std::vector<std::string>>(partition.at("from")), ElementsAre("lb1", "lb2"));
  EXPECT_EQ(std::get<std::string>(partition.at("direction")), "in");
}

TEST(Parameters, AreLeftOutWithoutADefault) {
  const Experiment experiment =
      experiment_of(replaced(base_experiment(), ", with: { from: [lb1] }", ""));
  EXPECT_FALSE(experiment.faults[1].parameters.contains("from"));
  EXPECT_TRUE(experiment.faults[1].parameters.contains("direction"));
}

TEST(Parameters, ThatAreRequiredMustBeThere) {
  Catalogue known = catalogue();
  known.faults[2].parameters = {{"delay", ParameterType::duration, true, "", {}, "How late."}};
  const std::string text =
      replaced(base_experiment(), "kind: partition, on: db1, with: { from: [lb1] }",
               "kind: host-crash, on: db1");
  EXPECT_THAT(problems_of([&] {
                read_experiment_text(text, source("tests/malformed/base/x.yaml"), known);
              }),
              ElementsAre("11:5: fault 2: host-crash needs the parameter 'delay' under 'with': How "
                          "late."));
}

ParameterInfo parameter(ParameterType type, std::vector<std::string> choices = {}) {
  return {"x", type, false, "", std::move(choices), "A thing."};
}

TEST(Parameters, AreReadFromText) {
  EXPECT_EQ(parse_parameter(parameter(ParameterType::boolean), "true"), ParameterValue(true));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::integer), "-12"),
            ParameterValue(std::int64_t{-12}));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::text), "a b"), ParameterValue("a b"));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::duration), "3s"),
            ParameterValue(Duration(3s)));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::rate), "50/s"), ParameterValue(Rate{50}));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::percent), "5%"),
            ParameterValue(Percent{0.05}));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::bandwidth), "10mbit/s"),
            ParameterValue(Bandwidth{10'000'000}));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::text_list), "a, b,c"),
            ParameterValue(std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(parse_parameter(parameter(ParameterType::text_list), "a"),
            ParameterValue(std::vector<std::string>{"a"}));
}

TEST(Parameters, SayWhyATextIsRefused) {
  const auto reason = [](const ParameterInfo& info, const std::string& text) -> std::string {
    try {
      parse_parameter(info, text);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(reason(parameter(ParameterType::boolean), "yes"),
              HasSubstr("'x': expected true or false, found 'yes'"));
  EXPECT_THAT(reason(parameter(ParameterType::integer), "1.5"), HasSubstr("a whole number"));
  EXPECT_THAT(reason(parameter(ParameterType::integer), "99999999999999999999"),
              HasSubstr("a whole number"));
  EXPECT_THAT(reason(parameter(ParameterType::duration), "3"), HasSubstr("with a unit"));
  EXPECT_THAT(reason(parameter(ParameterType::text, {"main", "all"}), "mian"),
              HasSubstr("expected one of main or all, found 'mian'; did you mean 'main'?"));
  EXPECT_THAT(reason(parameter(ParameterType::text_list), "a,,b"), HasSubstr("found ''"));
  EXPECT_THAT(reason(parameter(ParameterType::percent), "0.5"), HasSubstr("a percentage"));
  EXPECT_THAT(reason(parameter(ParameterType::rate), "5"), HasSubstr("a rate"));
  for (const char* text : {"10mbit", "7bit/s", "1001gbit/s"})
    EXPECT_THAT(reason(parameter(ParameterType::bandwidth), text), HasSubstr("a bandwidth"));
}

TEST(FaultIds, AreMadeUnique) {
  const std::string text = replaced(
      base_experiment(), "abort:",
      "  - { at: 10s, duration: 5s, kind: process-kill, on: lb.vip-owner, service: proxy }\n"
      "  - { at: 20s, duration: 5s, kind: process-kill, on: [lb1, lb2], service: proxy }\n"
      "  - { at: 30s, duration: 5s, kind: host-crash, on: db1, id: mine }\nabort:");
  std::vector<std::string> ids;
  for (const FaultSpec& fault : experiment_of(text).faults) ids.push_back(fault.id);
  EXPECT_THAT(
      ids, ElementsAre("process-kill-lb.vip-owner-proxy", "partition-db1",
                       "process-kill-lb.vip-owner-proxy-2", "process-kill-lb1-lb2-proxy", "mine"));
}

std::vector<std::string> with_faults(const std::string& first, const std::string& second) {
  const std::string text = base_experiment();
  const std::size_t begin = text.find("  - { at");
  const std::size_t end = text.find("abort:");
  return problems_of([&] {
    experiment_of(text.substr(0, begin) + "  - { " + first + " }\n  - { " + second + " }\n" +
                  text.substr(end));
  });
}

TEST(Overlaps, AreOfTheSameKindTargetAndServiceAtTheSameTime) {
  const std::string crash = "kind: host-crash, duration: 5s, at: ";
  EXPECT_THAT(with_faults(crash + "0s, on: lb1", crash + "4s, on: lb1"),
              ElementsAre(HasSubstr("both are host-crash on lb1")));
  EXPECT_THAT(with_faults(crash + "4s, on: lb1", crash + "0s, on: lb"),
              ElementsAre(HasSubstr("both are host-crash on lb1")));
  EXPECT_THAT(with_faults(crash + "0s, on: lb1", crash + "5s, on: lb1"), IsEmpty());
  EXPECT_THAT(with_faults(crash + "0s, on: lb1", crash + "0s, on: lb2"), IsEmpty());
  EXPECT_THAT(with_faults(crash + "0s, on: lb1", "kind: partition, duration: 5s, on: lb1"),
              IsEmpty());
  // Who has the role is known only at run time: that they meet must be certain.
  EXPECT_THAT(with_faults(crash + "0s, on: lb.vip-owner", crash + "4s, on: lb1"), IsEmpty());
  EXPECT_THAT(with_faults(crash + "0s, on: lb.vip-owner", crash + "4s, on: [lb1, lb2]"),
              ElementsAre(HasSubstr("both are host-crash on lb.vip-owner")));
}

TEST(Problems, OfTopologyAndExperimentComeTogether) {
  const TemporaryFolder folder;
  folder.write("topology.yaml", replaced(base_topology(), "needs: 1", "needs: 3"));
  const std::string path =
      folder.write("e.yaml", replaced(base_experiment(), "baseline: 2s", "baseline: 2"));
  try {
    read_experiment(path, catalogue());
    FAIL() << "nothing was thrown";
  } catch (const SpecError& error) {
    ASSERT_EQ(error.problems().size(), 2U) << error.what();
    EXPECT_THAT(error.problems()[0].text(), HasSubstr("topology.yaml:24:35: tier 'lb'"));
    EXPECT_THAT(error.problems()[1].text(), HasSubstr("e.yaml:5:11: 'baseline'"));
  }
}

}  // namespace
}  // namespace nospof::spec::test
