#pragma once
// Faults of the packet filter on three hosts of one link, driven as the agent drives them.

#include <signal.h>

#include "fault_partition_fixture.hpp"
#include "faults/conntrack.hpp"
#include "faults/firewall.hpp"
#include "faults/host_rules.hpp"
#include "hostile_host.hpp"

namespace nospof::test {

class FirewallOnLink : public PartitionOnLink {
 protected:
  using Kind = std::unique_ptr<kinds::FaultKind>;

  std::vector<InForce> prepare_kind(const Kind& kind, const Names& targets,
                                    const spec::Parameters& parameters = {}) {
    std::vector<InForce> prepared;
    for (const auto& placement : kind->plan(targets, "", parameters, stack_).placements) {
      LinkedHost& host = named(placement.host);
      const auto fault = kind->make(placement.parameters);
      kinds::HostEnv env{.host = host.name()};
      prepared.push_back({&host, host.in([&] { return fault->prepare(env); })});
    }
    return prepared;
  }

  std::vector<InForce> inject_kind(const Kind& kind, const Names& targets,
                                   const spec::Parameters& parameters = {}) {
    auto prepared = prepare_kind(kind, targets, parameters);
    for (auto& part : prepared) {
      part.host->in([&] { part.injection->inject(); });
      const auto answer = ask(part, &kinds::Injection::confirm);
      EXPECT_EQ(answer.outcome, Outcome::confirmed) << part.host->name() << ": " << answer.evidence;
      evidence_ = answer.evidence;
    }
    return prepared;
  }

  /// What prepare() says on h1; empty when it refuses nothing.
  std::string refusal(const Kind& kind, const spec::Parameters& parameters = {}) {
    try {
      prepare_kind(kind, {"h1"}, parameters);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  /// Why a connection is not made: an errno, ETIMEDOUT for silence, 0 when it is made.
  int connect_error(const LinkedHost& from, const std::string& address, int to_port,
                    std::chrono::milliseconds at_most = silence) {
    return from.in([&] {
      const UniqueFd fd(
          check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
      const sockaddr_in to = endpoint(address, to_port);
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return 0;
      if (errno != EINPROGRESS) return errno;
      pollfd entry{fd.get(), POLLOUT, 0};
      if (check("poll", ::poll(&entry, 1, static_cast<int>(at_most.count()))) == 0)
        return ETIMEDOUT;
      int failure = 0;
      socklen_t size = sizeof failure;
      check("SO_ERROR", ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size));
      return failure;
    });
  }

  /// Whether a connection's end learns within the time that it was reset.
  static bool is_reset(int fd) {
    pollfd entry{fd, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(arrival.count())) <= 0) return false;
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
  }

  /// A process that injects on h1, says so, and is killed; returns its undo records.
  std::vector<kinds::UndoRecord> die_in_force(const Kind& kind,
                                              const spec::Parameters& parameters = {}) {
    const auto placement = kind->plan({"h1"}, "", parameters, stack_).placements.at(0).parameters;
    Pipe ready = make_pipe();
    Child owner =
        fork_process({.namespaces = 0, .cgroup_fd = -1, .parent_death_signal = SIGKILL}, [&] {
          check("setns", ::setns(h1().namespace_fd(), CLONE_NEWNET));
          const auto fault = kind->make(placement);
          kinds::HostEnv env{.host = "h1"};
          const auto injection = fault->prepare(env);
          boost::json::array records;
          for (const auto& record : injection->undo()) records.push_back(record);
          injection->inject();
          write_all(ready.write_end.get(), boost::json::serialize(records) + "\n", "pipe");
          ::pause();
          return 1;
        });
    std::string text;
    char byte = 0;
    while (is_readable(ready.read_end.get(), arrival) &&
           ::read(ready.read_end.get(), &byte, 1) == 1 && byte != '\n')
      text += byte;
    owner.signal(SIGKILL);
    EXPECT_TRUE(owner.wait(arrival));
    std::vector<kinds::UndoRecord> records;
    const boost::json::value read = boost::json::parse(text);
    for (const auto& record : read.as_array()) records.push_back(record.as_object());
    return records;
  }

  agent::UndoResult undo_on(const LinkedHost& host, const kinds::UndoRecord& record) {
    kinds::HostEnv env{.host = host.name()};
    return host.in([&] { return agent::execute_undo(record, env); });
  }

  /// As an administrator compares: `nft -s list ruleset`.
  static std::string stateless_rules(const LinkedHost& host) {
    return tool_output({{host.namespace_fd(), CLONE_NEWNET}}, {"nft", "-s", "list", "ruleset"});
  }

  std::string evidence_;
};

}  // namespace nospof::test
