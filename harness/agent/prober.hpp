#pragma once
// `nospof prober`: the probes of one vantage host, in one process, driven over stdin and stdout.
//
// clang-format off
//   in   {"probes":[{"name":"users","probe":"https","config":{..}},..]}
//                                          the first line; each config is the probe's own. For a
//                                          single one {"probe":..,"config":..} will do: its name is
//                                          then its kind
//                                          With "realtime":true beside them their threads go
//                                          before all others that are not real-time, if the host
//                                          allows it: a busy one does not make them late
//   out  {"ready":true,"wall_minus_mono_ns":n,"realtime":b}
//                                          they run; CLOCK_REALTIME minus CLOCK_MONOTONIC here
//   out  {"of":"web","samples":[[sequence,scheduled_ns,started_ns,finished_ns,outcome,detail],..]}
//                                          within 50 ms of the first one; outcome as its number
//   out  {"of":"users","lateness_ns":n}    about every second: see SampleSink::lateness
//   out  {"of":"canary","found":{"at_ns","since_ns","what","subject","detail","violation","over",
//                                          "count"}}
//   out  {"of":"canary","looked":[begin_ns,end_ns,checked,undecided]}
//   out  {"of":"canary","expects":[["subject","expected"],..]}
//                                          once, before its first "looked"
//   out  {"of":"canary","decided":[place,..]}
//                                          places in "expects", each of them once
//                                          see kinds/finding.hpp
//   out  {"of":"ledger","operated":[[..],..]}
//                                          see operation_json() in kinds/operation.hpp
//   out  {"of":"users","error":".."}       this probe has ended, the others go on
//   in   clock 7                           "what time is it?", any number; answered at once:
//   out  {"clock":7,"mono_ns":n,"boot_id":"..","time_namespace":n}
//   in   stop                              or EOF: nothing more is sent, what is in flight is
//                                          finished
//   out  {"done":true,"sent":n}            the last line; n samples were told in all
//   out  {"error":".."}                    instead of "ready"
// clang-format on
//
// The schedule never waits for the reader: samples pile up in memory. When too many do, the probes
// end with an error, because a run with unknown gaps would prove nothing.

#include <cstddef>

#include "kinds/registry.hpp"

namespace nospof::agent {

struct ProberLimits {
  std::size_t waiting_bytes = std::size_t{64} * 1024 * 1024;  ///< told but not yet read
};

/// Runs until "stop", EOF, or the probes' own end. Returns 0; 2 when the first line cannot be
/// used; 3 when a probe failed or its samples could not be told. Neither descriptor is closed.
/// The whole process is affected in one way: its limit of open files is raised as far as allowed.
int run_prober(const kinds::Registry& registry, int in_fd, int out_fd, ProberLimits limits = {});

}  // namespace nospof::agent
