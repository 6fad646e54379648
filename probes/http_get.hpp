#pragma once
// One question over HTTP(S) with its answer, for probes that look.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "probes/endpoint.hpp"
#include "probes/http_url.hpp"
#include "probes/tls_context.hpp"
#include "system/clock.hpp"

namespace nospof::probes {

/// Where a client asks, and whom it trusts there.
class HttpClient {
 public:
  /// Resolves the host and reads the authority file; throws Error when one of them cannot be had.
  /// `address` empty: the URL's host. The URL's path is put before every target.
  HttpClient(HttpUrl url, const std::string& address, const std::string& authority_file);

  struct Answer {
    int status = 0;
    std::string body;
  };
  /// GET on a connection of its own. Waits until `deadline` at most, and not any longer when
  /// `stop_fd` becomes readable. Nothing: there was no whole answer, for whatever reason.
  std::optional<Answer> get(std::string_view target, MonoTime deadline, int stop_fd) const;

 private:
  HttpUrl url_;
  Endpoint endpoint_;
  std::unique_ptr<TlsContext> tls_;  ///< nullptr: none
};

}  // namespace nospof::probes
