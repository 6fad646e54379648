#pragma once
// What a test times must not wait for whatever else a busy machine has to do.

#include <sched.h>

namespace nospof::test {

/// The calling thread goes before all that are not real-time, where that is allowed, as the
/// prober's do; of those that it starts none, or all. Only for threads that wait nearly all of
/// their time.
enum class Started { go_on_as_usual, go_first_too };
inline void go_first(Started started = Started::go_on_as_usual) {
  sched_param priority{};
  priority.sched_priority = 1;
  const int reset = started == Started::go_first_too ? 0 : SCHED_RESET_ON_FORK;
  ::sched_setscheduler(0, SCHED_RR | reset, &priority);
}

}  // namespace nospof::test
