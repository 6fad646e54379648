#include "probes/http_ask.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "probes/http_connection.hpp"

namespace nospof::probes {

namespace asio = boost::asio;

boost::asio::awaitable<HttpReply> http_ask(const Endpoint& endpoint, const TlsContext* tls,
                                           const std::string& request, MonoTime deadline) {
  using asio::experimental::awaitable_operators::operator||;
  constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
  HttpReply reply;
  int error_number = 0;
  UniqueFd socket = begin_connect(endpoint, error_number);
  if (!socket) {
    reply.failure = connect_failure(error_number);
    co_return reply;
  }
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor descriptor(executor, socket.get());
  socket.release();
  asio::steady_timer timer(executor, deadline);
  HttpConnection connection(tls, descriptor.native_handle());
  connection.ask(request);
  auto wants = HttpConnection::Wants::write;
  for (;;) {
    const auto ready = wants == HttpConnection::Wants::write
                           ? asio::posix::stream_descriptor::wait_write
                           : asio::posix::stream_descriptor::wait_read;
    const auto first =
        co_await (descriptor.async_wait(ready, as_result) || timer.async_wait(as_result));
    if (first.index() == 1) {
      reply.failure = deadline_failure(connection.connected());
      break;
    }
    wants = connection.advance();
    if (connection.resting()) {
      reply.failure.outcome = kinds::Outcome::ok;
      reply.status = connection.answer().status();
      reply.body = connection.answer().body();
      connection.say_goodbye();
      break;
    }
    if (connection.over()) {
      reply.failure = connection.failure();
      break;
    }
  }
  reply.request_left = connection.asked();
  co_return reply;
}

}  // namespace nospof::probes
