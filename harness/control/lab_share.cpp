#include "control/lab_share.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace nospof::control {

namespace {

// Where a cell breaks something, whatever starts anew takes more than all takes in peace: on the
// reference stack a fifth of the whole.
constexpr double used_in_cells = 1.2;
constexpr double usable_memory = 0.9;

bool same_fault(const Cell& a, const Cell& b) {
  if (!a.hosts.empty() || !b.hosts.empty()) return false;
  return a.service == b.service && a.fault == b.fault && a.label == b.label;
}

double gibibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024 * 1024);
}

}  // namespace

std::vector<CellGroup> group_cells(const std::vector<Cell>& cells, const spec::Topology& topology) {
  std::vector<CellGroup> groups;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i == 0 || !same_fault(cells[i - 1], cells[i])) groups.emplace_back();
    groups.back().cells.push_back(i);
    for (const std::string& host : cells[i].targets()) {
      const spec::Tier* tier = topology.tier_of(host);
      groups.back().tiers.insert(tier != nullptr ? "tier " + tier->name : "host " + host);
    }
  }
  return groups;
}

std::vector<CellGroup> groups_with(const std::vector<CellGroup>& groups,
                                   const std::vector<std::size_t>& cells) {
  std::vector<CellGroup> chosen;
  std::ranges::copy_if(groups, std::back_inserter(chosen), [&](const CellGroup& group) {
    return std::ranges::find_first_of(group.cells, cells) != group.cells.end();
  });
  return chosen;
}

int most_labs_for(std::size_t groups) {
  const std::size_t worth = groups / groups_per_automatic_lab;
  return static_cast<int>(std::clamp<std::size_t>(worth, 1, most_automatic_labs));
}

LabCount labs_for(const Room& room, std::size_t groups) {
  const double cpus = room.cpus;
  const double used = std::max(cpus * (1 - room.idle), 0.01);
  const double memory_of_lab = std::max(static_cast<double>(room.memory_of_lab), 1.0);
  const double by_cpu = std::min(std::floor(cpus / (used * used_in_cells)), cpus);
  const double by_memory =
      1 + std::floor(usable_memory * static_cast<double>(room.memory_available) / memory_of_lab);
  const double most = most_labs_for(groups);
  LabCount count;
  count.labs = static_cast<int>(std::max(std::min({by_cpu, by_memory, most}), 1.0));
  count.why = fmt::format(
      "with one lab {:.2f} of {} CPUs are in use and it takes {:.1f} GiB of memory, {:.1f} GiB are "
      "left: room for {:.0f} by CPU, {:.0f} by memory, and the cells are worth {:.0f}",
      used, room.cpus, gibibytes(room.memory_of_lab), gibibytes(room.memory_available),
      std::max(by_cpu, 1.0), by_memory, most);
  return count;
}

LabShare::LabShare(std::vector<CellGroup> groups, int labs)
    : groups_(std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end())),
      labs_(labs) {}

std::optional<CellGroup> LabShare::take(int lab) {
  const std::lock_guard lock(mutex_);
  at_.erase(lab);
  if (groups_.empty()) return std::nullopt;
  const auto in_common = [this](const CellGroup& group) {
    return std::ranges::count_if(group.tiers, [this](const std::string& tier) {
      return std::ranges::any_of(at_, [&](const auto& at) { return at.second.contains(tier); });
    });
  };
  const auto chosen = std::ranges::min_element(groups_, {}, in_common);
  CellGroup next = std::move(*chosen);
  groups_.erase(chosen);
  at_[lab] = next.tiers;
  return next;
}

bool LabShare::empty() const {
  const std::lock_guard lock(mutex_);
  return groups_.empty();
}

void LabShare::give_up() {
  const std::lock_guard lock(mutex_);
  groups_.clear();
}

void LabShare::decide(int labs) {
  const std::lock_guard lock(mutex_);
  if (labs_ == 0) labs_ = labs;
  decided_.notify_all();
}

bool LabShare::is_decided() const {
  const std::lock_guard lock(mutex_);
  return labs_ > 0;
}

int LabShare::wait_until_decided() {
  std::unique_lock lock(mutex_);
  decided_.wait(lock, [this] { return labs_ > 0; });
  return labs_;
}

void LabShare::arrive() {
  const std::lock_guard lock(mutex_);
  ++arrived_;
}

void LabShare::leave(int lab) {
  const std::lock_guard lock(mutex_);
  ++gone_;
  at_.erase(lab);
  overloaded_ = 0;  // how it was with that lab tells nothing of how it is without
}

void LabShare::cell_ended(bool overloaded) {
  const std::lock_guard lock(mutex_);
  overloaded_ = overloaded ? overloaded_ + 1 : 0;
}

bool LabShare::give_way() {
  const std::lock_guard lock(mutex_);
  const int labs = labs_ - gone_;
  if (groups_.empty() || gone_ < giving_way_ || labs <= 1 ||
      overloaded_ < overloaded_cells_per_lab * labs)
    return false;
  giving_way_ = gone_ + 1;
  return true;
}

bool LabShare::all_arrived() const {
  const std::lock_guard lock(mutex_);
  return labs_ > 0 && arrived_ >= labs_;
}

int LabShare::beside() const {
  const std::lock_guard lock(mutex_);
  return std::max(labs_ - gone_ - 1, 0);
}

}  // namespace nospof::control
