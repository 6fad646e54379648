#include "system/clock_identity.hpp"

#include <sys/stat.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

ClockIdentity own_clock() {
  ClockIdentity identity;
  try {
    identity.boot_id = read_file("/proc/sys/kernel/random/boot_id");
  } catch (const SystemError&) {
    return identity;
  }
  while (!identity.boot_id.empty() && identity.boot_id.back() == '\n') identity.boot_id.pop_back();
  struct stat status {};
  if (::stat("/proc/self/ns/time", &status) == 0) identity.time_namespace = status.st_ino;
  return identity;
}

}  // namespace nospof
