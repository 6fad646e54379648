#pragma once
// One lab of a run and all that is connected to it, from its bring-up to its end.

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "control/interrupt.hpp"
#include "control/progress.hpp"
#include "control/proof.hpp"
#include "control/recorder.hpp"
#include "control/session.hpp"
#include "lab/lab.hpp"
#include "system/clock.hpp"

namespace nospof::control {

/// The lab of that name, for a run. Throws Error when there is none, or it was brought up from
/// another version of the topology.
std::unique_ptr<lab::Lab> borrow_lab(const spec::Topology& topology, const std::string& name);

/// The lab of a run: its own, which can be made anew, or a borrowed one.
class LabHolder {
 public:
  LabHolder(const RunOptions& options, Recorder& recorder, Watcher& watcher)
      : options_(options), recorder_(recorder), watcher_(watcher) {}

  void up();
  void down();
  bool renewable() const { return options_.lab.empty() && !options_.keep_lab; }
  lab::Lab& lab() { return *lab_; }

 private:
  const RunOptions& options_;
  Recorder& recorder_;
  Watcher& watcher_;
  std::unique_ptr<lab::Lab> lab_;
};

/// How it went in one lab, or in several.
struct LabEnd {
  int signal_number = 0;  ///< what interrupted it, 0: nothing
  bool healing_complete = true;
  std::string failure;         ///< why it ended before it was done; empty: it did not
  bool threw = false;          ///< that was an error, not the body's own word
  std::exception_ptr missing;  ///< MissingCapability
};

/// Runs a body on an io_context of its own, with signals caught, and always closes the session.
class Conductor {
 public:
  Conductor(const RunOptions& options, Recorder& recorder, const Clock& clock, Watcher& watcher);

  using Body = std::function<asio::awaitable<void>(Conductor&)>;
  /// On the calling thread, which blocks until the lab is down again.
  LabEnd conduct(const spec::Workload& workload, Nanoseconds settle, const Body& body);

  /// After a cell that the stack did not survive whole. False: this lab cannot be made anew.
  asio::awaitable<bool> renew(const std::string& why);

  void stop_early(std::string reason) { end_.failure = std::move(reason); }
  void healing_failed() { end_.healing_complete = false; }
  Session& session() { return *session_; }

 private:
  asio::awaitable<void> open();
  /// Takes everything down; a step that fails does not keep the next one from being taken.
  asio::awaitable<void> close();
  void take_error(const std::exception_ptr& error);

  const RunOptions& options_;
  Recorder& recorder_;
  const Clock& clock_;
  Watcher& watcher_;
  asio::io_context context_{1};
  Interruption interruption_;
  LabHolder holder_;
  std::unique_ptr<Session> session_;
  spec::Workload workload_;
  Nanoseconds settle_{};
  LabEnd end_;
};

}  // namespace nospof::control
