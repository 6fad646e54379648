// Minimal cut sets by nospof and by scram (Debian's package), on the same models in one run: CPU
// time of a whole process each: reading the model, analysing it, writing the result.
//
// bench_analysis [MODELS [SECONDS]]   (models at random, 60 unless given; CPU seconds after which a
// process is given up, 60 unless given)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/full_set.hpp"
#include "analysis/low_orders.hpp"
#include "analysis/mef.hpp"
#include "tests/support/random_tree.hpp"
#include "tests/support/scram.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace nospof;
using analysis::Connective;
using analysis::FaultTree;
using analysis::TreeBuilder;

struct Cost {
  bool finished = false;
  double cpu = 0;        ///< seconds, of the whole process
  double megabytes = 0;  ///< peak
  std::string result;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Runs it in a child that may use so much CPU time; its standard output goes to `output`.
Cost measure(const std::function<void()>& work, const std::string& output, rlim_t seconds) {
  const pid_t child = check("fork", ::fork());
  if (child == 0) {
    const rlimit limit{seconds, seconds};
    ::setrlimit(RLIMIT_CPU, &limit);
    if (std::freopen(output.c_str(), "w", stdout) == nullptr) std::_Exit(9);
    work();
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  rusage used{};
  check("wait4", ::wait4(child, &status, 0, &used));
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  Cost cost;
  cost.finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  cost.cpu = of(used.ru_utime) + of(used.ru_stime);
  cost.megabytes = static_cast<double>(used.ru_maxrss) / 1024;
  return cost;
}

/// One model, both programs.
class Bench {
 public:
  explicit Bench(rlim_t seconds) : seconds_(seconds) {}

  void use(const FaultTree& tree) {
    std::ofstream file(model_);
    file << analysis::mef_text(tree);
  }

  /// Orders 1 and 2, every set written out by its names.
  Cost ours_low() {
    return ours([](const FaultTree& tree) {
      const analysis::LowOrders low = analysis::low_orders(tree, 2);
      for (const unsigned order : {1U, 2U})
        for (const analysis::CutSet& set : low.list(order, most_written)) {
          for (const analysis::NodeId event : set) fmt::print("{} ", tree.name_of(event));
          fmt::print("\n");
        }
      fmt::print("= {} {}\n", low.count(1), low.count(2));
    });
  }

  /// How many there are of any order.
  Cost ours_full() {
    return ours([](const FaultTree& tree) {
      fmt::print("= {}\n", analysis::FullSet(tree).total().text());
    });
  }

  Cost theirs(std::vector<std::string> arguments, bool low) {
    const std::string report = folder_ / "report.xml";
    arguments.insert(arguments.begin(), {test::find_scram(), "--no-indent"});
    arguments.push_back(model_);
    Cost cost = measure(
        [&] {
          std::vector<char*> argv;
          for (std::string& argument : arguments) argv.push_back(argument.data());
          argv.push_back(nullptr);
          ::execv(argv[0], argv.data());
          std::_Exit(9);
        },
        report, seconds_);
    if (!cost.finished) return cost;
    read_report(report, low, cost);
    return cost;
  }

 private:
  static constexpr std::size_t most_written = 2'000'000;

  // `work` analyses and writes the result.
  template <typename Work>
  Cost ours(Work work) {
    const std::string output = folder_ / "ours.txt";
    Cost cost = measure([&] { work(analysis::read_mef(model_)); }, output, seconds_);
    if (!cost.finished) return cost;
    const std::string text = text_of(output);
    const std::size_t equals = text.rfind("= ");
    const std::size_t end = text.find('\n', equals);
    cost.result = text.substr(equals + 2, end - equals - 2);
    return cost;
  }

  static void read_report(const std::string& report, bool low, Cost& cost) {
    pugi::xml_document document;
    document.load_file(report.c_str());
    const pugi::xml_node root = document.child("report");
    const pugi::xml_node sums = root.child("results").child("sum-of-products");
    cost.result = sums.attribute("products").value();
    if (low) {
      std::istringstream counts(sums.attribute("distribution").value());
      std::string one = "0";
      std::string two = "0";
      counts >> one >> two;
      cost.result = fmt::format("{} {}", one, two.empty() ? "0" : two);
    }
  }

  rlim_t seconds_;
  test::TemporaryFolder folder_;
  std::string model_ = folder_ / "model.xml";
};

struct Site {
  unsigned hosts = 10'000;
  unsigned tiers = 4;
  unsigned zones = 3;
  unsigned racks_of = 40;  ///< hosts in one rack
  unsigned fatal = 0;      ///< failed hosts that take a tier down; 0: one more than a zone has
};

/// Each host fails with its machine, its disk, its service, its rack's switch or its zone.
FaultTree site(const Site& shape) {
  TreeBuilder builder("site");
  std::vector<TreeBuilder::Item> tiers;
  const unsigned each = shape.hosts / shape.tiers;
  const unsigned in_zone = (each + shape.zones - 1) / shape.zones;
  std::vector<TreeBuilder::Item> zones;
  for (unsigned i = 0; i < shape.zones; ++i)
    zones.push_back(builder.event(fmt::format("zone{}", i), {.probability = 1e-4}));
  for (unsigned tier = 0; tier < shape.tiers; ++tier) {
    std::vector<TreeBuilder::Item> hosts;
    TreeBuilder::Item rack{};
    for (unsigned i = 0; i < each; ++i) {
      const std::string name = fmt::format("t{}h{}", tier, i);
      if (i % shape.racks_of == 0)
        rack =
            builder.event(fmt::format("t{}r{}", tier, i / shape.racks_of), {.probability = 1e-4});
      std::vector<TreeBuilder::Item> causes{rack, zones[i / in_zone]};
      for (const char* part : {"machine", "disk", "service"})
        causes.push_back(builder.event(name + "-" + part, {.probability = 1e-3}));
      hosts.push_back(builder.gate(name, Connective::any, causes));
    }
    const unsigned fatal = shape.fatal == 0 ? in_zone + 1 : shape.fatal;
    tiers.push_back(builder.at_least(fmt::format("tier{}", tier), fatal, hosts));
  }
  builder.top(builder.gate("down", Connective::any, tiers));
  return std::move(builder).build();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string cost_text(const Cost& cost) {
  if (!cost.finished)
    return fmt::format("gave up after {:.1f} s, {:.0f} MB", cost.cpu, cost.megabytes);
  return fmt::format("{:.3f} s, {:.0f} MB", cost.cpu, cost.megabytes);
}

void bench_sites(Bench& bench) {
  fmt::print(
      "\norders 1 and 2 of tiers with zones and racks: nospof, scram --bdd, --zbdd, --mocus\n");
  const auto row = [&](const Site& shape) {
    bench.use(site(shape));
    const Cost ours = bench.ours_low();
    fmt::print("{} hosts, {} tiers, fatal {}: {}: {}\n", shape.hosts, shape.tiers, shape.fatal,
               ours.result, cost_text(ours));
    std::fflush(stdout);
    for (const char* method : {"--bdd", "--zbdd", "--mocus"}) {
      const Cost theirs = bench.theirs({method, "--limit-order", "2"}, true);
      const bool same = theirs.result == ours.result;
      fmt::print("    scram {}: {}{}; {}{:.0f} times ours\n", method, cost_text(theirs),
                 theirs.finished ? (same ? ", the same sets" : ", OTHERS: " + theirs.result) : "",
                 theirs.finished ? "" : "at least ", theirs.cpu / ours.cpu);
      std::fflush(stdout);
    }
  };
  for (const unsigned hosts : {40U, 100U, 200U, 400U}) {
    row({.hosts = hosts, .racks_of = 5});
    row({.hosts = hosts, .racks_of = 5, .fatal = 2});
  }
  row({});
  row({.fatal = 2});
}

FaultTree random_model(unsigned number, std::mt19937& random) {
  test::TreeShape shape;
  shape.houses = false;
  shape.least_events = 20 + number;
  shape.events = 20 + number * 2;
  shape.gates = 20 + number * 2;
  shape.arguments = 4 + number % 4;
  return test::RandomTree(shape, random).make("model" + std::to_string(number));
}

void bench_models(Bench& bench, unsigned models) {
  std::mt19937 random(1);
  std::vector<double> low;
  std::vector<double> full;
  unsigned differ = 0;
  unsigned ours_only = 0;
  unsigned theirs_only = 0;
  for (unsigned i = 0; i < models; ++i) {
    bench.use(random_model(i, random));
    const auto compare = [&](const Cost& ours, const Cost& theirs, std::vector<double>& whole) {
      if (ours.finished && !theirs.finished) ++ours_only;
      if (!ours.finished && theirs.finished) ++theirs_only;
      if (!ours.finished || !theirs.finished) return;
      if (ours.result != theirs.result) ++differ;
      whole.push_back(theirs.cpu / ours.cpu);
    };
    compare(bench.ours_low(), bench.theirs({"--bdd", "--limit-order", "2"}, true), low);
    compare(bench.ours_full(), bench.theirs({"--bdd", "--limit-order", "1000"}, false), full);
  }
  fmt::print("\n{} models at random, CPU time of scram --bdd / nospof, median\n", models);
  fmt::print("orders 1 and 2: {:.1f} ({} models)\n", median(low), low.size());
  fmt::print("full counts: {:.1f} ({} models)\n", median(full), full.size());
  fmt::print("only nospof finished {}, only scram {}, results differ {}\n", ours_only, theirs_only,
             differ);
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned models = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 60;
  const unsigned seconds = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 60;
  if (test::find_scram().empty()) {
    fmt::print(stderr, "bench_analysis: scram is not installed (Debian's package 'scram')\n");
    return 4;
  }
  Bench bench(seconds);
  bench_models(bench, models);
  bench_sites(bench);
  return 0;
}
