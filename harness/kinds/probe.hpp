#pragma once
// What a kind of probe is. A probe runs in a process of its own on its vantage host ("nospof
// prober").

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "kinds/finding.hpp"
#include "kinds/operation.hpp"
#include "kinds/sample.hpp"
#include "spec/catalogue.hpp"

namespace nospof::kinds {

namespace json = boost::json;

/// Takes samples as they are finished; called from the probe's thread.
class SampleSink {
 public:
  virtual ~SampleSink() = default;
  virtual void add(const Sample& sample) = 0;
  /// Whether the schedule kept up: the largest lateness of a start against its schedule since the
  /// last call.
  virtual void lateness(std::int64_t worst_ns) = 0;
  /// Of probes that look. Called from the probe's thread too; here: nobody is interested.
  virtual void found(const Finding& finding);
  virtual void looked(const Round& round);
  /// All that the probe looks at; before its first round.
  virtual void expects(const std::vector<Expectation>& all);
  /// Which of them, by their place in that list, a look told something about for the first time.
  virtual void decided(const std::vector<std::size_t>& places);
  /// Of probes whose clients' histories are judged: every event, in the order of time.
  virtual void operated(const Operation& operation);
};

/// A checked probe, ready to run. Several may run in one process, each in a thread of its own.
class Probe {
 public:
  virtual ~Probe() = default;
  /// Sends on its schedule until `stop_fd` becomes readable, then waits for what is in flight
  /// (bounded by the probe's own time-out) and returns. Outcomes are samples, never exceptions;
  /// throws only when it cannot run at all.
  virtual void run(int stop_fd, SampleSink& sink) = 0;
};

inline void SampleSink::found(const Finding& /*finding*/) {}
inline void SampleSink::looked(const Round& /*round*/) {}
inline void SampleSink::expects(const std::vector<Expectation>& /*all*/) {}
inline void SampleSink::decided(const std::vector<std::size_t>& /*places*/) {}
inline void SampleSink::operated(const Operation& /*operation*/) {}

/// A kind of probe: one file pair in probes/ plus one registration line in main.cpp.
class ProbeKind {
 public:
  virtual ~ProbeKind() = default;
  virtual const spec::KindInfo& info() const = 0;
  /// From the JSON the controller sends. Throws Error on anything unknown or out of range.
  virtual std::unique_ptr<Probe> make(const json::object& config) const = 0;
};

}  // namespace nospof::kinds
