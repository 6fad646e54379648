#pragma once
// One host as its keeper holds it: off, booting, on, stopping or dying.

#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "lab/boot.hpp"
#include "system/clock.hpp"

namespace nospof::lab {

class KeptHost {
 public:
  enum class State { off, booting, on, stopping, dying };

  /// All of it must outlive the host.
  KeptHost(const LabRecipe& lab, const HostRecipe& recipe, Netlink& net, const Clock& clock);

  const HostRecipe& recipe() const { return recipe_; }
  State state() const { return state_; }
  pid_t init_pid() const { return booting_.init.pid(); }
  Nanoseconds boot_time() const { return boot_time_; }
  /// Why it is off though nobody cut its power, or why its last boot failed; empty: all is well.
  const std::string& trouble() const { return trouble_; }

  /// Starts booting; it must be off. What goes wrong ends in trouble(), with the host off.
  void boot();
  /// Its link goes first, so that no farewell of a dying connection leaks out; then everything on
  /// it dies at once. The host is `dying` until step() has seen that nothing is left.
  void cut_power();
  /// The same without caring for what leaks out: deleting a link takes some 30 ms.
  void kill();
  /// Tells every service's supervisor to end it in order; when all are down, or `grace` is over,
  /// its power is cut. The host is `stopping` until then.
  void shut_down(Nanoseconds grace);
  /// Everything on it stands still (or goes on); its network stack is the kernel's and goes on.
  void freeze(bool frozen);
  /// Whether the switch takes and sends anything at its port.
  void connect(bool connected);

  /// What can be seen of it from outside.
  struct Condition {
    bool frozen = false;     ///< every process stands still
    bool connected = false;  ///< its link is a port of the switch
    std::size_t processes = 0;
    std::int64_t cpu_us = 0;    ///< CPU time of all its processes since it booted
    int boots = 0;              ///< how often its supervisor has been started
    std::string last_shutdown;  ///< how its last orderly stop went; empty: there was none
  };
  Condition condition() const;
  /// Looks at what has happened since.
  void step();
  /// What to wait for; a dying host also wants to be looked at every few milliseconds.
  void add_to(std::vector<pollfd>& waiting) const;

 private:
  void watch_shutdown();
  void read_report();
  void fail(const std::string& why);

  const LabRecipe& lab_;
  const HostRecipe& recipe_;
  Netlink& net_;
  const Clock& clock_;
  State state_ = State::off;
  BootingHost booting_;
  std::string report_text_;
  std::string trouble_;
  MonoTime boot_started_{};
  Nanoseconds boot_time_{};
  int boots_ = 0;
  MonoTime stop_started_{};
  MonoTime stop_until_{};
  std::string last_shutdown_;
};

/// Name of the switch's bridge, in the keeper's own network namespace.
inline constexpr const char* switch_bridge = "br0";

}  // namespace nospof::lab
