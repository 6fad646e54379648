#pragma once
// The environment of what nospof itself runs on a lab's host.

#include <string>
#include <utility>
#include <vector>

namespace nospof::lab {

/// PATH, HOME and LANG as on a plain machine, and of the caller's variables only those that steer
/// nospof, the terminal or a sanitizer. Proxies, certificate stores and the like of the caller's
/// session would make commands behave differently in the lab. To be used with
/// SpawnOptions::clean_environment.
std::vector<std::pair<std::string, std::string>> host_environment();

}  // namespace nospof::lab
