#pragma once
// scram (Debian's package `scram`), another program that analyses fault trees, run as a process of
// its own: what it found, from its report.

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <pugixml.hpp>

#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::test {

struct ScramAnswer {
  double probability = 0;                    ///< rounded to six digits
  std::set<std::set<std::string>> cut_sets;  ///< by names of events
  std::vector<std::uint64_t> by_order;       ///< how many, from order 1 on
  double seconds = 0;                        ///< what it says that the cut sets took
};

/// Where scram is, or nothing.
inline std::string find_scram() {
  for (const char* place : {"/usr/bin/scram", "/usr/local/bin/scram"})
    if (std::filesystem::exists(place)) return place;
  return "";
}

/// One cause of a group stands for a member alone, or for all of them.
inline std::string scram_event(pugi::xml_node event) {
  if (std::string_view(event.name()) != "ccf-event") return event.attribute("name").value();
  const bool alone = event.attribute("order").as_int() == 1;
  return alone ? event.child("basic-event").attribute("name").value()
               : event.attribute("ccf-group").value();
}

inline ScramAnswer read_scram_report(const std::string& text) {
  pugi::xml_document report;
  if (!report.load_buffer(text.data(), text.size()))
    throw Error("scram's report is no XML: " + text.substr(0, 200));
  ScramAnswer answer;
  const pugi::xml_node root = report.child("report");
  const pugi::xml_node sums = root.child("results").child("sum-of-products");
  answer.probability = sums.attribute("probability").as_double();
  for (const pugi::xml_node product : sums.children("product")) {
    std::set<std::string> names;
    for (const pugi::xml_node event : product.children()) names.insert(scram_event(event));
    if (answer.by_order.size() < names.size()) answer.by_order.resize(names.size());
    if (!names.empty()) ++answer.by_order[names.size() - 1];
    answer.cut_sets.insert(std::move(names));
  }
  answer.seconds = root.child("information")
                       .child("performance")
                       .child("calculation-time")
                       .child("products")
                       .text()
                       .as_double();
  return answer;
}

/// scram's exact method unless the arguments say otherwise.
inline CommandResult run_scram(const std::vector<std::string>& arguments,
                               std::chrono::seconds at_most) {
  SpawnOptions options;
  options.argv = {find_scram(), "--no-indent"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  return run_command(std::move(options), at_most);
}

}  // namespace nospof::test
