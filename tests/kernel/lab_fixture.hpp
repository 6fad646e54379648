#pragma once
// Real labs of a tiny topology, in a state folder of the test's own.

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/lab.hpp"
#include "lab/layout.hpp"
#include "lab/record.hpp"
#include "spec/reader.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"
#include "system/own_program.hpp"
#include "tests/support/places.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {

using namespace std::chrono_literals;

/// Two web servers and a client. `extra` stands below `services:`, `on_web1` adds to its services,
/// `limits` are web1's: "disk: 64MiB, processes: 100".
struct TinyTopology {
  std::string on_web1;
  std::string extra;
  std::string expected_body = "{token}";
  std::string limits;

  /// Writes it to a folder and reads it back.
  spec::Topology write(const std::string& folder) const {
    std::filesystem::create_directories(folder);
    write_file(folder + "/nginx.conf.j2", nginx);
    write_file(folder + "/topology.yaml",
               fmt::format(text, fmt::arg("on_web1", on_web1), fmt::arg("extra", extra),
                           fmt::arg("body", expected_body), fmt::arg("limits", limits)));
    return spec::read_topology(folder + "/topology.yaml");
  }

  static constexpr const char* nginx = R"(daemon off;
pid /run/nginx.pid;
worker_processes 1;
error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path /tmp/cb; proxy_temp_path /tmp/pt; fastcgi_temp_path /tmp/ft;
  uwsgi_temp_path /tmp/ut; scgi_temp_path /tmp/st;
  server {
    listen 443 ssl;
    ssl_certificate {{ tls.cert }};
    ssl_certificate_key {{ tls.key }};
    location / { return 200 "$arg_v from {{ host.name }} {{ secrets.word }}\n"; }
  }
}
)";
  static constexpr const char* text = R"(kind: topology
version: 1
name: tiny
title: Two web servers
network: {{ subnet: 198.18.0.0/24, domain: nospof.test }}
hosts:
  web1:   {{ address: 198.18.0.21, services: [nginx{on_web1}], limits: {{ {limits} }} }}
  web2:   {{ address: 198.18.0.22, services: [nginx] }}
  client: {{ address: 198.18.0.101, observer: true }}
tiers:
  web: {{ hosts: [web1, web2], needs: 1 }}
authorities:
  stack: {{ valid: 1d }}
secrets: [word]
services:
  nginx:
    command: [nginx, -c, "{{{{ etc }}}}/nginx.conf"]
    files: [nginx.conf.j2]
    restart: always
    listens: [443/tcp]
    tls: {{ identity: www.nospof.test, authority: stack, owner: root }}
{extra}
flows:
  - {{ from: client, to: web, port: 443 }}
workload:
  from: client
  url: https://web1.nospof.test/x?id={{id}}&v={{token}}
  authority: stack
  rate: 10/s
  timeout: 2s
  slow: 1s
  expect: {{ status: 200, body: "{body}" }}
)";
};

/// Labs under a state folder that is the test's alone; whatever is left of them goes with it.
class LabTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: makes namespaces and cgroups";
    set_own_program(built_program);
    folder_ = std::make_unique<TemporaryFolder>();
    ::setenv("NOSPOF_STATE_DIR", folder_->path().c_str(), 1);
  }

  void TearDown() override {
    if (!folder_) return;
    for (const lab::LabEntry& entry : lab::list_labs()) {
      try {
        lab::end_lab(entry.name);
      } catch (const std::exception& e) {
        ADD_FAILURE() << "clean up " << entry.name << ": " << e.what();
      }
    }
    ::unsetenv("NOSPOF_STATE_DIR");
  }

  spec::Topology tiny(const TinyTopology& topology = {}) const {
    return topology.write(*folder_ / "topology");
  }
  static std::string unique_name(const std::string& hint) {
    static std::atomic<int> number{0};
    return fmt::format("{}-{}-{}", hint, ::getpid(), ++number);
  }
  std::unique_ptr<lab::Lab> up(const std::string& name, bool owned = true,
                               const TinyTopology& topology = {}) const {
    lab::UpOptions options;
    options.name = name;
    options.owned = owned;
    return lab::bring_up(tiny(topology), options);
  }

  static CommandResult run_on(lab::Lab& lab, const std::string& host,
                              std::vector<std::string> argv) {
    const lab::HostNamespaces namespaces = lab.enter(host);
    SpawnOptions options;
    options.argv = std::move(argv);
    options.namespaces = namespaces.list();
    return run_command(options, 20s);
  }
  static bool serves(lab::Lab& lab, const std::string& host) {
    return run_on(
               lab, "client",
               {"curl", "-sS", "--noproxy", "*", "--max-time", "1", "--cacert",
                lab.authority_file("stack"), fmt::format("https://{}.nospof.test/?v=seen", host)})
               .output.find("seen from " + host) != std::string::npos;
  }

  static bool eventually(std::chrono::milliseconds at_most,
                         const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  lab::Layout layout(const std::string& name) const {
    return lab::Layout::of(lab::state_root(), name);
  }
  std::string cgroup(const std::string& name) const {
    return lab::lab_cgroup(cgroup2_mount(), lab::state_root(), name);
  }
  /// Everything that lives of a lab: its hosts' processes and its keeper.
  std::vector<ProcessId> processes(const std::string& name) const {
    std::vector<ProcessId> found;
    for (const pid_t pid : cgroup_members(cgroup(name)))
      if (const auto state = read_process(pid)) found.push_back(state->id);
    if (const auto keeper = lab::read_keeper(layout(name))) found.push_back(*keeper);
    return found;
  }
  static std::size_t alive(const std::vector<ProcessId>& ids) {
    std::size_t count = 0;
    for (const ProcessId& id : ids) count += is_alive(id) ? 1 : 0;
    return count;
  }
  void expect_nothing_left(const std::string& name, const std::vector<ProcessId>& were) const {
    EXPECT_EQ(alive(were), 0U) << "processes of lab " << name;
    EXPECT_FALSE(std::filesystem::exists(layout(name).folder));
    EXPECT_FALSE(std::filesystem::exists(cgroup(name)));
  }

  std::unique_ptr<TemporaryFolder> folder_;
};

}  // namespace nospof::test
