#pragma once
// A socket for ICMP echo with one IPv4 address, which tells when answers came.

#include <cstdint>
#include <optional>
#include <string>

#include "probes/endpoint.hpp"
#include "probes/icmp_packet.hpp"
#include "probes/outcomes.hpp"
#include "system/clock.hpp"
#include "system/fd.hpp"

namespace nospof::probes {

class IcmpSocket {
 public:
  /// Throws MissingCapability when this process may have neither kind of socket. `id` is told from
  /// those of others; the kernel chooses its own for a socket that needs no privilege.
  IcmpSocket(const Endpoint& endpoint, std::uint16_t id);
  int fd() const { return fd_.get(); }

  /// 0, or the errno with which the kernel refused it.
  int send(std::uint16_t sequence, const std::string& payload) const;

  struct Answer {
    std::uint16_t sequence = 0;
    std::string payload;
    MonoTime came;  ///< by the kernel's own note
  };
  struct Refusal {
    std::uint16_t sequence = 0;
    Failure failure;
  };
  /// Without waiting: the next answer; nothing when none is there.
  std::optional<Answer> next_answer() const;
  /// The same for ICMP errors.
  std::optional<Refusal> next_refusal() const;

 private:
  Endpoint endpoint_;
  bool raw_ = false;
  UniqueFd fd_;
  std::uint16_t id_;
};

/// What an ICMP error makes of a request, by the errno that the kernel took it for.
Failure refusal_failure(int error_number);

}  // namespace nospof::probes
