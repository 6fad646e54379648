// Reads each file of tests/malformed and compares the problems with those the file expects.
//
// A file starts with a line "# expect: LINE:COLUMN: TEXT" for each problem, TEXT being a part of
// its message;
// "# expect: FILE:LINE:COLUMN: TEXT" for one in another file. Where the first line itself is what
// is wrong, the lines stand in a file of the same name with the ending .expect, without the "#
// expect: ". Files are called topology-*.yaml or experiment-*.yaml. There must be no further
// problem.

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

namespace fs = std::filesystem;

const std::string folder = source("tests/malformed/");

std::vector<std::string> malformed_files() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

struct Expected {
  std::string place;  ///< "FILE:LINE:COLUMN"
  std::string text;
};

std::vector<Expected> expected_of(const std::string& name) {
  const std::string sidecar = folder + name + ".expect";
  const bool has_sidecar = fs::exists(sidecar);
  std::istringstream lines(read_file(has_sidecar ? sidecar : folder + name + ".yaml"));
  const std::string prefix = has_sidecar ? "" : "# expect: ";
  const std::regex form("(?:([^ :]+):)?([0-9]+:[0-9]+): (.*)");
  std::vector<Expected> found;
  for (std::string line; std::getline(lines, line) && line.starts_with(prefix);) {
    line.erase(0, prefix.size());
    std::smatch parts;
    if (!std::regex_match(line, parts, form)) {
      ADD_FAILURE() << name << ": not in the form LINE:COLUMN: TEXT: " << line;
      continue;
    }
    const std::string file = parts[1].matched ? parts[1].str() : name + ".yaml";
    found.push_back({file + ":" + parts[2].str(), parts[3].str()});
  }
  return found;
}

std::vector<Problem> problems_in(const std::string& name) {
  const std::string path = folder + name + ".yaml";
  try {
    if (name.starts_with("topology-")) {
      read_topology(path);
    } else {
      read_experiment(path, catalogue());
    }
  } catch (const SpecError& error) {
    return error.problems();
  }
  return {};
}

class Malformed : public testing::TestWithParam<std::string> {};

TEST_P(Malformed, IsRefusedWithWhatTheFileExpects) {
  const std::vector<Expected> expected = expected_of(GetParam());
  const std::vector<Problem> found = problems_in(GetParam());
  ASSERT_FALSE(expected.empty()) << "the file says nothing of what is expected";
  std::string all;
  for (const Problem& problem : found) all += problem.text() + "\n";
  ASSERT_EQ(found.size(), expected.size()) << all;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string place =
        fmt::format("{}:{}:{}", fs::path(found[i].file).lexically_relative(folder).string(),
                    found[i].mark.line, found[i].mark.column);
    EXPECT_EQ(place, expected[i].place) << all;
    EXPECT_THAT(found[i].message, testing::HasSubstr(expected[i].text));
  }
}

std::string test_name(const testing::TestParamInfo<std::string>& file) {
  std::string name = file.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, Malformed, testing::ValuesIn(malformed_files()), test_name);

TEST(MalformedFiles, AreManyOfBothKinds) {
  const auto names = malformed_files();
  const auto topologies = std::ranges::count_if(
      names, [](const std::string& name) { return name.starts_with("topology-"); });
  EXPECT_GE(topologies, 100);
  EXPECT_GE(static_cast<std::ptrdiff_t>(names.size()) - topologies, 50);
}

TEST(MalformedFiles, HaveAValidBase) {
  EXPECT_THAT(problems_of([] { topology_of(base_topology()); }), testing::IsEmpty());
  EXPECT_THAT(problems_of([] { experiment_of(base_experiment()); }), testing::IsEmpty());
}

}  // namespace
}  // namespace nospof::spec::test
