// Whatever the bytes, the readers either succeed or throw SpecError.

#include <random>

#include <gtest/gtest.h>

#include "system/fd.hpp"
#include "tests/unit/spec/support.hpp"

namespace nospof::spec::test {
namespace {

constexpr unsigned seed = 20260101;

/// Counts what came out; anything else than success or SpecError fails the test.
struct Outcomes {
  int accepted = 0;
  int refused = 0;

  template <typename Action>
  void take(const std::string& text, Action action) {
    try {
      action(text);
      ++accepted;
    } catch (const SpecError& error) {
      ++refused;
      EXPECT_FALSE(error.problems().empty());
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << text;
    }
  }
};

std::string mutated(const std::string& original, std::mt19937& random) {
  static const std::vector<std::string> pieces = {
      "[",    "]",        "{",    "}",     ":",
      ": ",   "- ",       ",",    "\n",    "\n  ",
      "\t",   "\"",       "'",    "|\n",   ">-\n",
      "&a ",  "*a",       "? ",   "---\n", "...\n",
      "#",    "!!int ",   "%",    "~",     "null",
      "true", "0",        "-1",   "1e999", "99999999999999999999",
      "0s",   "5",        "100%", "all",   "{{ vars.x }}",
      "{%",   "\xc3\xa9", "\xff", "\x01",  "198.18.0.0",
      "x@y",  "\\"};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::string text = original;
  for (std::size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        text.erase(at, 1 + below(12));
        break;
      case 1:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(below(256));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(80)));
        break;
      default: {
        const std::size_t line = text.find('\n', at);
        if (line != std::string::npos) text.erase(line + 1, text.find('\n', line + 1) - line);
        break;
      }
    }
  }
  return text;
}

TEST(AnyBytes, OfATopologyAreReadOrRefused) {
  const std::string path = source("experiments/three-tier/topology.yaml");
  const std::string original = read_file(path);
  std::mt19937 random(seed);
  Outcomes outcomes;
  const auto read = [&](const std::string& text) { read_topology_text(text, path); };
  for (int i = 0; i < 1000; ++i) outcomes.take(mutated(original, random), read);
  for (std::size_t size = 0; size < original.size(); size += 17) {
    outcomes.take(original.substr(0, size), read);
  }
  EXPECT_GT(outcomes.accepted, 10);
  EXPECT_GT(outcomes.refused, 800);
}

TEST(AnyBytes, OfAnExperimentAreReadOrRefused) {
  const std::string original = base_experiment();
  std::mt19937 random(seed);
  Outcomes outcomes;
  for (int i = 0; i < 1500; ++i) outcomes.take(mutated(original, random), experiment_of);
  for (std::size_t size = 0; size < original.size(); ++size) {
    outcomes.take(original.substr(0, size), experiment_of);
  }
  EXPECT_GT(outcomes.accepted, 10);
  EXPECT_GT(outcomes.refused, 1000);
}

TEST(AnyBytes, AtRandomAreRefused) {
  std::mt19937 random(seed);
  Outcomes outcomes;
  for (int i = 0; i < 1000; ++i) {
    std::string text(std::uniform_int_distribution<std::size_t>(0, 300)(random), ' ');
    for (char& letter : text) {
      letter = static_cast<char>(std::uniform_int_distribution<int>(0, 255)(random));
    }
    outcomes.take(text, topology_of);
  }
  EXPECT_EQ(outcomes.refused, 1000);
}

}  // namespace
}  // namespace nospof::spec::test
