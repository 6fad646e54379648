// Labs as they are found on disk: opening, listing, sweeping.

#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "lab/lab.hpp"
#include "lab/record.hpp"
#include "lab/running_lab.hpp"
#include "spec/reader.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/host_limits.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;

namespace {

// Whoever makes one puts the lock there first, and dies between the two with an empty folder.
bool is_labs_folder(const Layout& layout) {
  return fs::exists(layout.lock_file()) || fs::is_empty(layout.folder);
}

std::string foreign_text(const Layout& layout) {
  return fmt::format("{} was not made by nospof (it has no file 'lock'), and is left alone",
                     layout.folder);
}

std::string names_of_living() {
  std::string names;
  for (const LabEntry& entry : list_labs())
    if (entry.alive) names += (names.empty() ? "" : ", ") + entry.name;
  return names.empty() ? "no lab is up" : "these are up: " + names;
}

}  // namespace

std::unique_ptr<Lab> open_lab(const std::string& name) {
  check_lab_name(name);
  const Layout layout = Layout::of(state_root(), name);
  if (!fs::exists(layout.folder))
    throw Error(fmt::format("there is no lab '{}'; {}", name, names_of_living()));
  if (!is_folder_held(layout))
    throw Error(fmt::format(
        "lab '{0}' is dead: its keeper is gone; 'nospof lab down {0}' removes what is left", name));
  LabRecord record = read_record(layout);
  spec::Topology topology = spec::read_topology(record.topology_copy);
  return std::make_unique<RunningLab>(layout, std::move(record), std::move(topology));
}

std::string end_lab(const std::string& name) {
  check_lab_name(name);
  const Layout layout = Layout::of(state_root(), name);
  if (!fs::exists(layout.folder))
    throw Error(fmt::format("there is no lab '{}'; {}", name, names_of_living()));
  if (!is_folder_held(layout)) {
    const UniqueFd lock = lock_root(state_root());
    // Somebody may have claimed it anew until the lock was ours.
    if (fs::exists(layout.folder) && !is_folder_held(layout)) return remove_remains(layout);
  }
  std::unique_ptr<KeeperClient> client;
  try {
    client = std::make_unique<KeeperClient>(name, layout);
  } catch (const Error&) {
    // It has not got as far as listening, or it hangs: then it goes by force.
  }
  OwnKeeper not_ours;
  end_with_keeper(layout, client.get(), not_ours);
  return fmt::format("lab {} is down, everything of it is removed", name);
}

std::vector<LabEntry> list_labs() {
  std::vector<LabEntry> entries;
  const std::string root = state_root();
  for (const std::string& name : lab_folders(root)) {
    const Layout layout = Layout::of(root, name);
    LabEntry entry{name, {}, is_folder_held(layout)};
    try {
      entry.topology_file = read_record(layout).topology_file;
    } catch (const std::exception&) {
      // Its maker is just starting, or died before it could write the record.
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string remove_remains(const Layout& layout) {
  const std::string name = fs::path(layout.folder).filename().string();
  check_lab_name(name);
  if (!is_labs_folder(layout)) throw Error(foreign_text(layout) + "; choose another name");
  const std::string cgroup = lab_cgroup(cgroup2_mount(), state_root(), name);
  const std::size_t ended = cgroup_members(cgroup).size();
  if (fs::exists(cgroup)) kill_cgroup(cgroup);
  if (!remove_cgroup(cgroup, std::chrono::seconds(10)))
    throw Error(
        fmt::format("lab {}: processes in cgroup {} do not die; its folder is kept", name, cgroup));
  ::rmdir(fs::path(cgroup).parent_path().c_str());
  try {
    remove_limit_groups(read_record(layout).limit_groups);
  } catch (const std::exception&) {
    // Its maker died before it could write the record: then it had made no group either.
  }
  fs::remove_all(layout.folder);
  return fmt::format("lab {}: its keeper was gone; removed its folder, ended {} processes", name,
                     ended);
}

SweepResult sweep_dead_labs(const std::string& only) {
  const std::string root = state_root();
  SweepResult result;
  if (!fs::exists(root + "/labs")) return result;
  const UniqueFd lock = lock_root(root);
  for (const std::string& name : lab_folders(root)) {
    if (!only.empty() && name != only) continue;
    const Layout layout = Layout::of(root, name);
    if (is_folder_held(layout)) continue;
    if (!is_labs_folder(layout)) {
      result.lines.push_back(foreign_text(layout));
      continue;
    }
    try {
      result.lines.push_back(remove_remains(layout));
    } catch (const std::exception& e) {
      result.lines.emplace_back(e.what());
      result.complete = false;
    }
  }
  return result;
}

}  // namespace nospof::lab
