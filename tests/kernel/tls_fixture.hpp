#pragma once
// Real daemons with certificates of a test's own, in a network of its own.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <sstream>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "agent/services.hpp"
#include "agent/undo.hpp"
#include "fault_support.hpp"
#include "lab/certificates.hpp"
#include "services_fixture.hpp"
#include "system/file_image.hpp"
#include "tests/support/agent_process.hpp"

namespace nospof::test {

/// nginx ends TLS on 127.0.0.1:7443 with a certificate for www.nospof.test, signed by an
/// intermediate authority. Everything that uses the network runs in `inside`.
class TlsDaemons : public Supervised {
 protected:
  using Outcome = kinds::Confirmation::Outcome;
  static constexpr int port = 7443;
  static constexpr const char* name = "www.nospof.test";

  void SetUp() override {
    Supervised::SetUp();
    if (IsSkipped()) return;
    // A peer that ends a connection while TLS is written must not end the test.
    std::signal(SIGPIPE, SIG_IGN);
    network_ = create_network_namespace();
    Netlink::in(network_.get()).set_up("lo", true);
    services_ = agent::runit_services(folder_ / "sv", cgroup_);
    env_ = {.host = "web1", .services = services_.get(), .power = nullptr, .clock = &clock_};
    make_folder("etc");
    make_folder("tmp");
    const WallTime now = clock_.wall();
    root_.emplace(lab::CertificateAuthority::make("test CA", now - 1h, now + 24h, 1));
    authority_.emplace(root_->make_below("test intermediate CA", now - 1h, now + 24h));
    write_file(etc("ca.crt"), root_->certificate());
    const auto issued = issue({});
    write_file(etc("nginx.crt"), issued.certificate, 0644);
    write_file(etc("nginx.key"), issued.key, 0600);
    write_file(etc("nginx.pem"), issued.key + issued.certificate, 0640);
    write_file(etc("nginx.conf"), nginx_config());
  }

  std::string etc(const std::string& file) const { return folder_ / ("etc/" + file); }

  /// The whole chain; `change` makes it a bad one.
  lab::IssuedCertificate issue(const std::function<void(lab::CertificateRequest&)>& change) const {
    lab::CertificateRequest request;
    request.identity = name;
    request.not_before = clock_.wall() - 1h;
    request.not_after = clock_.wall() + 12h;
    if (change) change(request);
    lab::IssuedCertificate issued = authority_->issue(request);
    issued.certificate += authority_->certificate();
    return issued;
  }

  std::string nginx_config() const {
    const std::string temporary = folder_ / "tmp";
    return fmt::format(
        "daemon off;\npid {0}/nginx.pid;\nworker_processes 1;\nerror_log stderr warn;\n"
        "user www-data;\nevents {{ worker_connections 256; }}\n"
        "http {{\n  access_log off;\n"
        "  client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c;\n"
        "  uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;\n"
        "  ssl_protocols TLSv1.2 TLSv1.3;\n"
        "  server {{\n    listen 127.0.0.1:{1} ssl;\n    server_name {2};\n"
        "    ssl_certificate {3};\n    ssl_certificate_key {4};\n"
        "    location / {{ return 200 \"served\\n\"; }}\n  }}\n}}\n",
        temporary, port, name, etc("nginx.crt"), etc("nginx.key"));
  }

  std::vector<std::string> in_network(std::vector<std::string> command) const {
    command.insert(command.begin(),
                   {"nsenter", fmt::format("--net=/proc/{}/fd/{}", ::getpid(), network_.get())});
    return command;
  }

  void add_nginx() {
    add(plan("nginx", in_network({"nginx", "-e", "stderr", "-c", etc("nginx.conf")}),
             spec::RestartPolicy::no));
  }
  void start_nginx() {
    add_nginx();
    start();
    running("nginx", "nginx");
    ASSERT_TRUE(eventually([&] { return curl() == 0; })) << log("nginx");
  }

  template <typename Work>
  auto inside(Work work) const {
    using Result = decltype(work());
    if constexpr (std::is_void_v<Result>) {
      in_namespaces({{network_.get(), CLONE_NEWNET}}, work);
    } else {
      std::optional<Result> result;
      in_namespaces({{network_.get(), CLONE_NEWNET}}, [&] { result = work(); });
      return std::move(*result);
    }
  }

  /// curl's exit code for a page: 0 served, 60 not to be trusted, 7 refused, 35 no handshake.
  int curl(std::vector<std::string> more = {}, int to_port = port) const {
    return inside([&] {
      SpawnOptions options;
      options.argv = {"curl",       "-s",
                      "-o",         "/dev/null",
                      "--max-time", "5",
                      "--cacert",   etc("ca.crt"),
                      "--resolve",  fmt::format("{}:{}:127.0.0.1", name, to_port)};
      options.argv.insert(options.argv.end(), more.begin(), more.end());
      options.argv.push_back(fmt::format("https://{}:{}/", name, to_port));
      return run_command(options, 10s).exit_code;
    });
  }

  static std::size_t own_sockets() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::size_t>(std::count_if(begin(open), end(open), [](const auto& entry) {
      std::error_code gone;
      return read_symlink(entry.path(), gone).string().starts_with("socket:");
    }));
  }
  static std::vector<pid_t> with_children(pid_t parent) {
    std::vector<pid_t> found{parent};
    std::istringstream children(read_file(fmt::format("/proc/{0}/task/{0}/children", parent)));
    for (pid_t child = 0; children >> child;) found.push_back(child);
    return found;
  }

  /// Names, contents, modes and owners of everything in etc.
  std::map<std::string, FileImage> files() const {
    std::map<std::string, FileImage> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "etc"))
      found[entry.path().filename()] = read_image(entry.path(), 1U << 20U).value();
    return found;
  }

  std::unique_ptr<kinds::Injection> prepare(const kinds::FaultKind& kind,
                                            const boost::json::object& parameters) {
    return inside([&] { return kind.make(parameters)->prepare(env_); });
  }
  kinds::Confirmation confirmed(kinds::Injection& injection) {
    const auto answer =
        inside([&] { return until_confirmed([&] { return injection.confirm(); }, 30s); });
    EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
    return answer;
  }
  /// The service's processes answer nobody when a look is begun, so that it can't end by itself.
  void expect_no_connection_at_release(kinds::Injection& injection, const std::string& service) {
    inside([&] { injection.inject(); });
    confirmed(injection);
    const std::size_t open_before = own_sockets();
    const std::vector<pid_t> processes = with_children(running(service, service).pid);
    for (const pid_t each : processes) ::kill(each, SIGSTOP);
    inside([&] { injection.confirm(); });
    EXPECT_EQ(own_sockets(), open_before + 1) << "a look is under way";
    injection.release();
    EXPECT_EQ(own_sockets(), open_before);
    for (const pid_t each : processes) ::kill(each, SIGCONT);
    heal(injection);
  }

  /// As the agent heals.
  kinds::Confirmation heal(kinds::Injection& injection) {
    return inside([&] {
      injection.release();
      for (const auto& record : injection.undo()) {
        const auto result = agent::execute_undo(record, env_);
        EXPECT_TRUE(result.done) << result.detail;
      }
      const auto answer = until_confirmed([&] { return injection.confirm_healed(); }, 30s);
      EXPECT_EQ(answer.outcome, Outcome::confirmed) << answer.evidence;
      return answer;
    });
  }
  /// Injects in a process that is then killed; what is left are the records, as text.
  std::string inject_and_die(const kinds::FaultKind& kind, const boost::json::object& parameters) {
    const std::string file = folder_ / "records";
    Child owner = fork_child([&] {
      auto injection = prepare(kind, parameters);
      boost::json::array records;
      for (const auto& record : injection->undo()) records.push_back(record);
      write_file(file, boost::json::serialize(records));
      inside([&] { injection->inject(); });
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
    EXPECT_TRUE(owner.wait(patience));
    return read_file(file);
  }
  /// A fresh process executes them; its exit code is 0 when all is undone.
  int undo_elsewhere(const std::string& records) {
    Child healer = fork_child([&] {
      const auto services = agent::runit_services(folder_ / "sv", cgroup_);
      kinds::HostEnv env{.host = "web1", .services = services.get(), .clock = &clock_};
      int code = 0;
      const boost::json::value list = boost::json::parse(records);
      inside([&] {
        for (const auto& record : list.as_array())
          if (!agent::execute_undo(record.as_object(), env).done) code = 1;
      });
      return code;
    });
    const auto status = healer.wait(patience);
    return status ? WEXITSTATUS(*status) : -1;
  }

  SystemClock clock_;
  UniqueFd network_;
  std::unique_ptr<kinds::ServiceManager> services_;
  kinds::HostEnv env_;
  std::optional<lab::CertificateAuthority> root_;
  std::optional<lab::CertificateAuthority> authority_;
};

}  // namespace nospof::test
