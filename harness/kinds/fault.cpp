#include "kinds/fault.hpp"

#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::kinds {

namespace {

[[noreturn]] void refuse(const std::string& host, const char* what) {
  throw Error(fmt::format("host {}: the power over it here can't {}", host, what));
}

}  // namespace

void HostPower::freeze(const std::string& host, Nanoseconds) {
  refuse(host, "freeze it");
}

void HostPower::thaw(const std::string& host) {
  refuse(host, "thaw it");
}

void HostPower::isolate(const std::string& host, Nanoseconds) {
  refuse(host, "take it off the network");
}

void HostPower::rejoin(const std::string& host) {
  refuse(host, "put it back on the network");
}

void HostPower::reboot(const std::string& host, Nanoseconds) {
  refuse(host, "reboot it in order");
}

HostCondition HostPower::condition(const std::string& host) const {
  refuse(host, "tell more of it than whether it is on");
}

}  // namespace nospof::kinds
