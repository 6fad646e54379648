#pragma once
// The agent's understudy: a child that knows every open undo record and executes them when the
// agent vanishes.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "agent/journal.hpp"
#include "agent/lines.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::agent {

/// The agent's end. Exchanges are synchronous: the other end only ever stores a record and says so.
class Understudy {
 public:
  /// Both must outlive it.
  Understudy(const AgentOptions& options, Journal& journal);
  /// Lets it go: it undoes what is still open, and is not waited for.
  ~Understudy();
  Understudy(const Understudy&) = delete;
  Understudy& operator=(const Understudy&) = delete;

  /// Forks it (for the first time, or anew after it died; an old one that still lives is ended
  /// first) and hands over all open records. Throws Error when it does not come up or does not
  /// acknowledge them.
  void start();
  /// Returns once it has the record; throws Error when it has died or does not answer within 2 s.
  void hold(const OpenRecord& record);
  /// The record is settled. Never throws: undoing twice does nothing.
  void forget(std::int64_t number) noexcept;

  const std::map<std::int64_t, OpenRecord>& open() const { return open_; }
  pid_t pid() const { return process_.pid(); }
  /// Readable when it has died.
  int pidfd() const { return process_.pidfd(); }
  bool alive() { return process_.running(); }
  /// Closes the connection and waits that long for its end, which comes at once when nothing is
  /// open. True when nothing is left to undo.
  bool end(std::chrono::milliseconds at_most);

 private:
  void send_record(const OpenRecord& record);
  void await_acknowledgement(std::int64_t number);

  const AgentOptions& options_;
  Journal& journal_;
  std::map<std::int64_t, OpenRecord> open_;
  UniqueFd socket_;
  Child process_;
  LineSplitter lines_;
};

}  // namespace nospof::agent
