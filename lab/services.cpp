#include "lab/services.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/accounts.hpp"
#include "lab/firewall.hpp"
#include "lab/supervision.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;

namespace {

// Collects the templates of all hosts for one rendering, and where each result belongs. Results are
// taken in the order in which they were put.
class Batch {
 public:
  explicit Batch(const Facts& facts) : facts_(facts) {}

  void put(const spec::Host& host, const spec::Service& service, const std::string& text,
           const std::string& what) {
    templates_.push_back({text, facts_.topology.file, std::max(service.mark.line, 1),
                          fmt::format("{} of service {}", what, service.name), host.name,
                          service.name});
  }
  void put_file(const spec::Host& host, const spec::Service& service, const std::string& path,
                const std::string& text) {
    templates_.push_back({text, path, 1, "", host.name, service.name});
  }
  void run() { texts_ = render(facts_, templates_); }
  std::string take() { return std::move(texts_.at(next_++)); }

 private:
  const Facts& facts_;
  std::vector<Template> templates_;
  std::vector<std::string> texts_;
  std::size_t next_ = 0;
};

bool is_template(const std::string& file) {
  return file.ends_with(".j2");
}

std::string target_name(const std::string& file) {
  return is_template(file) ? file.substr(0, file.size() - 3) : file;
}

// Contents of the files of all services, each read once.
std::map<std::string, std::string> read_sources(const spec::Topology& topology) {
  std::map<std::string, std::string> sources;
  for (const auto& service : topology.services) {
    for (const auto& file : service.files) {
      const fs::path path(file);
      const bool inside = path.is_relative() && !path.empty() &&
                          std::find(path.begin(), path.end(), "..") == path.end() &&
                          !target_name(file).starts_with("tls/");
      if (!inside)
        throw Error(
            fmt::format("{}:{}: service '{}': file '{}' must be a path beside the topology "
                        "(and not in tls/)",
                        topology.file, service.mark.line, service.name, file));
      if (!sources.contains(file)) sources[file] = read_file(topology.folder + "/" + file);
    }
  }
  return sources;
}

void put_service(Batch& batch, const spec::Topology& topology, const spec::Host& host,
                 const spec::Service& service, const std::map<std::string, std::string>& sources) {
  for (const auto& word : service.command) batch.put(host, service, word, "command");
  for (const auto& words : service.prepare)
    for (const auto& word : words) batch.put(host, service, word, "prepare");
  for (const auto& [name, value] : service.environment)
    batch.put(host, service, value, "environment " + name);
  for (const auto& file : service.files)
    if (is_template(file))
      batch.put_file(host, service, topology.folder + "/" + file, sources.at(file));
}

ServicePlan take_service(Batch& batch, const HostLayout& layout, const spec::Service& service,
                         const std::map<std::string, std::string>& sources) {
  ServicePlan plan;
  plan.name = service.name;
  plan.user = service.user;
  plan.restart = service.restart;
  plan.restart_delay = service.restart_delay;
  plan.stop_signal = service.stop_signal;
  plan.kill_mode = service.kill_mode;
  plan.start_limit_burst = service.start_limit_burst;
  plan.start_limit_interval = service.start_limit_interval;
  for (std::size_t i = 0; i < service.command.size(); ++i) plan.command.push_back(batch.take());
  for (const auto& words : service.prepare) {
    auto& rendered = plan.prepare.emplace_back();
    for (std::size_t i = 0; i < words.size(); ++i) rendered.push_back(batch.take());
  }
  for (const auto& [name, value] : service.environment) plan.environment[name] = batch.take();
  for (const auto& file : service.files) {
    std::string text = is_template(file) ? batch.take() : sources.at(file);
    const bool executable = text.starts_with("#!");
    plan.files.push_back({layout.etc + "/" + target_name(file), std::move(text), executable});
  }
  return plan;
}

void check_files(const HostPlan& host) {
  std::map<std::string, std::pair<const ConfigFile*, const ServicePlan*>> seen;
  for (const auto& service : host.services) {
    for (const auto& file : service.files) {
      const auto [it, fresh] = seen.try_emplace(file.path, &file, &service);
      if (!fresh && it->second.first->text != file.text)
        throw Error(
            fmt::format("host {}: services '{}' and '{}' both have a file '{}', and they "
                        "differ; rename one",
                        host.host, it->second.second->name, service.name,
                        fs::path(file.path).filename().string()));
    }
  }
}

void remove_all_but(const std::string& folder, const std::string& kept) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != kept) entries.push_back(entry.path());
  for (const auto& path : entries) fs::remove_all(path);
}

// Secrets stay with the user that needs them; root's daemons drop to users that nobody told us of.
void write_config_file(const ConfigFile& file, const Account& user, bool shared) {
  make_folder(fs::path(file.path).parent_path());
  const mode_t open_mode = file.executable ? 0755 : 0644;
  const bool everyone = shared || user.uid == 0;
  write_owned_file(file.path, file.text, everyone ? open_mode : open_mode & 0750U, 0,
                   everyone ? 0 : user.gid);
}

// The log belongs to the service's user: daemons reopen /dev/stdout, which needs more than the
// descriptor.
void make_log_file(const std::string& path, const Account& user) {
  const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0644);
  check("chown " + path, ::fchown(fd.get(), user.uid, user.gid));
  check("chmod " + path, ::fchmod(fd.get(), 0644));
}

// runsvdir sleeps for a second before it looks into a folder that has just changed.
void make_look_old(const std::string& folder) {
  timespec now{};
  check("clock_gettime", ::clock_gettime(CLOCK_REALTIME, &now));
  now.tv_sec -= 60;
  const timespec times[2] = {now, now};
  check("utimensat " + folder, ::utimensat(AT_FDCWD, folder.c_str(), times, 0));
}

std::vector<HostPlan> render_hosts(const Facts& facts) {
  const spec::Topology& topology = facts.topology;
  const auto sources = read_sources(topology);
  Batch batch(facts);
  const auto for_each_service = [&](const auto& action) {
    for (const auto& host : topology.hosts) {
      for (const auto& name : host.services) {
        const spec::Service* service = topology.find_service(name);
        if (service == nullptr)
          throw Error(fmt::format("host '{}': there is no service '{}'", host.name, name));
        action(host, *service);
      }
    }
  };
  for_each_service([&](const spec::Host& host, const spec::Service& service) {
    put_service(batch, topology, host, service, sources);
  });
  batch.run();
  std::vector<HostPlan> plans;
  std::map<std::string, std::size_t> index;
  const std::string hosts_file = hosts_file_text(topology);
  for (const auto& host : topology.hosts) {
    index[host.name] = plans.size();
    plans.push_back({host.name,
                     facts.layout.host(host.name),
                     hosts_file,
                     firewall_ruleset(topology, host.name),
                     {}});
  }
  for_each_service([&](const spec::Host& host, const spec::Service& service) {
    HostPlan& plan = plans[index.at(host.name)];
    plan.services.push_back(take_service(batch, plan.layout, service, sources));
  });
  for (const auto& plan : plans) check_files(plan);
  return plans;
}

// Words of the checks and of what reloads services, as they are rendered whenever one is run.
void put_commands(const spec::Topology& topology, std::vector<Template>& templates) {
  const auto put = [&](const std::vector<std::string>& hosts, const spec::Check& check,
                       const spec::Mark& mark, const std::string& what) {
    for (const std::string& host : hosts)
      for (const std::string& word : check.exec)
        templates.push_back({word, topology.file, std::max(mark.line, 1), what, host, ""});
  };
  for (const auto& role : topology.roles)
    put(role.among, role.check, role.mark, "exec of role " + role.name);
  for (const auto& check : topology.redundancy)
    put(check.on, check.check, check.mark, fmt::format("exec of '{}'", check.name));
  for (const auto& host : topology.hosts)
    for (const auto& name : host.services) {
      const spec::Service& service = *topology.find_service(name);
      for (const std::string& word : service.reload)
        templates.push_back({word, topology.file, std::max(service.mark.line, 1),
                             "reload of service " + name, host.name, ""});
    }
}

}  // namespace

std::vector<HostPlan> plan_hosts(const Facts& facts) {
  std::vector<HostPlan> plans = render_hosts(facts);
  for (const auto& plan : plans) {
    for (const auto& service : plan.services) {
      try {
        find_account(service.user);
      } catch (const Error& e) {
        throw Error(
            fmt::format("service '{}' on host '{}': {}", service.name, plan.host, e.what()));
      }
    }
  }
  return plans;
}

void try_templates(const spec::Topology& topology) {
  const Facts facts{topology, Layout::of("/var/lib/nospof", topology.name), make_secrets(topology)};
  render_hosts(facts);
  std::vector<Template> commands;
  put_commands(topology, commands);
  render(facts, commands);
}

std::string hosts_file_text(const spec::Topology& topology) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  for (const auto& host : topology.hosts)
    text += fmt::format("{} {} {}.{}\n", host.address, host.name, host.name, topology.domain);
  for (const auto& vip : topology.vips)
    if (!vip.dns_name.empty()) text += fmt::format("{} {}\n", vip.address, vip.dns_name);
  return text;
}

std::string service_cgroup(const std::string& cgroup_folder, const std::string& service) {
  return cgroup_folder + "/svc-" + service;
}

void write_host(const HostPlan& plan, const std::string& cgroup_folder) {
  const HostLayout& layout = plan.layout;
  for (const auto& folder : {layout.folder, layout.etc, layout.data, layout.log, layout.sv})
    make_folder(folder);
  remove_all_but(layout.etc, "tls");
  remove_all_but(layout.sv, "");
  write_owned_file(layout.hosts_file, plan.hosts_file, 0644, 0, 0);
  write_owned_file(layout.nft_file, plan.ruleset, 0644, 0, 0);
  std::map<std::string, int> writers;
  for (const auto& service : plan.services)
    for (const auto& file : service.files) ++writers[file.path];
  for (const auto& service : plan.services) {
    const Account user = find_account(service.user);
    for (const auto& file : service.files) write_config_file(file, user, writers[file.path] > 1);
    make_log_file(layout.log_file(service.name), user);
    write_service_folder(service, layout.service_folder(service.name),
                         layout.log_file(service.name),
                         service_cgroup(cgroup_folder, service.name));
  }
  make_look_old(layout.sv);
}

void write_service_folder(const ServicePlan& service, const std::string& service_folder,
                          const std::string& log_file, const std::string& cgroup) {
  make_folder(cgroup);
  make_folder(service_folder);
  if (signal_number(service.stop_signal) != SIGTERM) {
    make_folder(service_folder + "/control");
    write_owned_file(service_folder + "/control/t", stop_script(service), 0755, 0, 0);
  }
  write_owned_file(service_folder + "/finish", finish_script(service, log_file, cgroup), 0755, 0,
                   0);
  // Last: a runsv that is already there starts what has a run file.
  write_owned_file(service_folder + "/run", run_script(service, log_file, cgroup), 0755, 0, 0);
}

}  // namespace nospof::lab
