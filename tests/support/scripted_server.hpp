#pragma once
// A server on 127.0.0.1 that changes how it behaves at given times, and records when it really did:
// what the probes are to tell of it is held against that record, and not against what was asked.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "system/fd.hpp"
#include "tests/support/test_authority.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace nospof::test {

/// What clients get. Who was connected before a change gets what was so when he was accepted; only
/// a stall holds up everyone, and lets go of all when it ends.
enum class Behaviour {
  healthy,
  stall,         ///< stands still, as after SIGSTOP: the kernel takes connections, nobody answers
  refuse,        ///< nobody listens on the port
  reset,         ///< RST in place of an answer
  close_early,   ///< an orderly end in the middle of the answer
  truncate,      ///< TLS: the same without close_notify; otherwise the same
  wrong_body,    ///< the answer to another request; of DNS another address
  wrong_status,  ///< 503; of DNS SERVFAIL
  lying,         ///< /healthz says ok, every other page fails with 500
  // TLS only.
  expired,
  not_yet_valid,
  wrong_name,
  unknown_authority,
  self_signed,
  weak_protocol,          ///< TLS 1.1 is the best that it knows
  no_client_certificate,  ///< demands none
};
/// "close-early".
std::string behaviour_name(Behaviour behaviour);

class ScriptedServer {
 public:
  enum class Speaks {
    greeting,  ///< TCP; sends "220 ready\r\n"
    http,
    https,
    dns  ///< over UDP: every name is 127.0.0.7
  };
  struct Setup {
    Speaks speaks = Speaks::https;
    std::string name = "www.nospof.test";  ///< in the good certificates
    bool demands_certificate = false;      ///< of clients, unless no_client_certificate
    /// Body of a good answer to the head of a request, and of a wrong one.
    std::function<std::string(const std::string& head)> body = {};
    std::string wrong_body = "token of somebody else";
  };
  /// From `after` its predecessor (or the start of the script) on it behaves so.
  struct Step {
    std::chrono::milliseconds after;
    Behaviour behaviour;
  };
  /// When it did, in nanoseconds of CLOCK_MONOTONIC: the moment of the change lies between the
  /// first two.
  struct Change {
    Behaviour behaviour;
    std::int64_t from_ns = 0;
    std::int64_t by_ns = 0;
    std::int64_t answered_ns = 0;  ///< about when the first answer since was sent; 0: none was
  };

  explicit ScriptedServer(Setup setup);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  /// PEM of the authority that the good certificates are from.
  std::string authority() const { return authority_.pem(); }
  /// A certificate for a client, from the same authority.
  Identity client_identity() const { return authority_.issue("DNS:client.nospof.test"); }

  /// Begins as healthy. Follows the script on a thread of its own.
  void play(std::vector<Step> script);
  /// Until the script is over; what it did then.
  std::vector<Change> changes();

 private:
  struct Connection;
  void take_port(int type, bool again);
  void change(Behaviour to);
  ssl_ctx_st* make_context(Behaviour behaviour) const;
  void accept_all();
  void serve(Connection& connection);
  void serve_tls(Connection& connection);
  void answer_http(Connection& connection, const std::string& head);
  void serve_datagrams();
  std::string dns_answer(std::string query);
  Behaviour wait_while_stalled();
  void note_answer();

  Setup setup_;
  Authority authority_;
  std::map<Behaviour, std::shared_ptr<ssl_ctx_st>> contexts_;
  UniqueFd socket_;
  int port_ = 0;
  UniqueFd wake_;
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  Behaviour behaviour_ = Behaviour::healthy;
  std::vector<Change> changes_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<std::thread> threads_;
  std::thread server_;
  std::thread script_;
};

}  // namespace nospof::test
