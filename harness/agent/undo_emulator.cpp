#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "agent/undo_operations.hpp"
#include "system/nftables.hpp"
#include "system/process.hpp"

namespace nospof::agent {

using namespace std::chrono_literals;

namespace {

// It lets go of the packets that it holds when its owner is gone; killed, it would lose them.
constexpr auto lets_go_within = 500ms;
constexpr auto gone_within = 2s;

bool same_network(const std::string& process) {
  struct stat own {};
  struct stat other {};
  return ::stat("/proc/thread-self/ns/net", &own) == 0 &&
         ::stat(fmt::format("/proc/{}/ns/net", process).c_str(), &other) == 0 &&
         own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

// The name is random enough to belong to nobody else; the network tells it from another host's.
std::vector<ProcessId> processes_named(const std::string& name) {
  std::vector<ProcessId> found;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failure)) {
    const std::string number = entry.path().filename();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto state = read_process(std::stoi(number));
    if (state && state->command == name && state->state != 'Z' && same_network(number))
      found.push_back(state->id);
  }
  return found;
}

bool has_table_named(const std::string& name) {
  const auto tables = NftContext().tables();
  return std::any_of(tables.begin(), tables.end(),
                     [&name](const NftTable& table) { return table.name == name; });
}

}  // namespace

UndoResult undo_packet_emulator(const json::object& record, kinds::HostEnv&) {
  const std::string table = text_field(record, "table");
  const std::string process = text_field(record, "process");
  const auto begin = std::chrono::steady_clock::now();
  bool seen = false;
  bool killed = false;
  while (has_table_named(table)) {
    seen = true;
    const auto waited = std::chrono::steady_clock::now() - begin;
    if (waited >= gone_within)
      return {false, killed,
              fmt::format("nftables table {} is still there: end process '{}', which owns it",
                          table, process)};
    if (waited >= lets_go_within && !killed)
      for (const ProcessId& id : processes_named(process)) killed = send_signal(id, SIGKILL);
    std::this_thread::sleep_for(5ms);
  }
  return {
      true, seen,
      fmt::format("nftables table {} is gone{}", table, killed ? ", its process was killed" : "")};
}

}  // namespace nospof::agent
