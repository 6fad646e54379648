#pragma once
// One question over HTTP(S) with its answer, for probes whose clients wait side by side: the
// coroutine among those who ask (http_get.hpp blocks). Brings Asio.

#include <string>

#include <boost/asio/awaitable.hpp>

#include "probes/endpoint.hpp"
#include "probes/outcomes.hpp"
#include "probes/tls_context.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

struct HttpReply {
  Failure failure;            ///< outcome ok: the answer is whole
  bool request_left = false;  ///< some of the request may have been sent
  int status = 0;
  std::string body;
  bool whole() const { return failure.outcome == kinds::Outcome::ok; }
};

/// GET on a connection of its own; `request` is all of its bytes. `tls` nullptr: none. Whatever
/// goes wrong is in the reply.
boost::asio::awaitable<HttpReply> http_ask(const Endpoint& endpoint, const TlsContext* tls,
                                           const std::string& request, MonoTime deadline);

}  // namespace nospof::probes
