#pragma once
// TCP connections to many targets, tried at once and ended again: what each of them answers.

#include <cstdint>
#include <string_view>
#include <vector>

#include "probes/endpoint.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

/// What trying to connect has shown; firewall.hpp says what each means.
enum class Reach { open, refused, rejected, silent, unreachable, local_error };

/// "local-error"
std::string_view reach_name(Reach reach);

/// An ICMP message that ended an attempt, as the socket's error queue tells it.
struct IcmpError {
  int family = 0;  ///< AF_INET or AF_INET6; 0: there was none
  int type = 0;
  int code = 0;
};

/// What an attempt shows that ended with this errno (0: connected). Pure.
Reach classify_reach(int error_number, const IcmpError& icmp);

struct Reached {
  Reach reach = Reach::local_error;
  int error_number = 0;
  std::int64_t begin_ns = 0;  ///< of the attempt, CLOCK_MONOTONIC nanoseconds
  std::int64_t end_ns = 0;
};

/// Tries all of them, at most `max_in_flight` at a time, each for at most `timeout`. Results in the
/// order of the endpoints; nothing when `stop_fd` became readable before the end. Throws
/// SystemError only when it can't watch sockets at all.
std::vector<Reached> sweep(const std::vector<Endpoint>& endpoints, Nanoseconds timeout,
                           std::size_t max_in_flight, int stop_fd);

}  // namespace nospof::probes
