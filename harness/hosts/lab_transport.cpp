// The transport into a running lab: a child of ours, entered into the host's namespaces.

#include <fmt/format.h>

#include "hosts/transport.hpp"
#include "lab/host_environment.hpp"
#include "system/check.hpp"
#include "system/own_program.hpp"

namespace nospof::hosts {

namespace {

class LabTransport final : public Transport {
 public:
  // The program is opened now: inside a host it may not be visible, and its file may be replaced.
  explicit LabTransport(lab::Lab& lab) : lab_(lab), program_(open_own_program()) {}

  RemoteProcess start(const std::string& host, const std::vector<std::string>& arguments) override {
    std::optional<lab::HostNamespaces> namespaces;
    if (host != power_host) namespaces.emplace(lab_.enter(host));
    SpawnOptions options;
    options.argv = {"nospof"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.program_fd = program_.get();
    options.directory = "/";
    if (namespaces) {
      options.namespaces = namespaces->list();
      options.environment = lab::host_environment();
      options.clean_environment = true;
    }
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    options.stdin_fd = in.read_end.get();
    options.stdout_fd = out.write_end.get();
    // Ctrl-C is for the controller: it heals first, and needs its agents for that.
    options.new_session = true;
    try {
      return {std::move(in.write_end), std::move(out.read_end), spawn(options)};
    } catch (const std::exception& e) {
      throw Error(fmt::format("lab {}: host {}: {}", lab_.name(), host, e.what()));
    }
  }

 private:
  lab::Lab& lab_;
  UniqueFd program_;
};

}  // namespace

std::unique_ptr<Transport> lab_transport(lab::Lab& lab) {
  return std::make_unique<LabTransport>(lab);
}

std::vector<std::string> lab_agent_arguments(const lab::Lab& lab, const std::string& host) {
  std::vector<std::string> arguments{"agent", "--host", host, "--journal",
                                     fmt::format("{}/{}.journal", lab.journal_folder(), host)};
  const auto add = [&arguments](const char* option, const std::string& value) {
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  if (host == power_host) {
    add("--power", lab.name());
  } else {
    add("--runit", lab.service_folder(host));
    add("--cgroup", lab.cgroup_folder(host));
    add("--data", lab.data_folder(host));
  }
  return arguments;
}

}  // namespace nospof::hosts
