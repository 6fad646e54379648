#pragma once
// One sample of every kind of fault, for the kill matrix. A kind that is registered but has no row
// here fails the matrix.

#include <ostream>
#include <string>
#include <vector>

namespace nospof::test {

/// A placement as the controller would send it to the agent on web1 of the matrix's topology, or to
/// the agent with power.
struct MatrixRow {
  std::string kind;
  /// JSON, without "duration_ms". "%etc%" and the like stand for what only a lab that is up can
  /// tell, see MatrixLab.
  std::string parameters;
  enum class Needs { nothing, power, connection, balancer, quota } needs = Needs::nothing;
  std::string variant = {};  ///< when a kind has more than one way to go about it
  /// In force, it can be seen in the state of the host; false: it is over at once, or comes back by
  /// itself.
  bool visible = true;
  bool refused = false;  ///< it can't be done, and the agent says so

  friend void PrintTo(const MatrixRow& row, std::ostream* out) {
    *out << row.kind << " " << row.variant << row.parameters;
  }
};

inline std::vector<MatrixRow> matrix_rows() {
  using enum MatrixRow::Needs;
  const std::string client =
      R"("peers":[{"address":"198.18.0.101"},{"address":"198.18.0.22"}],"everybody":true)";
  const std::string scope =
      R"("protocol":"all","peers":[],"neighbours":["198.18.0.101"],"ports":[])";
  const std::string nginx_hup = R"({"how":"signal","signal":"HUP"})";
  return {
      {"process-kill", R"({"service":"%idle%","signal":"KILL","scope":"all","hold":true})"},
      {"process-pause", R"({"service":"nginx"})"},
      {"process-terminate", R"({"service":"%idle%"})"},
      {"process-restart", R"({"service":"%idle%"})", nothing, {}, false},
      {"process-slow", R"({"service":"%idle%","cpu":0.1})"},
      {"process-slow", R"({"service":"%idle%","cpu":0.1})", quota, "quota"},
      {"crash-loop", R"({"service":"%idle%","after_ms":1000})"},
      {"fd-exhaustion", R"({"service":"%idle%"})"},
      {"host-crash", R"({"host":"web1"})", power},
      {"host-freeze", R"({"host":"web1"})", power},
      {"host-isolate", R"({"host":"web1"})", power},
      {"host-reboot", R"({"host":"web1","grace_ms":5000})", power, {}, false},
      {"clock-skew", "{}", nothing, {}, false, true},
      {"disk-fill", R"({"leave":"0B"})"},
      {"cpu-stress", R"({"workers":2,"load":0.1})"},
      {"memory-stress", R"({"size":"16MiB"})"},
      {"io-stress", R"({"workers":2,"size":"1MiB"})"},
      {"pid-exhaustion", "{}"},
      {"netem", R"({"netem":{"delay_ns":10000000},"backend":"userspace",)"
                R"("direction":"egress",)" +
                    scope + "}"},
      {"bandwidth",
       R"({"rate_bits":10000000,"burst":20000,"limit":40000,"direction":"both",)" + scope + "}"},
      {"blackhole", R"({"type":"blackhole","prefixes":["198.18.0.101/32"]})"},
      {"link-down", R"({"address":"198.18.0.21"})"},
      {"link-flap", R"({"address":"198.18.0.21","down_ms":20,"up_ms":20})"},
      {"mtu", R"({"size":1200,"direction":"both","everybody":true,"peers":["198.18.0.101"]})"},
      {"connection-reset", R"({"peers":["198.18.0.101"],"interval_ms":20})", connection},
      {"partition", R"({"direction":"both",)" + client + "}"},
      {"dns", R"({"mode":"nxdomain","servers":["127.0.0.53"]})"},
      {"dns", R"({"mode":"nxdomain","source":"hosts","names":["web2.nospof.test"]})", nothing,
       "hosts"},
      {"vip-conflict", R"({"address":"198.18.0.22","interval_ms":20})"},
      {"firewall", R"({"action":"reject","direction":"both",)" + client + "}"},
      {"firewall-lockout", "{" + client + "}"},
      {"firewall-flush", R"({"probed":["198.18.0.101"]})"},
      {"firewall-replace", R"({"ruleset":"drop-all"})"},
      {"conntrack-flush", "{}", nothing, {}, false},
      {"conntrack-full", "{}"},
      {"tls", R"({"mode":"expired","service":"nginx","address":"198.18.0.21","port":443,)"
              R"("identity":"www.nospof.test","authority_file":"%tls%/ca/stack.crt",)"
              R"("certificate_file":"%tls%/nginx.crt","key_file":"%tls%/nginx.key",)"
              R"("bad_chain":"%bad_chain%","bad_key":"%bad_key%","reload":)" +
                  nginx_hup + "}"},
      {"tls-terminate",
       R"({"service":"haproxy","path":"%etc%/haproxy.cfg","address":"127.0.0.1","port":8444,)"
       R"("certificate_file":"%tls%/haproxy.crt","search":["bind 127.0.0.1:8444"],)"
       R"("replace":["bind 127.0.0.1:8444 ssl crt %tls%/haproxy.pem"],)"
       R"("reload":{"how":"signal","signal":"USR2"}})",
       balancer},
      {"config", R"({"service":"nginx","path":"%etc%/nginx.conf","mode":"garbage","apply":)" +
                     nginx_hup + "}"},
      {"exec", R"({"inject":["touch","%etc%/by-exec"],"heal":["rm","-f","%etc%/by-exec"],)"
               R"("confirm":["test","-e","%etc%/by-exec"]})"},
  };
}

}  // namespace nospof::test
