#include "support.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <boost/json/parse.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "tests/support/places.hpp"

namespace nospof::e2e {

namespace {

constexpr const char* state_variable = "NOSPOF_STATE_DIR";

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

std::string proc_text(pid_t pid, const char* file) {
  try {
    return read_file(fmt::format("/proc/{}/{}", pid, file));
  } catch (const SystemError&) {
    return {};  // it has ended meanwhile
  }
}

std::string output_of(std::vector<std::string> argv) {
  SpawnOptions options;
  options.argv = std::move(argv);
  return run_command(options, std::chrono::seconds(10)).output;
}

}  // namespace

Sandbox::Sandbox() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nospof-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw SystemError("mkdtemp " + pattern, errno);
  folder_ = pattern;
}

Sandbox::~Sandbox() {
  try {
    for (const std::string& lab : labs()) run({"lab", "down", lab}, std::chrono::seconds(30));
    run({"recover"}, std::chrono::seconds(30));
    for (const ProcessId& process : processes()) send_signal(process, SIGKILL);
    std::filesystem::remove_all(folder_);
  } catch (const std::exception& e) {
    fmt::print(stderr, "end-to-end sandbox {}: {}\n", folder_, e.what());
  }
}

std::string Sandbox::lab_name(const std::string& hint) const {
  std::string suffix = folder_.substr(folder_.size() - 6);
  for (char& c : suffix) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return fmt::format("{}-{}-{}", hint, ::getpid(), suffix);
}

SpawnOptions Sandbox::options(const std::vector<std::string>& arguments) const {
  SpawnOptions spawn;
  spawn.argv = {test::built_program};
  spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
  spawn.environment = {{state_variable, folder_ + "/state"}};
  return spawn;
}

CommandResult Sandbox::run(const std::vector<std::string>& arguments,
                           std::chrono::seconds at_most) const {
  return run_command(options(arguments), at_most);
}

Child Sandbox::start(const std::vector<std::string>& arguments, const std::string& log) const {
  const UniqueFd out = open_file(folder_ + "/" + log, O_WRONLY | O_CREAT | O_APPEND);
  SpawnOptions spawn = options(arguments);
  spawn.stdout_fd = out.get();
  spawn.stderr_fd = out.get();
  return nospof::spawn(spawn);
}

std::vector<std::string> Sandbox::labs() const {
  std::vector<std::string> names;
  const std::string folder = folder_ + "/state/labs";
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_directory()) names.push_back(entry.path().filename());
  return names;
}

std::vector<ProcessId> Sandbox::processes() const {
  std::vector<ProcessId> found;
  const std::string mark = folder_ + "/state";
  for (const pid_t pid : all_pids()) {
    if (pid == ::getpid()) continue;
    // Daemons get a clean environment, but their host's cgroup carries the lab's name.
    const bool ours = proc_text(pid, "environ").find(mark) != std::string::npos ||
                      proc_text(pid, "cmdline").find(mark) != std::string::npos;
    if (!ours) continue;
    if (const auto state = read_process(pid); state && state->state != 'Z')
      found.push_back(state->id);
  }
  return found;
}

std::string source(const std::string& path) {
  return std::string(test::source_folder) + "/" + path;
}

std::string file_below(const std::string& folder, const std::string& name) {
  if (!std::filesystem::exists(folder)) return {};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename() == name) return entry.path();
  return {};
}

boost::json::object result_in(const std::string& runs) {
  const std::string file = file_below(runs, "result.json");
  if (file.empty()) throw Error("no result.json below " + runs);
  return boost::json::parse(read_file(file)).as_object();
}

bool eventually(std::chrono::milliseconds at_most, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::map<std::string, std::string> machine_state() {
  return {{"links", output_of({"ip", "-o", "link", "show"})},
          {"addresses", output_of({"ip", "-o", "addr", "show"})},
          {"routes", output_of({"ip", "route", "show", "table", "all"})},
          {"rules", output_of({"ip", "rule", "show"})},
          {"firewall", output_of({"nft", "list", "ruleset"})},
          {"named namespaces", output_of({"ip", "netns", "list"})},
          {"mounts", read_file("/proc/self/mounts")},
          {"host name", output_of({"uname", "-n"})}};
}

std::string command_of(pid_t pid) {
  std::string line = proc_text(pid, "cmdline");
  std::ranges::replace(line, '\0', ' ');
  return line;
}

std::vector<ProcessId> children_with(pid_t parent, const std::string& word) {
  std::vector<ProcessId> found;
  for (const pid_t pid : all_pids()) {
    const auto state = read_process(pid);
    if (!state || state->parent != parent) continue;
    if ((" " + command_of(pid)).find(" " + word + " ") != std::string::npos)
      found.push_back(state->id);
  }
  return found;
}

}  // namespace nospof::e2e
