#include "control/prober_client.hpp"

#include <istream>
#include <memory>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::control {

ProberClient::ProberClient(asio::io_context& context, hosts::RemoteProcess process,
                           std::string host, ProberEvents events)
    : context_(context),
      in_(context, process.to_stdin.release()),
      out_(context, process.from_stdout.release()),
      child_(std::move(process.child)),
      host_(std::move(host)),
      events_(std::move(events)) {}

asio::awaitable<std::string> ProberClient::read_line() {
  const std::size_t size =
      co_await asio::async_read_until(out_, buffer_, '\n', asio::use_awaitable);
  std::string line(asio::buffers_begin(buffer_.data()),
                   asio::buffers_begin(buffer_.data()) + static_cast<std::ptrdiff_t>(size));
  buffer_.consume(size);
  co_return line;
}

asio::awaitable<std::string> ProberClient::first_answer(const std::string& request) {
  co_await asio::async_write(in_, asio::buffer(request), asio::use_awaitable);
  co_return co_await read_line();
}

asio::awaitable<void> ProberClient::start(const std::vector<ProbeOrder>& probes, bool realtime,
                                          std::chrono::milliseconds within) {
  json::array list;
  for (const ProbeOrder& probe : probes)
    list.push_back({{"name", probe.name}, {"probe", probe.kind}, {"config", probe.config}});
  const json::object orders{{"probes", std::move(list)}, {"realtime", realtime}};
  const std::string request = json::serialize(orders) + "\n";
  std::string line;
  // The timer's handler may be due when this object has gone.
  const auto waiting = std::make_shared<bool>(true);
  bool late = false;
  asio::steady_timer timer(context_, within);
  timer.async_wait([this, waiting, &late](const boost::system::error_code& error) {
    if (error || !*waiting) return;
    late = true;
    boost::system::error_code ignored;
    in_.close(ignored);
    out_.close(ignored);
  });
  try {
    line = co_await first_answer(request);
    *waiting = false;
  } catch (const boost::system::system_error& e) {
    *waiting = false;
    if (late)
      throw Error(fmt::format("the prober on {} is not ready within {} ms", host_, within.count()));
    throw Error(fmt::format("the prober on {} ended before it was ready: {}", host_, e.what()));
  }
  const json::object answer = json::parse(line).as_object();
  if (const auto* error = answer.if_contains("error"))
    throw Error(fmt::format("the prober on {} cannot run: {}", host_, error->as_string().c_str()));
  reading_ = true;
  asio::co_spawn(context_, read_loop(), asio::detached);
}

struct ProberClient::ClockQuestion {
  ClockQuestion(asio::io_context& context, std::int64_t which) : number(which), timer(context) {}
  std::int64_t number;
  asio::steady_timer timer;
  std::optional<json::object> answer;
};

asio::awaitable<json::object> ProberClient::clock(std::chrono::milliseconds within) {
  const auto question = std::make_shared<ClockQuestion>(context_, ++clock_questions_);
  asked_clock_ = question;
  question->timer.expires_after(within);
  const std::string line = fmt::format("clock {}\n", question->number);
  boost::system::error_code error;
  co_await asio::async_write(in_, asio::buffer(line),
                             asio::redirect_error(asio::use_awaitable, error));
  if (!error && !question->answer)
    co_await question->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (!question->answer) throw Error(fmt::format("the prober on {} does not tell the time", host_));
  co_return std::move(*question->answer);
}

asio::awaitable<void> ProberClient::read_loop() {
  try {
    while (!done_) take(json::parse(co_await read_line()).as_object());
  } catch (const std::exception& e) {
    if (!done_) failure_ = fmt::format("the prober on {} failed: {}", host_, e.what());
  }
  reading_ = false;
}

void ProberClient::take(const json::object& message) {
  const ProberState state = take_prober_message(message, events_);
  if (state.error) failure_ = fmt::format("the prober on {} failed: {}", host_, *state.error);
  if (state.done) done_ = true;
  if (asked_clock_ && state.clock == asked_clock_->number) {
    asked_clock_->answer = message;
    asked_clock_->timer.cancel();
  }
}

asio::awaitable<void> ProberClient::stop(std::chrono::milliseconds at_most) {
  boost::system::error_code error;
  co_await asio::async_write(in_, asio::buffer("stop\n", 5),
                             asio::redirect_error(asio::use_awaitable, error));
  in_.close(error);
  const auto end = std::chrono::steady_clock::now() + at_most;
  asio::steady_timer timer(context_);
  while (reading_ && std::chrono::steady_clock::now() < end) {
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  out_.close(error);
  // The cancelled read still has to come back before this object may go.
  while (reading_) {
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  if (!child_.wait(std::chrono::milliseconds(200))) child_ = Child();
}

}  // namespace nospof::control
