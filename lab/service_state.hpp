#pragma once
// What a host's supervisor says of its services, read from the files that runsv keeps.

#include <string>
#include <vector>

#include <sys/types.h>

namespace nospof::lab {

struct SupervisedService {
  bool running = false;
  bool settled_down = false;  ///< it ended, and its supervisor does not start it again
  std::string state;          ///< runsv's own words: "run", "finish", "down"; empty: none yet
  pid_t pid = 0;              ///< as the host numbers it; 0: none
};

/// `service_folder`: runsv's folder of the service. Never throws for a supervisor that is not
/// there.
SupervisedService read_service(const std::string& service_folder);

/// The last lines of a file; empty when there is none.
std::vector<std::string> last_lines(const std::string& file, std::size_t count);

}  // namespace nospof::lab
