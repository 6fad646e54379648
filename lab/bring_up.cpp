// From a topology to a lab that serves.

#include <filesystem>
#include <future>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "lab/certificate_files.hpp"
#include "lab/lab.hpp"
#include "lab/readiness.hpp"
#include "lab/recipe.hpp"
#include "lab/record.hpp"
#include "lab/render.hpp"
#include "lab/running_lab.hpp"
#include "lab/service_state.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/own_program.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds keeper_start_deadline{10};

// Everything that can be known to be missing is told before anything is made.
void check_can_run(const spec::Topology& topology) {
  if (::geteuid() != 0)
    throw Error("a lab needs root: it makes namespaces and cgroups; run nospof with sudo");
  for (const char* program : {"tini", "runsvdir", "chpst", "curl"}) find_program(program);
  cgroup2_mount();
  for (const spec::Host& host : topology.hosts)
    if (host.transport != spec::TransportKind::lab)
      throw MissingCapability(fmt::format(
          "{}:{}: host {} cannot be driven: only hosts with transport lab can, as yet. Try the "
          "topology in a lab first, with transport lab",
          topology.file, host.mark.line, host.name));
}

// One lab on its way up; removes what it made unless it is finished.
class Maker {
 public:
  Maker(const spec::Topology& topology, const UpOptions& options)
      : topology_(topology),
        options_(options),
        layout_(Layout::of(state_root(), options.name)),
        start_(clock_.now()) {}

  std::unique_ptr<Lab> make() {
    claim();
    try {
      write_files();
      RunningLab& lab = start_keeper();
      lab.boot_all([](const std::string&) {});
      tell(fmt::format("{} hosts up", topology_.hosts.size()));
      wait_until_ready(
          lab, layout_, [this](const std::string& line) { tell(line); }, options_.ready_deadline,
          clock_);
      tell(topology_.workload.url.empty() ? "every daemon runs"
                                          : "first request passed end to end");
      if (!options_.owned) lab.release();
      return std::move(lab_);
    } catch (const std::exception& e) {
      const std::string reason = fmt::format("lab {} did not come up: {}", options_.name, e.what());
      throw Error(reason + remove());
    }
  }

 private:
  void claim() {
    const UniqueFd lock = lock_root(state_root());
    if (fs::exists(layout_.folder) && !is_folder_held(layout_)) tell(remove_remains(layout_));
    record_.cgroup = lab_cgroup(cgroup2_mount(), state_root(), options_.name);
    // Before anything is made: what is there then is not of this lab, and not for it to end.
    const bool clear = fs::exists(layout_.folder) || !fs::exists(record_.cgroup) ||
                       remove_cgroup(record_.cgroup, std::chrono::milliseconds(0));
    if (!clear) throw Error(fmt::format("cgroup {} is in use by something else", record_.cgroup));
    folder_lock_ = claim_folder(layout_);
  }

  void write_files() {
    record_.name = options_.name;
    record_.topology_file = fs::absolute(topology_.file).lexically_normal().string();
    record_.topology_copy =
        layout_.topology_folder() + "/" + fs::path(topology_.file).filename().string();
    record_.secrets = make_secrets(topology_);
    const LimitGroups groups = plan_limit_groups(record_.cgroup, CgroupFacts::of_this_process());
    for (const std::string& folder : groups.all())
      if (folder != record_.cgroup) record_.limit_groups.push_back(folder);
    write_record(layout_, record_);
    copy_topology();
    fs::create_directory(layout_.journal());
    fs::permissions(layout_.journal(), fs::perms::owner_all);
    auto certificates = std::async(
        std::launch::async, [this] { write_certificates(topology_, layout_, clock_.wall()); });
    std::vector<HostPlan> plans = plan_hosts({topology_, layout_, record_.secrets});
    certificates.get();
    LabRecipe recipe =
        make_recipe(options_.name, layout_, record_.cgroup, topology_, std::move(plans));
    recipe.program = own_program_path();
    for (HostRecipe& host : recipe.hosts)
      host.groups = needed_groups(plan_limit_groups(host.cgroup, CgroupFacts::of_this_process()),
                                  host.limits);
    write_recipe(layout_.recipes_file(), recipe);
    tell("files and certificates written");
  }

  // The lab's own copy, so that it stays what it is when the original is edited.
  void copy_topology() {
    fs::create_directory(layout_.topology_folder());
    fs::copy_file(topology_.file, record_.topology_copy);
    for (const spec::Service& service : topology_.services)
      for (const std::string& file : service.files) {
        const std::string target = layout_.topology_folder() + "/" + file;
        fs::create_directories(fs::path(target).parent_path());
        fs::copy_file(topology_.folder + "/" + file, target, fs::copy_options::overwrite_existing);
      }
  }

  RunningLab& start_keeper() {
    Pipe lifeline = make_pipe();
    Pipe started = make_pipe();
    const UniqueFd program = open_own_program();
    const UniqueFd log = open_file(layout_.keeper_log(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    SpawnOptions options;
    options.argv = {"nospof", "lab-keeper", layout_.folder};
    options.program_fd = program.get();
    options.directory = "/";
    options.stdin_fd = lifeline.read_end.get();
    options.stdout_fd = started.write_end.get();
    options.stderr_fd = log.get();
    options.new_session = true;
    OwnKeeper keeper{spawn(options), std::move(lifeline.write_end)};
    lifeline.read_end.reset();
    started.write_end.reset();
    pollfd entry{started.read_end.get(), POLLIN, 0};
    char byte = 0;
    constexpr int wait_ms = std::chrono::milliseconds(keeper_start_deadline).count();
    if (::poll(&entry, 1, wait_ms) <= 0 || ::read(started.read_end.get(), &byte, 1) != 1)
      throw Error("its keeper did not start:" + keeper_words());
    spec::Topology copy = topology_;
    copy.file = record_.topology_copy;
    copy.folder = layout_.topology_folder();
    lab_ = std::make_unique<RunningLab>(layout_, record_, std::move(copy), std::move(keeper));
    folder_lock_.reset();
    return *lab_;
  }

  std::string keeper_words() const {
    std::string words;
    for (const std::string& line : last_lines(layout_.keeper_log(), 5)) words += "\n    " + line;
    return words;
  }

  // Takes everything away again; returns what has to be added to the error.
  std::string remove() {
    try {
      if (lab_) {
        lab_->down();
      } else {
        const UniqueFd lock = lock_root(state_root());
        folder_lock_.reset();
        remove_remains(layout_);
      }
      return {};
    } catch (const std::exception& e) {
      return fmt::format("\nand it could not be removed: {}", e.what());
    }
  }

  void tell(const std::string& line) const {
    const double seconds = std::chrono::duration<double>(clock_.now() - start_).count();
    if (options_.progress) options_.progress(fmt::format("{:5.1f} s  {}", seconds, line));
  }

  const spec::Topology& topology_;
  const UpOptions& options_;
  SystemClock clock_;
  Layout layout_;
  MonoTime start_;
  LabRecord record_;
  UniqueFd folder_lock_;
  std::unique_ptr<RunningLab> lab_;
};

}  // namespace

std::unique_ptr<Lab> bring_up(const spec::Topology& topology, const UpOptions& options) {
  check_lab_name(options.name);
  check_can_run(topology);
  return Maker(topology, options).make();
}

}  // namespace nospof::lab
