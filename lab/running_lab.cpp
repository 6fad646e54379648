#include "lab/running_lab.hpp"

#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>

#include "lab/recipe.hpp"
#include "lab/render.hpp"
#include "lab/service_state.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"

namespace nospof::lab {

namespace json = boost::json;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds answer_deadline{10};
constexpr seconds boot_deadline{30};
constexpr seconds down_deadline{30};

}  // namespace

HostNamespaces::HostNamespaces(pid_t init_pid) {
  // uts, ipc and net are open to any thread; mnt hides this machine's /proc; pid counts for
  // children.
  for (const int type : {CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID})
    entries_.emplace_back(open_namespace(init_pid, type), type);
}

std::vector<NamespaceFd> HostNamespaces::list() const {
  std::vector<NamespaceFd> result;
  for (const auto& [fd, type] : entries_) result.push_back({fd.get(), type});
  return result;
}

RunningLab::RunningLab(Layout layout, LabRecord record, spec::Topology topology)
    : RunningLab(std::move(layout), std::move(record), std::move(topology), OwnKeeper{}) {}

RunningLab::RunningLab(Layout layout, LabRecord record, spec::Topology topology, OwnKeeper keeper)
    : layout_(std::move(layout)),
      record_(std::move(record)),
      topology_(std::move(topology)),
      client_(record_.name, layout_),
      keeper_(std::move(keeper)) {}

RunningLab::~RunningLab() {
  if (keeper_.lifeline) {
    keeper_.lifeline.reset();
    try {
      keeper_.process.wait(down_deadline);
    } catch (const std::exception&) {
      // It has the end of the pipe and does its work without us.
    }
  }
  keeper_.process.release();
}

std::vector<HostStatus> RunningLab::status() {
  std::vector<HostStatus> result;
  const json::object answer = client_.request("status", {}, answer_deadline);
  for (const json::value& value : answer.at("hosts").as_array()) {
    const json::object& entry = value.as_object();
    HostStatus status;
    status.name = std::string(entry.at("name").as_string());
    status.on = entry.at("on").as_bool();
    status.init_pid = static_cast<pid_t>(entry.at("pid").as_int64());
    status.detail = std::string(entry.at("detail").as_string());
    const HostLayout host = layout_.host(status.name);
    for (const std::string& service : known_host(status.name).services) {
      const bool up = status.on && read_service(host.service_folder(service)).running;
      (up ? status.services_up : status.services_down).push_back(service);
    }
    result.push_back(std::move(status));
  }
  return result;
}

HostNamespaces RunningLab::enter(const std::string& host) {
  known_host(host);
  for (const HostStatus& status : this->status()) {
    if (status.name != host) continue;
    if (status.on) return HostNamespaces(status.init_pid);
    throw Error(fmt::format("lab {}: host {} is off{}{}", name(), host,
                            status.detail.empty() ? "" : ": ", status.detail));
  }
  throw Error(fmt::format("lab {}: its keeper knows no host {}", name(), host));
}

std::string RunningLab::service_folder(const std::string& host) const {
  return layout_.host(known_host(host).name).sv;
}

std::string RunningLab::cgroup_folder(const std::string& host) const {
  return record_.cgroup + "/" + known_host(host).name;
}

std::string RunningLab::data_folder(const std::string& host) const {
  return layout_.host(known_host(host).name).data;
}

std::string RunningLab::log_folder(const std::string& host) const {
  return layout_.host(known_host(host).name).log;
}

std::string RunningLab::authority_file(const std::string& authority) const {
  for (const spec::Authority& known : topology_.authorities)
    if (known.name == authority) return layout_.authority_certificate(authority);
  throw Error(fmt::format("lab {}: there is no authority '{}'", name(), authority));
}

HostLayout RunningLab::host_layout(const std::string& host) const {
  return layout_.host(known_host(host).name);
}

IssuedCertificate RunningLab::issue_other_certificate(const std::string& host,
                                                      const std::string& service,
                                                      const OtherCertificate& other) const {
  return lab::issue_other_certificate(topology_, layout_, known_host(host).name, service, other,
                                      SystemClock().wall());
}

std::vector<std::string> RunningLab::render_words(const std::string& host,
                                                  const std::vector<std::string>& words) {
  known_host(host);
  return lab::render_words({topology_, layout_, record_.secrets}, host, words,
                           fmt::format("words for host {}", host));
}

std::string RunningLab::mac(const std::string& host) const {
  return mac_of_address(known_host(host).address);
}

void RunningLab::power_off(const std::string& host, std::chrono::nanoseconds at_most) {
  known_host(host);
  client_.request("power_off", {{"host", host}, {"at_most_ns", at_most.count()}}, answer_deadline);
}

void RunningLab::power_on(const std::string& host) {
  known_host(host);
  client_.request("power_on", {{"host", host}}, boot_deadline);
}

void RunningLab::boot_all(const std::function<void(const std::string& host)>& on_host) {
  client_.request("boot", {}, boot_deadline, [&on_host](const json::object& event) {
    on_host(std::string(event.at("host").as_string()));
  });
}

void RunningLab::release() {
  client_.request("release", {}, answer_deadline);
  keeper_.lifeline.reset();
}

void RunningLab::down() {
  if (down_) return;
  end_with_keeper(layout_, &client_, keeper_);
  down_ = true;
}

void end_with_keeper(const Layout& layout, KeeperClient* client, OwnKeeper& own) {
  std::string refusal;
  const auto keeper = read_keeper(layout);
  try {
    if (client == nullptr) throw Error("its keeper can't be reached");
    client->request("down", {}, down_deadline);
  } catch (const Error& e) {
    refusal = e.what();
  }
  own.lifeline.reset();
  const auto has_ended = [&](milliseconds at_most) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (keeper && is_alive(*keeper)) {
      if (std::chrono::steady_clock::now() >= end) return false;
      own.process.wait(milliseconds(0));
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  };
  // A keeper that does not do it: the kernel takes the hosts away with it, the rest is done here.
  if (!has_ended(seconds(2)) && send_signal(*keeper, SIGKILL)) has_ended(seconds(10));
  own.process.wait(seconds(2));
  own.process.release();
  if (refusal.empty()) return;
  const UniqueFd lock = lock_root(state_root());
  if (!is_folder_held(layout))
    remove_remains(layout);
  else if (read_keeper(layout) == keeper)
    throw Error(refusal);
}

const spec::Host& RunningLab::known_host(const std::string& host) const {
  const spec::Host* found = topology_.find_host(host);
  if (found != nullptr) return *found;
  std::string known;
  for (const spec::Host& one : topology_.hosts) known += (known.empty() ? "" : ", ") + one.name;
  throw Error(fmt::format("lab {} has no host '{}'; it has {}", name(), host, known));
}

}  // namespace nospof::lab
