#include "probes/http_get.hpp"

#include <algorithm>
#include <array>

#include <poll.h>

#include "probes/http_connection.hpp"
#include "probes/http_probe.hpp"

namespace nospof::probes {

namespace {

/// Whether the socket became ready; not when the time is over or it is to stop.
bool wait_for(int fd, short events, MonoTime deadline, int stop_fd) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> polled{{{fd, events, 0}, {stop_fd, POLLIN, 0}}};
    const int n = ::poll(polled.data(), polled.size(), static_cast<int>(left.count()));
    if (polled[1].revents != 0) return false;
    if (n > 0) return true;
  }
}

}  // namespace

HttpClient::HttpClient(HttpUrl url, const std::string& address, const std::string& authority_file)
    : url_(std::move(url)),
      endpoint_(resolve_endpoint(address.empty() ? url_.host : address, url_.port)) {
  if (url_.tls) tls_ = std::make_unique<TlsContext>(authority_file, url_.host);
  if (url_.target.ends_with('/')) url_.target.pop_back();
}

std::optional<HttpClient::Answer> HttpClient::get(std::string_view target, MonoTime deadline,
                                                  int stop_fd) const {
  HttpUrl wanted = url_;
  wanted.target += target;
  const std::string request = http_get_request(wanted, false);
  int error_number = 0;
  const UniqueFd socket = begin_connect(endpoint_, error_number);
  if (!socket) return std::nullopt;
  HttpConnection connection(tls_.get(), socket.get());
  connection.ask(request);
  auto wants = HttpConnection::Wants::write;
  while (wait_for(socket.get(), wants == HttpConnection::Wants::write ? POLLOUT : POLLIN, deadline,
                  stop_fd)) {
    wants = connection.advance();
    if (connection.resting()) {
      connection.say_goodbye();
      return Answer{connection.answer().status(), connection.answer().body()};
    }
    if (connection.over()) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace nospof::probes
