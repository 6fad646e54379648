#pragma once
// The ledger probe's configuration as a checked struct; ledger.hpp documents its JSON.

#include <string>

#include <boost/json/object.hpp>

#include "probes/http_url.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

struct LedgerConfig {
  HttpUrl write_url;
  HttpUrl read_url;            ///< of the same server; {ids} has become {id}
  std::string address;         ///< empty: resolve the host
  std::string authority_file;  ///< empty: the system's
  int expect_status = 200;
  std::string marker;  ///< empty: a random one
  int sessions = 4;
  Nanoseconds every = std::chrono::milliseconds(250);
  Nanoseconds timeout = std::chrono::seconds(3);
  Nanoseconds audit_every = std::chrono::seconds(1);
};

/// Throws Error naming the key, what stood there and what is expected.
LedgerConfig parse_ledger_config(const boost::json::object& json);

}  // namespace nospof::probes
