#pragma once
// What a kind of fault is. The harness knows faults only through this header;
// docs/adding-a-fault.md shows one.
//
// A fault's life on a host: check -> write the undo records -> inject -> confirm -> heal -> confirm
// healed. The agent drives it; the fault supplies the steps.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "kinds/reload.hpp"
#include "spec/catalogue.hpp"
#include "system/clock.hpp"
#include "system/process.hpp"

namespace nospof::kinds {

namespace json = boost::json;

/// One service as its host's supervisor sees it.
struct ServiceState {
  std::string name;
  bool wanted_up = false;  ///< the supervisor will (re)start it
  bool running = false;
  bool clearing_up = false;  ///< it has ended, and its supervisor has not decided what comes next
  std::optional<ProcessId> main_process;
  std::vector<ProcessId> processes;  ///< all of its processes, the main one first
  std::string cgroup;  ///< folder of the cgroup that holds exactly its processes; empty: unknown
};

/// The supervisor of the host where a fault acts (runit in a lab). Errors are thrown as
/// Error/SystemError.
class ServiceManager {
 public:
  virtual ~ServiceManager() = default;
  virtual std::vector<std::string> list() const = 0;
  virtual ServiceState state(const std::string& service) const = 0;
  /// From now on the supervisor does not start it again when it ends; does not end it.
  virtual void hold_down(const std::string& service) = 0;
  /// Ends it in order (its stop signal) and does not start it again. Does not wait for its end.
  virtual void stop(const std::string& service) = 0;
  /// Back under normal supervision, and started if it is not running. While it is clearing up,
  /// waits for what its supervisor decides: that would have the last word.
  virtual void start(const std::string& service) = 0;
};

/// A host as it is seen from outside.
struct HostCondition {
  bool on = false;
  bool frozen = false;     ///< every process on it stands still
  bool connected = false;  ///< frames get from and to it
  int processes = 0;
  std::int64_t cpu_us = 0;    ///< CPU time of all its processes since it booted, microseconds
  int boots = 0;              ///< how often it has booted
  std::string last_shutdown;  ///< how its last orderly stop went; empty: there was none
};

/// Power over hosts: a lab's keeper, or a management interface of real ones.
class HostPower {
 public:
  virtual ~HostPower() = default;
  /// Link away first, then everything dies at once. It stays off until on() is called, until
  /// `at_most` is over, or until the process that asked is gone, whichever comes first.
  virtual void off(const std::string& host, Nanoseconds at_most) = 0;
  /// Boots it, unless it is up; returns when its supervisor runs and its link is there.
  virtual void on(const std::string& host) = 0;
  virtual bool is_on(const std::string& host) const = 0;

  /// Every process of the host stands still, its network stack does not; until thaw(), `at_most` or
  /// the end of the process that asked. Here and below: throws Error where there is no way to do
  /// it.
  virtual void freeze(const std::string& host, Nanoseconds at_most);
  virtual void thaw(const std::string& host);
  /// No frame leaves or reaches the host, while its link stays up; ends as freeze() does.
  virtual void isolate(const std::string& host, Nanoseconds at_most);
  virtual void rejoin(const std::string& host);
  /// Its services are ended in order, what has not ended after `grace` is killed, then it boots.
  /// Returns at once.
  virtual void reboot(const std::string& host, Nanoseconds grace);
  virtual HostCondition condition(const std::string& host) const;
};

/// What a fault may use where it acts. References outlive the injection.
struct HostEnv {
  std::string host;                    ///< name of the host the agent runs on
  ServiceManager* services = nullptr;  ///< nullptr where there is none
  HostPower* power = nullptr;          ///< only in the agent that has power over other hosts
  const Clock* clock = nullptr;
  std::string cgroup = {};       ///< folder of the host's own cgroup (cgroup2); empty: none
  std::string data_folder = {};  ///< on a file system of the host's own; empty: unknown
};

/// How to take back one change: plain data, written to the journal before the change is made,
/// executed by one piece of code (agent/undo.hpp) for healing, for the understudy and for `nospof
/// recover`. "op" names the operation; undoing twice, or undoing what was never done, does nothing.
using UndoRecord = json::object;

/// An answer to "does it bite?" or "is it gone?".
struct Confirmation {
  enum class Outcome { confirmed, not_yet, unable };
  Outcome outcome = Outcome::not_yet;
  std::string evidence;  ///< what was measured, with figures: "7 of 7 processes stopped"
};

/// A fault on its way on one host. Created by prepare(), which changes nothing.
class Injection {
 public:
  virtual ~Injection() = default;
  /// Everything needed to take it back; complete before inject() is called.
  virtual std::vector<UndoRecord> undo() const = 0;
  /// Makes the change. When it throws, the agent executes the undo records.
  virtual void inject() = 0;
  /// Asked again every 20 ms until it is confirmed or the deadline is over; must not block.
  virtual Confirmation confirm() = 0;
  /// Lets go of what the kernel removes when its owner goes (sockets of nftables tables with
  /// `owner`), and of connections that confirm() has open: what an undo reloads may wait for them,
  /// and this thread for it. The first step of healing, before the undo records are executed.
  virtual void release() {}
  /// Compares the state with what prepare() saw; asked until confirmed or the deadline is over.
  virtual Confirmation confirm_healed() = 0;
};

/// A checked value: one fault with its parameters, for one host. Owns nothing.
class Fault {
 public:
  virtual ~Fault() = default;
  /// Reads the state of the host and checks that the fault can work here; changes nothing.
  /// Throws Error that says what is missing and what to do.
  virtual std::unique_ptr<Injection> prepare(HostEnv& env) const = 0;
};

/// What a fault may know of the stack when it is planned (made from the topology).
struct StackHost {
  std::string name;
  std::string address;
  std::string mac;  ///< empty: unknown
  std::vector<std::string> services;
};
struct StackFlow {
  std::string from, to;  ///< hosts
  int port = 0;          ///< TCP
};
/// The certificate of a service on a host, and where it is shown.
struct StackTls {
  std::string authority;  ///< name of who signs it
  std::string identity;   ///< name that clients verify
  int port = 0;           ///< where clients find it; 0: nowhere that the topology tells
  std::string starttls;   ///< said before TLS begins: "mysql", "postgresql", or empty
  /// Paths on the host; empty where they are not known.
  std::string certificate;     ///< the chain, PEM
  std::string key;             ///< PEM
  std::string bundle;          ///< key and chain in one file
  std::string authority_file;  ///< the authority's own certificate, PEM
};
/// A service of one host, as far as faults on its files need to know it.
struct StackService {
  std::string host, name;
  std::vector<std::string> files;  ///< its configuration: names in `folder`
  std::string folder;              ///< on the host; empty: not known
  std::vector<int> ports;          ///< TCP ports it listens on
  Reload reload;                   ///< how it takes changed files
  int stop_signal = 0;             ///< ends it in order
  std::optional<StackTls> tls;
};

/// A certificate that is not what it should be. What is not set is as in the service's real one.
struct CertificateWish {
  std::optional<WallTime> not_before, not_after;
  std::optional<std::string> only_name;  ///< instead of all of its names and addresses
  bool unknown_authority = false;  ///< signed by another authority of the same name, made for this
};
/// PEM.
struct SignedCertificate {
  std::string chain;  ///< the certificate first
  std::string key;    ///< a new one
};
/// Has the authorities' keys, so that a fault can show a bad certificate that is signed well.
class CertificateSigner {
 public:
  virtual ~CertificateSigner() = default;
  virtual SignedCertificate sign(const std::string& host, const std::string& service,
                                 const CertificateWish& wish) const = 0;
};

struct StackVip {
  std::string name;
  std::string address;
  std::string dns_name;
  std::vector<std::string> owners;  ///< hosts that may hold it
};
struct StackView {
  std::vector<StackHost> hosts;
  std::vector<StackFlow> flows;  ///< allowed TCP flows, host to host
  std::vector<StackService> services;
  std::shared_ptr<const CertificateSigner> signer;  ///< nullptr: nobody can sign
  std::vector<StackVip> vips;
  const StackHost& host(const std::string& name) const;  ///< throws Error when there is none
  /// nullptr when nothing is known of it.
  const StackService* service(const std::string& host, const std::string& service) const;
};

/// A TCP connection that tells from outside whether a fault bites: open before, closed while it is
/// in force, open again after healing. Only those that are open before count. One that is
/// `forbidden` tells it the other way round: closed before, open while a security outage is in
/// force, closed again after healing; other hosts may forbid it too, so one that opens is enough,
/// and none is no evidence against.
struct Witness {
  std::string from_host;
  std::string to_host;
  std::string address;
  int port = 0;
  bool forbidden = false;
};

/// The part of a fault that one agent carries out.
struct Placement {
  std::string host;          ///< where it acts; for needs_power the host that is switched
  bool needs_power = false;  ///< carried out by the agent with HostPower, not on `host` itself
  /// Goes to FaultKind::make() on the agent. The key "duration_ms" is reserved: the controller sets
  /// it in every placement, just before sending, to the milliseconds that the fault is to be in
  /// force.
  json::object parameters;
  std::string effect;  ///< for --dry-run: "SIGSTOP to every process of mariadb on db1"
  std::string undo;    ///< for --dry-run: "SIGCONT to the same processes"
};
struct Plan {
  std::vector<Placement> placements;
  std::vector<Witness> witnesses;         ///< at least one must be open before, if there are any
  std::vector<std::string> blast_radius;  ///< hosts whose service is touched
  /// Outcomes (names as in kinds/sample.hpp) that it is meant to show to clients, although they may
  /// never happen otherwise: "tls-expired" for an expired certificate. They count as failures, so
  /// as outage, but not as a violation by themselves.
  std::vector<std::string> causes = {};
  /// How long the hosts may take to confirm it, and to confirm that it is gone.
  std::chrono::milliseconds confirm_within{1500};
  std::chrono::milliseconds healed_within{10'000};
};

/// A kind of fault: one file pair in faults/ plus one registration line in main.cpp.
class FaultKind {
 public:
  virtual ~FaultKind() = default;
  virtual const spec::KindInfo& info() const = 0;
  /// What this machine lacks for it that only the kind itself can find out, beyond what its info
  /// says it needs; empty: nothing.
  virtual std::string missing_here() const { return {}; }
  /// Why no machine that this version drives can do it, for people; empty: some can.
  virtual std::string never_possible() const { return {}; }
  /// Controller: which agents do what. `targets` are host names, resolved; `service` is empty for
  /// faults on hosts.
  virtual Plan plan(const std::vector<std::string>& targets, const std::string& service,
                    const spec::Parameters& parameters, const StackView& stack) const = 0;
  /// Agent: the checked value from a placement's parameters. Throws Error on anything unknown or
  /// out of range.
  virtual std::unique_ptr<Fault> make(const json::object& parameters) const = 0;
};

}  // namespace nospof::kinds
