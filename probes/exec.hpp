#pragma once
// The exec probe: runs a command at a set rate, each outcome a sample.
//
// Open-loop, as the https probe is: a command that hangs does not hold up the next one, until
// max_in_flight of them hang. Each command has a session of its own, /dev/null as input and errors;
// when it ends, or its deadline passes, everything that is left of its process group is killed. Its
// arguments go to it as they are; no shell is involved.
//
// clang-format off
// The JSON configuration; a key that is not listed is an error:
//   argv         list of texts, required  the program, looked up in PATH by make(), and its
//                                         arguments
//   expect_exit  integer                  default 0
//   field        text                     a number in the JSON that it writes to its output:
//                                         "a.b.0.c"; true is 1, false is 0
//   expect       text                     what that must be: "<= 3", "== 1", "between 2 and 5";
//                                         both or none of the two
//   and those of pace.hpp: rate_per_second (required), ramp_to_per_second, ramp_over_ns, phase_ns,
//   timeout_ns (default 3 s), slow_ns (1 s), max_in_flight (4; at most 1,000), count
//
// How outcomes are told apart:
//   ok               detail 0
//   timeout          its deadline passed, and it was killed
//   command-failed   another exit code; detail is that code, 128 + signal when it was killed by one
//   wrong-body       the field's value is not as expected
//   no-data          no such field, or no number there (detail 0); no JSON (EBADMSG); more than
//                    1 MiB (EMSGSIZE)
//   local-error      it could not be started (detail errno); else as in https.hpp
// clang-format on

#include <memory>

#include "kinds/probe.hpp"

namespace nospof::probes {

/// The kind, for registration in main.cpp. The command runs on the vantage host, with the rights of
/// the prober.
std::unique_ptr<kinds::ProbeKind> make_exec();

}  // namespace nospof::probes
