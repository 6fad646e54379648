#pragma once
// Everything that a fault could leave behind: on the host of a lab where it acts, at the lab's
// switch, on the other hosts, and as processes on the machine.

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host_state.hpp"
#include "lab/layout.hpp"
#include "lab/record.hpp"
#include "lab/services.hpp"
#include "lab_fixture.hpp"
#include "system/host_limits.hpp"
#include "system/namespaces.hpp"

namespace nospof::test {

/// Text of a file that may go at any moment; empty then.
inline std::string text_if_there(const std::string& path) {
  try {
    return read_file(path);
  } catch (const SystemError&) {
    return {};
  }
}

inline std::string joined(const auto& lines) {
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

class WatchedHost {
 public:
  WatchedHost(lab::Lab& lab, std::string host) : lab_(lab), host_(std::move(host)) {}

  /// Nothing may be missing from it: what can't be read is said in a part of its own.
  HostState state() const {
    try {
      const std::vector<lab::HostStatus> hosts = lab_.status();
      const auto host = std::ranges::find(hosts, host_, &lab::HostStatus::name);
      if (host == hosts.end() || !host->on) return {{"host", "off"}};
      const lab::HostNamespaces namespaces(host->init_pid);
      HostState state = network_state(namespaces.list());
      const std::string process = fmt::format("/proc/{}", host->init_pid);
      state["settings"] = settings(namespaces.list());
      state["sockets"] = sockets(process + "/net/");
      state["mounts"] = read_file(process + "/mounts");
      state["processes"] = processes(process);
      state["services"] = services(*host);
      state["files"] = files(process + "/root");
      state["cgroups"] = cgroups(host->init_pid);
      state["switch"] = lab_switch();
      state["neighbours"] = wrong_neighbours(hosts);
      return state;
    } catch (const std::exception& e) {
      // Off, or on its way back, or a process went between two looks.
      return {{"host", e.what()}};
    }
  }

 private:
  // All that can be set in the host's network, conntrack included.
  static std::string settings(const std::vector<NamespaceFd>& namespaces) {
    std::set<std::string> found;
    const auto network = std::ranges::find(namespaces, CLONE_NEWNET, &NamespaceFd::type);
    in_namespaces({*network}, [&found] {
      for (const auto& entry : std::filesystem::recursive_directory_iterator("/proc/sys/net")) {
        const std::string path = entry.path();
        // A number that traffic changes.
        if (entry.is_directory() || path.ends_with("/nf_conntrack_count")) continue;
        found.insert(path + " " + text_if_there(path));
      }
    });
    return joined(found);
  }

  // Who listens to the network; queues of packets; names that helper processes hold.
  static std::string sockets(const std::string& net) {
    std::multiset<std::string> found;
    constexpr const char* listening = "0A";
    for (const char* table : {"tcp", "tcp6", "udp", "udp6", "raw", "raw6"}) {
      std::istringstream lines(text_if_there(net + table));
      std::string number;
      std::string local;
      std::string remote;
      std::string state;
      std::string line;
      std::getline(lines, line);
      while (std::getline(lines, line)) {
        std::istringstream(line) >> number >> local >> remote >> state;
        if (!std::string_view(table).starts_with("tcp") || state == listening)
          found.insert(fmt::format("{} {}", table, local));
      }
    }
    std::istringstream packets(text_if_there(net + "packet"));
    for (std::string line; std::getline(packets, line);) found.insert("packet");
    std::istringstream queues(text_if_there(net + "netfilter/nfnetlink_queue"));
    for (std::string line; std::getline(queues, line);) found.insert("queue " + line);
    std::istringstream names(text_if_there(net + "unix"));
    for (std::string line; std::getline(names, line);)
      if (const auto at = line.find("@nospof"); at != std::string::npos)
        found.insert(line.substr(at));
    return joined(found);
  }

  // The host's, and whatever else on the machine was started for this test's labs.
  static std::string processes(const std::string& of_host) {
    const auto pids_of = [](const std::string& process) {
      std::error_code failure;
      return std::filesystem::read_symlink(process + "/ns/pid", failure).string();
    };
    const std::string host = pids_of(of_host);
    const std::string mark = fmt::format("NOSPOF_STATE_DIR={}", lab::state_root());
    std::multiset<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string number = entry.path().filename();
      if (number.find_first_not_of("0123456789") != std::string::npos) continue;
      const bool on_host = pids_of(entry.path()) == host;
      if (!on_host && text_if_there(entry.path() / "environ").find(mark) == std::string::npos)
        continue;
      const auto state = read_process(std::stoi(number));
      if (!state || state->state == 'Z') continue;
      const bool stopped = state->state == 'T' || state->state == 't';
      found.insert(fmt::format("{} {}{}", on_host ? "host:" : "machine:", state->command,
                               stopped ? " stopped" : ""));
    }
    return joined(found);
  }

  // How each service stands with its supervisor, and the limits of its processes.
  std::string services(const lab::HostStatus& host) const {
    std::string found;
    for (const std::string& name : host.services_up) {
      std::set<std::string> limits;
      for (const pid_t pid : cgroup_members(lab::service_cgroup(lab_.cgroup_folder(host_), name)))
        limits.insert(read_file(fmt::format("/proc/{}/limits", pid)));
      found += fmt::format("{} {}{}", name,
                           read_file(lab_.service_folder(host_) + "/" + name + "/supervise/stat"),
                           fmt::join(limits, ""));
    }
    for (const std::string& name : host.services_down) found += name + " down\n";
    return found;
  }

  // Content of the configuration; names, owners and modes of what the host has for itself, and how
  // much of its file systems is in use, which includes files without a name.
  std::string files(const std::string& root) const {
    std::set<std::string> found;
    const std::string folder = lab_.folder() + "/hosts/" + host_;
    add_files(root, folder + "/etc", true, found);
    add_files(root, folder + "/sv", false, found);
    for (const char* path : {"/etc/hosts", "/etc/resolv.conf"})
      found.insert(described(root, path, true));
    for (const std::string& own :
         {lab_.data_folder(host_), std::string("/tmp"), std::string("/var/tmp"),
          std::string("/var/log"), std::string("/dev/shm"), std::string("/run")}) {
      add_files(root, own, false, found);
      struct statvfs space {};
      check("statvfs " + own, ::statvfs((root + own).c_str(), &space));
      found.insert(fmt::format("{} {} blocks and {} files used", own,
                               space.f_blocks - space.f_bfree, space.f_files - space.f_ffree));
    }
    return joined(found);
  }
  void add_files(const std::string& root, const std::string& folder, bool content,
                 std::set<std::string>& found) const {
    auto entry = std::filesystem::recursive_directory_iterator(root + folder);
    for (; entry != std::filesystem::recursive_directory_iterator(); ++entry) {
      const std::string path = entry->path().string().substr(root.size());
      const std::string name = entry->path().filename();
      // What a supervisor keeps, and the starts that it counts, are asked of it. A lab may lie in
      // a folder of which its hosts have their own.
      if (name == "supervise" || path == lab_.folder()) entry.disable_recursion_pending();
      if (name != "starts") found.insert(described(root, path, content));
    }
  }
  static std::string described(const std::string& root, const std::string& path, bool content) {
    struct stat status {};
    check("lstat " + path, ::lstat((root + path).c_str(), &status));
    std::string text =
        fmt::format("{} {:o} {}:{}", path, status.st_mode, status.st_uid, status.st_gid);
    if (!content || !S_ISREG(status.st_mode)) return text;
    const std::string all = read_file(root + path);
    return text + fmt::format(" {} {:016x}", all.size(), std::hash<std::string>{}(all));
  }

  // Folders and settings of the host's cgroups; their numbers of processes and events come and go.
  std::string cgroups(pid_t init) const {
    static constexpr std::array settings{"cgroup.freeze",
                                         "cpu.max",
                                         "cpu.weight",
                                         "memory.max",
                                         "memory.high",
                                         "pids.max",
                                         "io.max",
                                         "cpuset.cpus",
                                         "cpu.cfs_quota_us",
                                         "cpu.cfs_period_us",
                                         "cpu.shares",
                                         "freezer.state",
                                         "memory.limit_in_bytes",
                                         "notify_on_release",
                                         "cgroup.clone_children"};
    const std::string top = lab_.cgroup_folder(host_);
    const CgroupFacts facts{read_file("/proc/self/mounts"),
                            read_file(fmt::format("/proc/{}/cgroup", init)),
                            read_file(top + "/cgroup.controllers")};
    std::vector<std::string> folders = find_limit_groups(top, facts).all();
    folders.push_back(top);
    std::set<std::string> found;
    for (const std::string& folder : folders) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string path = entry.path();
        const std::string name = entry.path().filename();
        if (entry.is_directory()) found.insert(path);
        if (std::ranges::find(settings, name) != settings.end())
          found.insert(path + " " + read_file(path));
      }
    }
    return joined(found);
  }

  // Ports of the lab's switch, and whether they forward.
  std::string lab_switch() const {
    const auto keeper = lab::read_keeper(lab::Layout{lab_.folder()});
    if (!keeper) throw Error("the lab has no keeper");
    const UniqueFd network = open_file(fmt::format("/proc/{}/ns/net", keeper->pid), O_RDONLY);
    std::istringstream lines(
        without_indexes(tool_output({{network.get(), CLONE_NEWNET}}, {"bridge", "link", "show"})));
    std::multiset<std::string> found;
    for (std::string line; std::getline(lines, line);) found.insert(line);
    return joined(found);
  }

  // Other hosts that believe an address of the lab to be where it is not.
  std::string wrong_neighbours(const std::vector<lab::HostStatus>& hosts) const {
    std::map<std::string, std::string> where;
    for (const spec::Host& host : lab_.topology().hosts) where[host.address] = lab_.mac(host.name);
    std::set<std::string> found;
    for (const lab::HostStatus& host : hosts) {
      std::istringstream lines(text_if_there(fmt::format("/proc/{}/net/arp", host.init_pid)));
      std::string line;
      std::getline(lines, line);
      while (std::getline(lines, line)) {
        std::string address;
        std::string type;
        std::string flags;
        std::string mac;
        std::istringstream(line) >> address >> type >> flags >> mac;
        const auto expected = where.find(address);
        const bool complete = flags != "0x0";
        if (complete && (expected == where.end() || mac != expected->second))
          found.insert(fmt::format("{}: {} at {}", host.name, address, mac));
      }
    }
    return joined(found);
  }

  lab::Lab& lab_;
  std::string host_;
};

}  // namespace nospof::test
