#include "control/combined_cells.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace nospof::control {

namespace {

constexpr const char* crash = "host-crash";
constexpr std::size_t most_controls = 24;

using Hosts = std::vector<std::string>;
using Pair = std::pair<std::string, std::string>;

// What can be done without alone, by tier, in the topology's order; without tiers that have none.
std::vector<Hosts> spare_hosts(const spec::Topology& topology,
                               const analysis::Predictor& predictor) {
  std::vector<Hosts> tiers;
  for (const spec::Tier& tier : topology.tiers) {
    Hosts hosts;
    std::ranges::copy_if(tier.hosts, std::back_inserter(hosts), [&](const std::string& host) {
      return predictor.knows(host) && !predictor.breaks({host});
    });
    if (!hosts.empty()) tiers.push_back(std::move(hosts));
  }
  return tiers;
}

class Combiner {
 public:
  Combiner(const spec::Topology& topology, const analysis::Predictor& predictor,
           const spec::ProveVariant& variant)
      : predictor_(predictor), variant_(variant), tiers_(spare_hosts(topology, predictor)) {
    for (const Hosts& tier : tiers_) hosts_.insert(hosts_.end(), tier.begin(), tier.end());
    for (std::size_t a = 0; a < hosts_.size(); ++a)
      for (std::size_t b = a + 1; b < hosts_.size(); ++b)
        (predictor_.breaks({hosts_[a], hosts_[b]}) ? cuts_ : safe_)
            .emplace_back(hosts_[a], hosts_[b]);
  }

  std::vector<Cell> cells(std::vector<LeftOut>& left_out) {
    std::vector<Cell> cells;
    add_together(cells);
    add_relays(cells);
    add_controls(cells, left_out);
    return cells;
  }

 private:
  Cell cell(const char* kind, const char* between, const Hosts& hosts, bool breaks) const {
    Cell cell;
    cell.id = fmt::format("{}/{}/{}", kind, fmt::join(hosts, between), crash);
    cell.fault = crash;
    cell.label = variant_.label;
    cell.parameters = variant_.parameters;
    cell.predicted = breaks ? "breaks" : "survives";
    cell.hosts = hosts;
    return cell;
  }

  // How many pairs of `open` this host would add to the row.
  static std::size_t gain(const std::set<Pair>& open, const Hosts& row, const std::string& host) {
    return static_cast<std::size_t>(std::ranges::count_if(row, [&](const std::string& other) {
      return open.contains({other, host}) || open.contains({host, other});
    }));
  }

  void add_together(std::vector<Cell>& cells) const {
    std::set<Pair> open(safe_.begin(), safe_.end());
    for (const Pair& seed : safe_) {
      if (!open.contains(seed)) continue;
      Hosts row{seed.first, seed.second};
      for (bool grew = true; grew;) {
        grew = false;
        const std::string* best = nullptr;
        std::size_t most = 0;
        for (const std::string& host : hosts_) {
          if (std::ranges::find(row, host) != row.end()) continue;
          const std::size_t more = gain(open, row, host);
          if (more <= most) continue;
          Hosts with = row;
          with.push_back(host);
          if (predictor_.breaks(with)) continue;
          best = &host;
          most = more;
        }
        if (best == nullptr) continue;
        row.push_back(*best);
        grew = true;
      }
      // In the topology's order, as people read it.
      std::ranges::sort(row, {}, [&](const std::string& host) {
        return std::ranges::find(hosts_, host) - hosts_.begin();
      });
      for (std::size_t a = 0; a < row.size(); ++a)
        for (std::size_t b = a + 1; b < row.size(); ++b) open.erase({row[a], row[b]});
      cells.push_back(cell("together", "+", row, false));
    }
  }

  bool survived(const std::string& one, const std::string& other) const {
    return one != other && !predictor_.breaks({one, other});
  }

  void add_relays(std::vector<Cell>& cells) const {
    std::size_t turn = 0;
    for (const Hosts& first : tiers_)
      for (const Hosts& second : tiers_) {
        const std::size_t pairs = first.size() * second.size();
        for (std::size_t n = 0; n < pairs; ++n) {
          const std::string& one = first[(turn + n) % first.size()];
          const std::string& other =
              second[(turn / first.size() + n / first.size()) % second.size()];
          if (!survived(one, other)) continue;
          cells.push_back(cell("relay", "-", {one, other}, false));
          cells.back().in_turn = true;
          ++turn;
          break;
        }
      }
  }

  void add_controls(std::vector<Cell>& cells, std::vector<LeftOut>& left_out) const {
    std::vector<Pair> first;  // one for each host that has any
    std::vector<Pair> others;
    std::set<std::string> seen;
    for (const Pair& pair : cuts_) {
      const bool is_new = !seen.contains(pair.first) || !seen.contains(pair.second);
      (is_new ? first : others).push_back(pair);
      seen.insert({pair.first, pair.second});
    }
    first.insert(first.end(), others.begin(), others.end());
    for (std::size_t i = 0; i < first.size(); ++i) {
      Cell control = cell("control", "+", {first[i].first, first[i].second}, true);
      if (i < most_controls)
        cells.push_back(std::move(control));
      else
        left_out.push_back(
            {std::move(control.id), fmt::format("{} controls are enough", most_controls)});
    }
  }

  const analysis::Predictor& predictor_;
  const spec::ProveVariant& variant_;
  std::vector<Hosts> tiers_;
  Hosts hosts_;
  std::vector<Pair> safe_, cuts_;
};

}  // namespace

std::vector<Cell> combined_cells(const spec::Topology& topology,
                                 const analysis::Predictor& predictor,
                                 const spec::Catalogue& catalogue, std::vector<LeftOut>& left_out) {
  const auto fault = std::ranges::find(catalogue.faults, crash, &spec::KindInfo::name);
  if (fault == catalogue.faults.end() || fault->prove_variants.empty()) return {};
  return Combiner(topology, predictor, fault->prove_variants.front()).cells(left_out);
}

}  // namespace nospof::control
