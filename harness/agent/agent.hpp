#pragma once
// The process on a host: applies and heals faults for a controller that renews its lease.
//
// Newline-delimited JSON. A request {"id":7,"op":"inject",...} is answered by
// {"id":7,"ok":true,...} or {"id":7,"ok":false,"error":"..."}.
// Lines without "id" from the agent are events {"event":"..."}. Ids are integers, chosen by the
// controller; answers may come in another order than their requests. A line that is no request is
// answered with "id":null. Requests are at most 1 MiB long. A field that an op does not know is an
// error.
//
//   hello    {"version":1}
//            -> {"version":1,"host":..,"pid":..,"understudy":pid,"recovered":[..],
//                "capabilities":{"services":bool,"power":bool,"nftables":bool,"faults":[..]}}
//   lease    {"ttl_ms":3000}
//            -> {}  (renews; the first one starts the lease)
//   check    {"fault":kind,"parameters":{..}}
//            -> {}  (prepare() only; nothing changes)
//   inject   {"injection":id,"fault":kind,"parameters":{..},"duration_ms":n,"confirm_ms":n}
//            -> {"confirmed":bool,"outcome":..,"evidence":..,"steps":[..]}
//   heal     {"injection":id,"confirm_ms":n}
//            -> {"healed":bool,"changed":bool,"confirmed":bool,"outcome":..,"evidence":..,
//                "steps":[..]}
//   status   {}
//            -> {"injections":[{"injection","fault","state","confirmed","since_mono_ns"},..],
//                "open_records":n,"understudy":pid,"lease_left_ms":n or null}
//   exec     {"argv":[..],"timeout_ms":n}
//            -> {"exit_code":n,"timed_out":bool,"stdout":..,"stderr":..}
//   reach    {"targets":[{"address":..,"port":..}],"timeout_ms":n}
//            -> {"results":[{"open":bool,"detail":..,"ns":..}]}
//   service  {"service":name} or {}
//            -> {"services":[{"name","wanted_up","running","pid",
//                             "processes":[{"pid","start_time"}]}]}
//   clock    {}
//            -> {"mono_ns":n,"boot_id":"..","time_namespace":n}  (CLOCK_MONOTONIC now, and whose)
//   bye      {}
//            -> {}  (heals everything, answers, exits)
//
// inject is refused without a lease and for an id that was used before. When it fails its answer
// also has "steps" and, if something was changed, "undone":bool. The fault is in force for at most
// duration_ms, whoever may still ask: the agent's own timer heals it. "confirmed" says whether the
// fault was seen to bite (to be gone) within confirm_ms; "outcome" is "confirmed", "not-confirmed"
// or "unable".
// heal of an unknown id is answered with "healed":true,"changed":false,"outcome":"unable". One of
// an id that is healed changes nothing, but confirms again. When an undo fails, "healed" is false,
// the agent tries again every second, and exits with 5 if that never succeeds. "recovered" lists
// what the agent took back when it started, because its predecessor had left it.
// exec runs with /dev/null as stdin; after timeout_ms its whole process group is killed. Of stdout
// and stderr the first 256 KiB each are kept; bytes that are no UTF-8 become U+FFFD.
// reach makes TCP connections to numeric addresses, all at once.
//
// A step is {"step":"check|undo-written|inject|confirm|heal|confirm-healed","mono_ns":n,
// "wall_ns":n,"ok":bool,"detail":"..","outcome":..}, "outcome" only for confirmations.
//
// Events:
//   {"event":"healed","injection":id,"why":"duration over|lease expired|..","healed":bool,
//    "confirmed":bool,"outcome":..,"evidence":..,"steps":[..]}
//   {"event":"understudy-restarted","pid":n}  the old one had died
//   {"event":"understudy-lost","detail":..}   and no new one could be had: everything is healed
//   {"event":"ending","why":..}               nothing more is accepted

#include <functional>
#include <memory>
#include <string>

#include "kinds/fault.hpp"
#include "kinds/registry.hpp"

namespace nospof::agent {

struct AgentOptions {
  std::string host;
  std::string journal;  ///< file for undo records; created, locked while agent or understudy live
  std::string runit_folder;   ///< empty: no service manager
  std::string cgroup_folder;  ///< the host's own cgroup, parent of the services'; empty: none
  std::string data_folder;    ///< where the host's services keep their data; empty: unknown
  /// Makes the power over hosts; empty: none. Called once in each process that needs it (agent,
  /// understudy, recover), since its connections must not be shared with a forked child.
  std::function<std::unique_ptr<kinds::HostPower>()> power;
  int in_fd = 0;
  int out_fd = 1;
};

/// Runs until the lease expires, stdin ends, "bye", SIGTERM, SIGHUP or SIGINT; heals everything
/// first. What a dead agent left in the journal is taken back before anything else. Returns 0, or 5
/// when something could not be healed. Throws Error/SystemError when it cannot begin, for instance
/// because the journal is in use.
int run_agent(const AgentOptions& options, const kinds::Registry& registry);

/// `nospof recover` on one host: executes the undo records that a dead agent left in its journal.
/// Leaves a journal alone whose agent lives, and says whose it is; waits up to 8 s for a fault that
/// is in force under it, or for an understudy at work. Prints one line per record to
/// options.out_fd, nothing when there is nothing to do. Returns 0, or 5 when something could not be
/// undone or is still in force.
int run_recover(const AgentOptions& options);

/// `nospof status` on one host: prints one line per change that is in force, with its holder, and
/// nothing when there is none. Touches nothing. Returns 0, or 5 when what is in force was left
/// behind by an agent that is dead.
int run_status(const AgentOptions& options);

}  // namespace nospof::agent
