#pragma once
// The process that a lab lives and dies with: parent of every host's pid 1, and its network
// namespace is the switch. One thread, one loop.

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "lab/kept_host.hpp"
#include "lab/layout.hpp"
#include "system/clock.hpp"

namespace nospof::lab {

class Keeper {
 public:
  /// `owner`: a pipe that ends when the one who made the lab is gone; the lab then ends too.
  Keeper(LabRecipe recipe, UniqueFd listener, UniqueFd owner, const Clock& clock);

  /// Until the lab has ended and all of it is removed. Returns the exit code: 0, or 5 when
  /// something could not be removed.
  int run();

 private:
  struct Connection {
    UniqueFd fd;
    bool closed = false;
  };
  /// What somebody did to a host, who, and until when at most.
  struct Hold {
    const Connection* by = nullptr;
    MonoTime until{};
  };
  struct Slot {
    std::unique_ptr<KeptHost> host;
    std::optional<Hold> hold;  ///< its power is cut
    std::optional<Hold> frozen;
    std::optional<Hold> isolated;
    bool boot_when_off = false;
    bool announced = true;  ///< who asked for the first boot has been told
  };
  /// A request that is answered later.
  struct Waiter {
    Connection* connection = nullptr;
    boost::json::value id;
    Slot* slot = nullptr;  ///< nullptr: all hosts
    bool on = false;       ///< waits for on (or for a failed boot); else for off
    MonoTime since{};
  };

  void wait_and_dispatch();
  int poll_timeout() const;
  void step_hosts();
  void accept_connections();
  void read_connection(Connection& connection);
  void handle(Connection& connection, const boost::json::object& request);
  void start_all(Connection& connection, const boost::json::value& id);
  void power_off(Connection& connection, const boost::json::object& request);
  void power_on(Connection& connection, const boost::json::object& request);
  void change(Connection& connection, Slot& slot, const std::string& op,
              const boost::json::object& request);
  void thaw(Slot& slot, const std::string& why);
  void rejoin(Slot& slot, const std::string& why);
  boost::json::object status_of(const Slot& slot) const;
  void boot_again(Slot& slot, const std::string& why);
  void end(const std::string& why);
  int finish();
  void announce(Slot& slot);
  bool settle(const Waiter& waiter);
  void answer(Connection& connection, const boost::json::value& id, boost::json::object fields);
  void refuse(Connection& connection, const boost::json::value& id, const std::string& error);
  void send(Connection& connection, const boost::json::object& message);
  Slot* find(const boost::json::object& request);

  LabRecipe recipe_;
  Layout layout_;
  UniqueFd listener_;
  UniqueFd owner_;
  UniqueFd signals_;
  const Clock& clock_;
  Netlink net_;
  std::vector<Slot> slots_;
  std::list<Connection> connections_;
  std::vector<Waiter> waiters_;
  bool ending_ = false;
  MonoTime ending_since_{};
  std::vector<std::pair<Connection*, boost::json::value>> told_when_ended_;
};

}  // namespace nospof::lab
