#include "probes/https_probe.hpp"

#include <cerrno>
#include <cmath>
#include <deque>
#include <list>
#include <optional>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <fmt/format.h>

#include "probes/endpoint.hpp"
#include "probes/placeholders.hpp"
#include "probes/tls_connection.hpp"
#include "system/check.hpp"

namespace nospof::probes {

namespace asio = boost::asio;
using kinds::Outcome;

namespace {

// A server ends a fresh connection itself after its answer; if we ended it first, our ports would
// be used up by connections in TIME_WAIT. It gets this long to do so.
constexpr auto drain_time = std::chrono::seconds(1);
constexpr auto tick_period = std::chrono::seconds(1);

struct Link;

struct Request {
  std::uint64_t sequence;
  MonoTime scheduled;
  MonoTime started;
  std::string text;
  std::string expected;
  bool retried = false;
  std::shared_ptr<Link> link;
};
using Requests = std::list<Request>;

// One connection with its place in the reactor.
struct Link {
  Link(asio::io_context& io, const TlsContext& context, UniqueFd socket)
      : tls(context, socket.get()), descriptor(io, socket.get()) {
    socket.release();
  }
  TlsConnection tls;
  asio::posix::stream_descriptor descriptor;
  bool read_armed = false;
  bool write_armed = false;
  bool used = false;  ///< has answered before
  std::optional<Requests::iterator> request;
};

struct Drain {
  MonoTime until;
  std::weak_ptr<Link> link;  ///< kept alive by its pending wait alone
};

// One run of the probe: everything happens on the thread that calls run().
class HttpsRun {
 public:
  HttpsRun(const HttpsConfig& config, const Endpoint& endpoint, const TlsContext& context,
           int stop_fd, kinds::SampleSink& sink);
  void run();

 private:
  MonoTime due(std::uint64_t sequence) const;
  void wait_for_due();
  void send_due();
  void send(std::uint64_t sequence, MonoTime scheduled);
  void stop_sending();

  void use_idle_or_open(Requests::iterator request);
  void open(Requests::iterator request);
  void arm(const std::shared_ptr<Link>& link, TlsConnection::Wants wants);
  void drive(const std::shared_ptr<Link>& link);
  void answered(const std::shared_ptr<Link>& link);
  void failed(const std::shared_ptr<Link>& link);
  static void discard(const std::shared_ptr<Link>& link, bool goodbye);

  Failure judge(const Request& request, const HttpResponse& answer, MonoTime finished) const;
  void finish(Requests::iterator request, Failure failure, MonoTime finished);
  void report(std::uint64_t sequence, MonoTime scheduled, MonoTime started, MonoTime finished,
              Failure failure);
  void wait_for_deadline();
  void expire();
  void tick();
  void end_when_done();

  static MonoTime now() { return std::chrono::steady_clock::now(); }

  const HttpsConfig& config_;
  const Endpoint& endpoint_;
  const TlsContext& context_;
  kinds::SampleSink& sink_;
  PlaceholderText request_text_;
  PlaceholderText expected_body_;
  RequestNamer namer_;

  asio::io_context io_{1};
  asio::steady_timer due_timer_{io_};
  asio::steady_timer deadline_timer_{io_};
  asio::steady_timer tick_timer_{io_};
  asio::posix::stream_descriptor stop_;
  MonoTime start_{};
  MonoTime next_tick_{};
  std::uint64_t next_ = 0;
  bool sending_ = true;
  bool ended_ = false;
  bool deadline_armed_ = false;
  Nanoseconds worst_lateness_{0};
  Requests in_flight_;  ///< in the order of their deadlines, as all have the same time-out
  std::vector<std::shared_ptr<Link>> idle_;  ///< the last used at the end
  std::deque<Drain> drains_;
};

std::string request_template(const HttpsConfig& config) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nospof\r\nAccept: */*\r\n{}\r\n",
                     config.target, config.authority,
                     config.keep_alive ? "" : "Connection: close\r\n");
}

// Ids must not repeat between runs, so this is the one place where chance is not passed down.
std::uint64_t run_seed() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32U) | entropy();
}

HttpsRun::HttpsRun(const HttpsConfig& config, const Endpoint& endpoint, const TlsContext& context,
                   int stop_fd, kinds::SampleSink& sink)
    : config_(config),
      endpoint_(endpoint),
      context_(context),
      sink_(sink),
      request_text_(request_template(config)),
      expected_body_(config.expect_body),
      namer_(run_seed()),
      stop_(io_, check("duplicate the stop descriptor", ::fcntl(stop_fd, F_DUPFD_CLOEXEC, 0))) {}

void HttpsRun::run() {
  start_ = now();
  next_tick_ = start_;
  stop_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [this](const boost::system::error_code& error) {
                     if (!error) stop_sending();
                   });
  wait_for_due();
  tick();
  io_.run();
  sink_.lateness(worst_lateness_.count());
}

// From the start each time: no rounding and no lateness adds up.
MonoTime HttpsRun::due(std::uint64_t sequence) const {
  const long double seconds = static_cast<long double>(sequence) / config_.rate_per_second;
  return start_ + Nanoseconds(std::llround(seconds * 1e9L));
}

void HttpsRun::wait_for_due() {
  due_timer_.expires_at(due(next_));
  due_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_due();
  });
}

void HttpsRun::send_due() {
  const MonoTime until = now();
  while (sending_ && due(next_) <= until) {
    const std::uint64_t sequence = next_++;
    const bool last = next_ == config_.count;
    send(sequence, due(sequence));
    if (last) stop_sending();
  }
  if (sending_) wait_for_due();
}

void HttpsRun::send(std::uint64_t sequence, MonoTime scheduled) {
  const MonoTime started = now();
  worst_lateness_ = std::max(worst_lateness_, Nanoseconds(started - scheduled));
  if (started >= scheduled + config_.timeout)
    return report(sequence, scheduled, started, started, {Outcome::local_error, ETIME});
  if (in_flight_.size() >= config_.max_in_flight)
    return report(sequence, scheduled, started, started, {Outcome::local_error, EBUSY});
  const RequestNames names = namer_.name(sequence);
  const auto request =
      in_flight_.insert(in_flight_.end(), {sequence, scheduled, started, request_text_.fill(names),
                                           expected_body_.fill(names), false, nullptr});
  if (!deadline_armed_) wait_for_deadline();
  use_idle_or_open(request);
}

void HttpsRun::stop_sending() {
  sending_ = false;
  due_timer_.cancel();
  end_when_done();
}

void HttpsRun::use_idle_or_open(Requests::iterator request) {
  while (!idle_.empty()) {
    const std::shared_ptr<Link> link = std::move(idle_.back());
    idle_.pop_back();
    if (link->tls.over() || !link->tls.still_open()) {
      discard(link, false);
      continue;
    }
    link->request = request;
    request->link = link;
    link->tls.ask(request->text);
    return drive(link);
  }
  open(request);
}

void HttpsRun::open(Requests::iterator request) {
  int error_number = 0;
  UniqueFd socket = begin_connect(endpoint_, error_number);
  if (!socket) return finish(request, connect_failure(error_number), now());
  const auto link = std::make_shared<Link>(io_, context_, std::move(socket));
  link->request = request;
  request->link = link;
  link->tls.ask(request->text);
  arm(link, TlsConnection::Wants::write);
}

void HttpsRun::arm(const std::shared_ptr<Link>& link, TlsConnection::Wants wants) {
  const bool write = wants == TlsConnection::Wants::write;
  bool& armed = write ? link->write_armed : link->read_armed;
  // A wait for reading stays on while a connection is idle and serves the next answer too.
  if (armed) return;
  armed = true;
  link->descriptor.async_wait(write ? asio::posix::stream_descriptor::wait_write
                                    : asio::posix::stream_descriptor::wait_read,
                              [this, link, write](const boost::system::error_code& error) {
                                (write ? link->write_armed : link->read_armed) = false;
                                if (!error) drive(link);
                              });
}

void HttpsRun::drive(const std::shared_ptr<Link>& link) {
  if (!link->descriptor.is_open()) return;
  const TlsConnection::Wants wants = link->tls.advance();
  if (link->request && link->tls.resting()) return answered(link);
  if (link->tls.over()) return link->request ? failed(link) : discard(link, false);
  arm(link, wants);
}

void HttpsRun::answered(const std::shared_ptr<Link>& link) {
  const MonoTime finished = now();
  const Requests::iterator request = *link->request;
  link->request.reset();
  link->used = true;
  const Failure judged = judge(*request, link->tls.answer(), finished);
  if (config_.keep_alive && sending_ && link->tls.answer().reusable()) {
    idle_.push_back(link);
    arm(link, TlsConnection::Wants::read);
  } else if (config_.keep_alive) {
    discard(link, true);
  } else {
    drains_.push_back({finished + drain_time, link});
    drive(link);
  }
  finish(request, judged, finished);
}

void HttpsRun::failed(const std::shared_ptr<Link>& link) {
  const MonoTime finished = now();
  const Requests::iterator request = *link->request;
  link->request.reset();
  const bool again = link->used && !request->retried && link->tls.closed_before_request();
  const Failure failure = link->tls.failure();
  discard(link, false);
  if (!again) return finish(request, failure, finished);
  request->retried = true;
  open(request);
}

void HttpsRun::discard(const std::shared_ptr<Link>& link, bool goodbye) {
  if (goodbye) link->tls.say_goodbye();
  boost::system::error_code ignored;
  link->descriptor.close(ignored);
}

Failure HttpsRun::judge(const Request& request, const HttpResponse& answer,
                        MonoTime finished) const {
  const auto status = static_cast<std::uint16_t>(answer.status());
  const MonoTime deadline = request.scheduled + config_.timeout;
  if (finished > deadline) return deadline_failure(true);
  if (answer.status() != config_.expect_status) return {Outcome::http_status, status};
  if (answer.body().find(request.expected) == std::string::npos)
    return {Outcome::wrong_body, status};
  return {finished - request.scheduled > config_.slow ? Outcome::slow : Outcome::ok, status};
}

void HttpsRun::finish(Requests::iterator request, Failure failure, MonoTime finished) {
  report(request->sequence, request->scheduled, request->started, finished, failure);
  in_flight_.erase(request);
  end_when_done();
}

void HttpsRun::report(std::uint64_t sequence, MonoTime scheduled, MonoTime started,
                      MonoTime finished, Failure failure) {
  sink_.add({sequence, scheduled.time_since_epoch().count(), started.time_since_epoch().count(),
             finished.time_since_epoch().count(), failure.outcome, failure.detail});
}

void HttpsRun::wait_for_deadline() {
  deadline_armed_ = !in_flight_.empty() && !ended_;
  if (!deadline_armed_) return;
  deadline_timer_.expires_at(in_flight_.front().scheduled + config_.timeout);
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) expire();
  });
}

void HttpsRun::expire() {
  const MonoTime reached = now();
  while (!in_flight_.empty() && in_flight_.front().scheduled + config_.timeout <= reached) {
    const std::shared_ptr<Link> link = in_flight_.front().link;
    link->request.reset();
    const Failure failure = deadline_failure(link->tls.connected());
    discard(link, false);
    finish(in_flight_.begin(), failure, reached);
  }
  wait_for_deadline();
}

// Once a second: what cannot be left to events.
void HttpsRun::tick() {
  if (ended_) return;  // it was on its way already when it was cancelled
  sink_.lateness(std::exchange(worst_lateness_, Nanoseconds(0)).count());
  std::erase_if(idle_, [](const std::shared_ptr<Link>& link) { return link->tls.over(); });
  const MonoTime reached = now();
  for (; !drains_.empty() && drains_.front().until <= reached; drains_.pop_front())
    if (const auto link = drains_.front().link.lock()) discard(link, true);
  next_tick_ += tick_period;
  tick_timer_.expires_at(next_tick_);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

void HttpsRun::end_when_done() {
  if (sending_ || !in_flight_.empty() || ended_) return;
  ended_ = true;
  deadline_timer_.cancel();
  tick_timer_.cancel();
  stop_.close();
  for (const auto& link : idle_) discard(link, !link->tls.over());
  for (const Drain& drain : drains_)
    if (const auto link = drain.link.lock()) discard(link, true);
}

class HttpsProbe final : public kinds::Probe {
 public:
  explicit HttpsProbe(HttpsConfig config)
      : config_(std::move(config)),
        endpoint_(resolve_endpoint(config_.address.empty() ? config_.host : config_.address,
                                   config_.port)),
        context_(config_.authority_file, config_.host) {}

  void run(int stop_fd, kinds::SampleSink& sink) override {
    HttpsRun(config_, endpoint_, context_, stop_fd, sink).run();
  }

 private:
  HttpsConfig config_;
  Endpoint endpoint_;
  TlsContext context_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_https_probe(HttpsConfig config) {
  return std::make_unique<HttpsProbe>(std::move(config));
}

}  // namespace nospof::probes
