#pragma once
// The lab of one row of the kill matrix, and what the row's placement has to act upon.

#include "fault_support.hpp"
#include "kill_matrix.hpp"
#include "kill_matrix_rows.hpp"

namespace nospof::test {

class MatrixLab : public LabTest, public ::testing::WithParamInterface<MatrixRow> {
 protected:
  void SetUp() override {
    LabTest::SetUp();
    if (IsSkipped()) return;
    lab_ = up(unique_name("matrix"), true, topology());
    host_ = std::make_unique<WatchedHost>(*lab_, "web1");
    words_ = known_words();
    ASSERT_TRUE(eventually(20s, [&] { return serves(*lab_, "web1"); }));
    // A host that has just booted still settles: its addresses, for instance.
    ASSERT_TRUE(eventually(20s, [&] {
      before_ = host_->state();
      std::this_thread::sleep_for(300ms);
      return !before_.contains("host") && differences(before_, host_->state()).empty();
    })) << differences(before_, host_->state());
  }

  std::string agent_host() const {
    return GetParam().needs == MatrixRow::Needs::power ? hosts::power_host : "web1";
  }
  std::string journal() const {
    return fmt::format("{}/{}.journal", lab_->journal_folder(), agent_host());
  }

  json::object inject_request() const {
    std::string parameters = GetParam().parameters;
    for (const auto& [word, value] : words_)
      for (auto at = parameters.find(word); at != std::string::npos; at = parameters.find(word))
        parameters.replace(at, word.size(), value);
    json::object request;
    request["injection"] = "a";
    request["fault"] = GetParam().kind;
    request["parameters"] = json::parse(parameters);
    request["parameters"].as_object()["duration_ms"] = 60'000;
    request["duration_ms"] = 60'000;
    request["confirm_ms"] = 10'000;
    return request;
  }
  static json::object heal_request() { return {{"injection", "a"}, {"confirm_ms", 10'000}}; }

  /// Before each injection: neighbours are known, and there is a connection to act upon.
  void prepare_host() {
    // A service that started less than a second ago is restarted late: another one's turn.
    idle_turn_ = (idle_turn_ + 1) % idle_services;
    words_["%idle%"] = fmt::format("idle{}", idle_turn_);
    const lab::HostNamespaces client = lab_->enter("client");
    const auto namespaces = client.list();
    const auto network = std::ranges::find(namespaces, CLONE_NEWNET, &NamespaceFd::type);
    in_namespaces({*network}, [&] {
      connection_ = dial("198.18.0.21", 443, 10s);
      EXPECT_TRUE(connection_) << "web1 does not answer";
      EXPECT_TRUE(dial("198.18.0.22", 443, 10s)) << "web2 does not answer";
    });
    if (GetParam().needs != MatrixRow::Needs::connection) connection_.reset();
  }

  bool as_before(std::chrono::milliseconds at_most) {
    return eventually(at_most, [&] { return differences(before_, host_->state()).empty(); });
  }
  bool settled() const { return agent::Journal::peek(journal()).open.empty(); }

  std::unique_ptr<lab::Lab> lab_;
  std::unique_ptr<WatchedHost> host_;
  HostState before_;

 private:
  static constexpr int idle_services = 8;

  TinyTopology topology() const {
    TinyTopology topology;
    topology.limits = "disk: 32MiB, memory: 128MiB, processes: 200";
    if (GetParam().needs == MatrixRow::Needs::quota) topology.limits += ", cpu: 100%";
    for (int i = 0; i < idle_services; ++i) {
      topology.on_web1 += fmt::format(", idle{}", i);
      topology.extra += fmt::format(
          "  idle{}:\n    command: [sh, -c, \"sleep infinity & exec sleep infinity\"]\n"
          "    restart: always\n    start_limit_burst: 0\n",
          i);
    }
    if (GetParam().needs != MatrixRow::Needs::balancer) return topology;
    topology.on_web1 += ", haproxy";
    topology.extra +=
        "  haproxy:\n    command: [haproxy, -W, -db, -f, \"{{ etc }}/haproxy.cfg\"]\n"
        "    files: [haproxy.cfg.j2]\n    restart: always\n    kill_mode: mixed\n"
        "    tls: { identity: lb.nospof.test, authority: stack, owner: root }\n";
    std::filesystem::create_directories(*folder_ / "topology");
    write_file(*folder_ / "topology/haproxy.cfg.j2",
               "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 1s\n"
               "  timeout client 5s\n  timeout server 5s\nfrontend f\n  bind 127.0.0.1:8444\n"
               "  default_backend b\nbackend b\n  server web 198.18.0.21:443\n");
    return topology;
  }

  std::map<std::string, std::string> known_words() const {
    const lab::HostLayout layout = lab_->host_layout("web1");
    lab::OtherCertificate expired;
    expired.change = [](lab::CertificateRequest& request) {
      request.not_before = SystemClock().wall() - std::chrono::hours(48);
      request.not_after = SystemClock().wall() - std::chrono::hours(24);
    };
    const auto bad = lab_->issue_other_certificate("web1", "nginx", expired);
    const auto quoted = [](const std::string& text) {
      const std::string whole = json::serialize(json::value(text));
      return whole.substr(1, whole.size() - 2);
    };
    return {{"%etc%", layout.etc},
            {"%tls%", layout.tls},
            {"%bad_chain%", quoted(bad.certificate)},
            {"%bad_key%", quoted(bad.key)}};
  }

  std::map<std::string, std::string> words_;
  int idle_turn_ = 0;
  UniqueFd connection_;
};

}  // namespace nospof::test
