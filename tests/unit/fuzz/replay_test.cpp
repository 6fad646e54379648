// Every seed of every fuzz target once more, without libFuzzer: what was found stays mended, and
// the targets keep building and working.

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <glob.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/support/places.hpp"

namespace nospof::fuzz {
namespace {

namespace fs = std::filesystem;
using Target = void (*)(std::string_view);

const std::map<std::string, Target>& targets() {
  static const std::map<std::string, Target> all{
      {"answers", answers}, {"experiment", experiment}, {"history", history},
      {"host", host},       {"messages", messages},     {"run", run},
      {"samples", samples}, {"stack", stack},           {"topology", topology},
  };
  return all;
}

std::string place(const std::string& path) {
  return std::string(test::source_folder) + "/" + path;
}

std::vector<std::string> matching(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return paths;
}

/// Target -> its seeds, as tests/fuzz/targets.txt lists them.
std::map<std::string, std::vector<std::string>> listed() {
  std::map<std::string, std::vector<std::string>> all;
  std::ifstream list(place("tests/fuzz/targets.txt"));
  for (std::string line; std::getline(list, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<std::string>& seeds = all[name];
    seeds = matching(place("tests/fuzz/seeds/" + name + "/*"));
    for (std::string pattern; words >> pattern;)
      for (std::string& path : matching(place(pattern)))
        if (fs::is_regular_file(path)) seeds.push_back(std::move(path));
  }
  return all;
}

TEST(FuzzTargets, AreAllInTheListAndHaveSeeds) {
  std::vector<std::string> names;
  for (const auto& [name, target] : targets()) names.push_back(name);
  std::vector<std::string> in_list;
  for (const auto& [name, seeds] : listed()) {
    in_list.push_back(name);
    EXPECT_GE(seeds.size(), 3U) << name;
  }
  EXPECT_EQ(in_list, names);
}

TEST(FuzzTargets, TakeEverySeed) {
  for (const auto& [name, seeds] : listed()) {
    const auto target = targets().find(name);
    ASSERT_NE(target, targets().end()) << name;
    for (const std::string& seed : seeds) {
      SCOPED_TRACE(seed);
      EXPECT_NO_THROW(target->second(read_file(seed)));
    }
  }
}

TEST(FuzzTargets, TakeNothingAtAll) {
  for (const auto& [name, target] : targets()) EXPECT_NO_THROW(target("")) << name;
}

/// A seed cut short anywhere is what a torn file or a broken connection leaves.
TEST(FuzzTargets, TakeSeedsThatAreCutShort) {
  for (const auto& [name, seeds] : listed()) {
    for (const std::string& seed : seeds) {
      SCOPED_TRACE(seed);
      const std::string bytes = read_file(seed);
      for (const std::size_t part : {1U, 2U, 3U})
        EXPECT_NO_THROW(
            targets().at(name)(std::string_view(bytes).substr(0, bytes.size() * part / 4)));
    }
  }
}

}  // namespace
}  // namespace nospof::fuzz
