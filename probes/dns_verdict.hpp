#pragma once
// The configuration of the dns probe, and what an answer makes of a query; dns.hpp documents both.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "probes/outcomes.hpp"
#include "probes/pace.hpp"
#include "system/dns_message.hpp"

namespace nospof::probes {

struct DnsConfig {
  std::string server;
  int port = 53;
  std::string name;
  std::uint16_t type = dns_type_a;
  std::string expect;  ///< as inet_ntop(3) writes it; empty: any address
  Pace pace;
};

/// Throws Error naming the key, what stood there and what is expected.
DnsConfig parse_dns_config(const boost::json::object& json);
/// The defaults of the dns probe's pace.
Pace dns_pace();

enum class DnsStep { ignore, ask_over_tcp, judged };
struct DnsVerdict {
  DnsStep step = DnsStep::ignore;
  Failure failure;  ///< once judged; `ok` when it is right, however late
};
/// `over_tcp`: a message there is never ignored, nor cut off.
DnsVerdict judge_dns_answer(std::string_view message, const DnsQuestion& question,
                            const std::string& expect, bool over_tcp);

/// Messages over TCP, which have their length in front (RFC 1035 4.2.2); fed with bytes.
class DnsStreamReader {
 public:
  /// The first message, once it is whole.
  std::optional<std::string> feed(std::string_view bytes);

 private:
  std::string bytes_;
};
std::string dns_over_tcp(std::string_view message);

}  // namespace nospof::probes
