#pragma once
// One sample of every kind of fault, for the kill matrix. A kind that is registered but has no row
// here fails the matrix.

#include <string>
#include <vector>

namespace nospof::test {

/// A placement as the controller would send it to the agent on web1 of the tiny topology
/// (lab_fixture.hpp), or to the agent with power.
struct MatrixRow {
  std::string kind;
  std::string parameters;  ///< JSON, without "duration_ms"
  bool power = false;
};

inline std::vector<MatrixRow> matrix_rows() {
  const std::string client =
      R"("peers":[{"address":"198.18.0.101"},{"address":"198.18.0.22"}],"everybody":true)";
  return {
      {"process-kill", R"({"service":"nginx","signal":"KILL","scope":"all","hold":true})"},
      {"process-pause", R"({"service":"nginx"})"},
      {"host-crash", R"({"host":"web1"})", true},
      {"partition", R"({"direction":"both",)" + client + "}"},
      {"firewall", R"({"action":"reject","direction":"both",)" + client + "}"},
      {"firewall-lockout", "{" + client + "}"},
      {"firewall-flush", R"({"probed":["198.18.0.101"]})"},
      {"firewall-replace", R"({"ruleset":"drop-all"})"},
      {"conntrack-flush", "{}"},
      {"conntrack-full", "{}"},
  };
}

/// Kinds whose undoing is tested by their own tests only: each needs a row above, and then leaves
/// this list. docs/safety.md names them too.
inline std::vector<std::string> unmeasured_kinds() {
  return {"crash-loop",
          "process-terminate",
          "process-restart",
          "process-slow",
          "fd-exhaustion",
          "host-freeze",
          "host-isolate",
          "host-reboot",
          "clock-skew",
          "disk-fill",
          "cpu-stress",
          "memory-stress",
          "io-stress",
          "pid-exhaustion",
          "netem",
          "bandwidth",
          "blackhole",
          "link-down",
          "link-flap",
          "mtu",
          "connection-reset",
          "dns",
          "vip-conflict",
          "tls",
          "tls-terminate",
          "config",
          "exec"};
}

}  // namespace nospof::test
