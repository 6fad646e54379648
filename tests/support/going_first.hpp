#pragma once
// What a test times must not wait for whatever else a busy machine has to do.

#include <sched.h>

namespace nospof::test {

/// The calling thread goes before all that are not real-time, where that is allowed, as the
/// prober's do; none that it starts. Only for threads that wait nearly all of their time.
inline void go_first() {
  sched_param priority{};
  priority.sched_priority = 1;
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
}

}  // namespace nospof::test
