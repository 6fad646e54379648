#pragma once
// How a service takes changed files: needed to make it take bad ones, and by undo records, to make
// it take the good ones again.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "system/clock.hpp"
#include "system/process.hpp"

namespace nospof::kinds {

class ServiceManager;

struct Reload {
  /// nothing: it reads its files by itself, at each connection for instance.
  enum class How { nothing, signal, command, restart };
  How how = How::nothing;
  int signal_number = 0;             ///< for signal: to its main process; for restart: ends it
  std::vector<std::string> command;  ///< argv
};

boost::json::object reload_json(const Reload& reload);
/// Throws Error when it is not what reload_json() makes.
Reload reload_from_json(const boost::json::object& fields);
/// "SIGHUP to the main process of nginx", for plans and evidence.
std::string describe_reload(const Reload& reload, const std::string& service);

struct ReloadResult {
  bool done = false;  ///< signal delivered, or command ended with 0
  std::string detail;
};
/// One of the ways but restart, for a service that runs. A command has 5 s.
ReloadResult reload_service(const Reload& reload, ServiceManager& services,
                            const std::string& service);

/// A service that is ended in order and started again. None of its steps waits.
class Restart {
 public:
  Restart(ServiceManager& services, std::string service, int signal_number, const Clock& clock)
      : services_(services),
        service_(std::move(service)),
        signal_number_(signal_number),
        clock_(clock) {}

  /// Its supervisor does not start it again by itself, and it gets the signal.
  void begin();
  /// True when it was started again. What has not ended after 8 s is killed.
  bool advance();

 private:
  ServiceManager& services_;
  std::string service_;
  int signal_number_;
  const Clock& clock_;
  std::optional<ProcessId> old_main_;
  MonoTime begun_{};
  bool started_ = false;
};

}  // namespace nospof::kinds
