// The verb analyze of the built program; and its answers beside those of scram, another program for
// the same question.

#include <cmath>
#include <fstream>
#include <random>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/mef.hpp"
#include "tests/support/places.hpp"
#include "tests/support/random_tree.hpp"
#include "tests/support/scram.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string mef_folder() {
  return std::string(test::source_folder) + "/tests/program/mef";
}

CommandResult analyze(std::vector<std::string> arguments) {
  SpawnOptions options;
  options.argv = {test::built_program, "analyze"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  return run_command(std::move(options), std::chrono::seconds(120));
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  ASSERT_TRUE(file.flush());
}

TEST(Analyze, OneWhenThereIsASinglePointOfFailureAndEveryCutSetIsNamed) {
  const CommandResult result = analyze({"--mef", mef_folder() + "/three-tier.xml", "--count"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.output, StartsWith("three-tier: 11 events, 11 gates; both engines agree\n"
                                        "minimal cut sets of order 1: 1\n  dns\n"
                                        "minimal cut sets of order 2: "));
  EXPECT_THAT(result.output, HasSubstr("\n  db1 + db2\n"));
  EXPECT_THAT(result.output, HasSubstr("minimal cut sets of any order: "));
  EXPECT_THAT(result.output, HasSubstr("probability of the top event: 0.0008"));
  EXPECT_THAT(result.output, HasSubstr("Fussell-Vesely"));
}

TEST(Analyze, ZeroWhenThereIsNone) {
  const CommandResult result = analyze({"--mef", mef_folder() + "/bridge.xml", "--order", "3"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("minimal cut sets of order 1: 0\n"
                                       "minimal cut sets of order 2: 2\n  a + b\n  d + e\n"
                                       "minimal cut sets of order 3: 2\n"));
}

TEST(Analyze, TwoForBadInputAndBadUsage) {
  test::TemporaryFolder folder;
  write(folder / "cycle.xml",
        "<opsa-mef><define-fault-tree name=\"t\">\n"
        "<define-gate name=\"a\"><gate name=\"b\"/></define-gate>\n"
        "<define-gate name=\"b\"><gate name=\"a\"/></define-gate>\n"
        "</define-fault-tree></opsa-mef>\n");
  const CommandResult cycle = analyze({"--mef", folder / "cycle.xml"});
  EXPECT_EQ(cycle.exit_code, 2);
  EXPECT_EQ(cycle.errors,
            folder / "cycle.xml" + ":2:1: gate 'a' depends on itself: 'a' -> 'b' -> 'a'\n");
  EXPECT_THAT(cycle.output, IsEmpty());
  EXPECT_EQ(analyze({"--mef", folder / "none.xml"}).exit_code, 2);
  EXPECT_THAT(analyze({"--mef", folder / "none.xml"}).errors, HasSubstr("cannot be read"));
  EXPECT_EQ(analyze({"--mef", folder.path()}).exit_code, 2);
  EXPECT_EQ(analyze({}).exit_code, 2);
  const std::string good = mef_folder() + "/bridge.xml";
  EXPECT_EQ(analyze({"--mef", good, "--order", "0"}).exit_code, 2);
  EXPECT_EQ(analyze({"--mef", good, "--json", "--dot"}).exit_code, 2);
  EXPECT_EQ(analyze({"--mef", good, "--top", "nowhere"}).exit_code, 2);
}

TEST(Analyze, ThreeForATreeThatIsNotCoherentAndItsProbability) {
  test::TemporaryFolder folder;
  write(folder / "xor.xml",
        "<opsa-mef><define-fault-tree name=\"t\"><define-gate name=\"g\"><xor>"
        "<basic-event name=\"a\"/><basic-event name=\"b\"/></xor></define-gate>"
        "</define-fault-tree><model-data>"
        "<define-basic-event name=\"a\"><float value=\"0.5\"/></define-basic-event>"
        "<define-basic-event name=\"b\"><float value=\"0.25\"/></define-basic-event>"
        "</model-data></opsa-mef>");
  const CommandResult result = analyze({"--mef", folder / "xor.xml"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.output, HasSubstr("not coherent"));
  EXPECT_THAT(result.output, HasSubstr("probability of the top event: 0.5\n"));
}

TEST(Analyze, DrawsTheTreeAndWritesACertificate) {
  const std::string file = mef_folder() + "/bridge.xml";
  EXPECT_THAT(analyze({"--mef", file, "--dot"}).output, StartsWith("digraph \"bridge\" {"));
  EXPECT_THAT(analyze({"--mef", file, "--mermaid"}).output, StartsWith("flowchart TD\n"));
  test::TemporaryFolder folder;
  EXPECT_EQ(analyze({"--mef", file, "--certificate", folder / "c.json"}).exit_code, 0);
  std::ifstream certificate(folder / "c.json");
  const std::string text(std::istreambuf_iterator<char>(certificate), {});
  EXPECT_EQ(boost::json::parse(text).at("kind"), "nospof-certificate");
  EXPECT_EQ(analyze({"--mef", file, "--certificate", folder / "no/c.json"}).exit_code, 2);
}

/// scram and nospof on one file: the same cut sets, by order, and the same probability.
class BesideScram {
 public:
  void compare(const std::string& file) {
    SCOPED_TRACE(file);
    const CommandResult theirs =
        test::run_scram({"--bdd", "--probability", "1", "--ccf", "1", file}, patience);
    ASSERT_EQ(theirs.exit_code, 0) << theirs.errors;
    const test::ScramAnswer expected = test::read_scram_report(theirs.output);
    const CommandResult ours =
        analyze({"--mef", file, "--order", "20", "--list", "1000000", "--json"});
    ASSERT_LE(ours.exit_code, 1) << ours.errors;
    const boost::json::value answer = boost::json::parse(ours.output);
    EXPECT_EQ(answer.at("state"), "agreed");
    compare_sets(answer, expected);
    const double probability = answer.at("probability").to_number<double>();
    EXPECT_NEAR(probability, expected.probability, 1e-5 * probability);
    ++compared_;
    sets_ += expected.cut_sets.size();
  }

  int compared() const { return compared_; }
  std::size_t sets() const { return sets_; }

 private:
  static constexpr std::chrono::seconds patience{120};

  static void compare_sets(const boost::json::value& answer, const test::ScramAnswer& expected) {
    std::set<std::set<std::string>> found;
    for (const boost::json::value& order : answer.at("orders").as_array()) {
      for (const boost::json::value& set : order.at("cut_sets").as_array()) {
        std::set<std::string> names;
        for (const boost::json::value& name : set.as_array())
          names.insert(std::string(name.as_string()));
        found.insert(std::move(names));
      }
      const auto which = static_cast<std::size_t>(order.at("order").as_int64());
      if (which == 0) continue;
      const std::uint64_t count =
          which <= expected.by_order.size() ? expected.by_order[which - 1] : 0;
      EXPECT_EQ(order.at("count").as_string(), std::to_string(count)) << "order " << which;
    }
    EXPECT_EQ(found, expected.cut_sets);
  }

  int compared_ = 0;
  std::size_t sets_ = 0;
};

TEST(AnalyzeBesideScram, AgreesOnEveryModelInTheFolder) {
  if (test::find_scram().empty()) GTEST_SKIP() << "scram is not installed";
  BesideScram both;
  for (const auto& entry : std::filesystem::directory_iterator(mef_folder()))
    if (entry.path().extension() == ".xml") both.compare(entry.path().string());
  EXPECT_GE(both.compared(), 3);
}

/// Where a model stays that the two do not agree on.
std::string keep(const std::string& file) {
  const std::filesystem::path folder =
      std::filesystem::path(test::built_program).parent_path() / "beside-scram";
  std::filesystem::create_directories(folder);
  const std::filesystem::path kept = folder / std::filesystem::path(file).filename();
  std::filesystem::copy_file(file, kept, std::filesystem::copy_options::overwrite_existing);
  return kept.string();
}

TEST(AnalyzeBesideScram, AgreesOnTwoHundredModelsAtRandom) {
  if (test::find_scram().empty()) GTEST_SKIP() << "scram is not installed";
  test::TemporaryFolder folder;
  std::mt19937 random(2026);
  BesideScram both;
  for (int i = 0; i < 210 && !testing::Test::HasFailure(); ++i) {
    test::TreeShape shape;
    shape.least_events = 4;
    shape.events = 8 + static_cast<unsigned>(i) % 12;
    shape.gates = 4 + static_cast<unsigned>(i) % 20;
    shape.arguments = 5;
    // scram takes what a house event settles out of the model before it counts.
    shape.houses = false;
    // scram 0.16.2 takes 2 of (x, x, z) for z. It is x, as its own comment says, but
    // Gate::ProcessAtleastGateDuplicateArg() in src/pdag.cc takes x out and leaves z. No argument
    // needs to be there twice for that: scram takes an event that suffices alone out of the gates
    // below, and what it leaves of two arguments may be the same event. Of 2 of (h, c, b) where h
    // is c it says {b}; of 2 of (h, a, b, c) where h is "a or c" it says {a}, {b}, but b alone is
    // one of four. Arguments that depend on no event together cannot become the same. Votes over
    // ones that do stand beside trying everything: Engines.TwoOfFourThatShareEvents, and the test
    // of twenty thousand small trees.
    shape.votes_share = false;
    const std::string file = folder / "model" + std::to_string(i) + ".xml";
    write(file, analysis::mef_text(test::RandomTree(shape, random).make()));
    both.compare(file);
    if (testing::Test::HasFailure()) ADD_FAILURE() << "the model is kept as " << keep(file);
  }
  EXPECT_EQ(both.compared(), 210);
  EXPECT_GT(both.sets(), 700U);
}

}  // namespace
}  // namespace nospof
