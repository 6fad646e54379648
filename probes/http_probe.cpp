#include "probes/http_probe.hpp"

#include <cerrno>
#include <deque>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "probes/endpoint.hpp"
#include "probes/http_connection.hpp"
#include "probes/open_loop.hpp"
#include "probes/placeholders.hpp"
#include "system/check.hpp"

namespace nospof::probes {

using kinds::Outcome;

namespace {

// A server ends a fresh connection itself after its answer; if we ended it first, our ports would
// be used up by connections in TIME_WAIT. It gets this long to do so.
constexpr auto drain_time = std::chrono::seconds(1);

struct Link;

struct Request final : Attempt {
  std::string text;
  std::string expected;
  bool retried = false;
  std::shared_ptr<Link> link;
};

// One connection with its place in the reactor.
struct Link {
  Link(asio::io_context& io, const TlsContext* context, UniqueFd socket)
      : http(context, socket.get()), descriptor(io, socket.get()) {
    socket.release();
  }
  HttpConnection http;
  asio::posix::stream_descriptor descriptor;
  bool read_armed = false;
  bool write_armed = false;
  bool used = false;  ///< has answered before
  Request* request = nullptr;
};

struct Drain {
  MonoTime until;
  std::weak_ptr<Link> link;  ///< kept alive by its pending wait alone
};

/// What the runs of a probe share.
struct HttpTarget {
  HttpConfig config;
  BodyCheck check;
  Endpoint endpoint;
  std::unique_ptr<TlsContext> tls;  ///< nullptr: none
};

class HttpRun final : public OpenLoopOf<Request> {
 public:
  HttpRun(const HttpTarget& target, int stop_fd, kinds::SampleSink& sink);

 private:
  void begin(Request& request) override;
  Failure expire(Request& request) override;
  void each_second() override;
  void close() override;

  void use_idle_or_open(Request& request);
  void open(Request& request);
  void arm(const std::shared_ptr<Link>& link, HttpConnection::Wants wants);
  void drive(const std::shared_ptr<Link>& link);
  void answered(const std::shared_ptr<Link>& link);
  void failed(const std::shared_ptr<Link>& link);
  static void discard(const std::shared_ptr<Link>& link, bool goodbye);
  Failure judge(const Request& request, const HttpResponse& answer, MonoTime finished) const;

  const HttpTarget& target_;
  PlaceholderText request_text_;
  PlaceholderText expected_body_;
  RequestNamer namer_;
  std::vector<std::shared_ptr<Link>> idle_;  ///< the last used at the end
  std::deque<Drain> drains_;
};

// Ids must not repeat between runs, so this is the one place where chance is not passed down.
std::uint64_t run_seed() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32U) | entropy();
}

HttpRun::HttpRun(const HttpTarget& target, int stop_fd, kinds::SampleSink& sink)
    : OpenLoopOf(target.config.pace, stop_fd, sink),
      target_(target),
      request_text_(http_get_request(target.config.url, target.config.keep_alive)),
      expected_body_(target.config.expect_body),
      namer_(run_seed(), target.config.marker) {}

void HttpRun::begin(Request& request) {
  const RequestNames names = namer_.name(request.sequence);
  request.text = request_text_.fill(names);
  request.expected = expected_body_.fill(names);
  use_idle_or_open(request);
}

void HttpRun::use_idle_or_open(Request& request) {
  while (!idle_.empty()) {
    const std::shared_ptr<Link> link = std::move(idle_.back());
    idle_.pop_back();
    if (link->http.over() || !link->http.still_open()) {
      discard(link, false);
      continue;
    }
    link->request = &request;
    request.link = link;
    link->http.ask(request.text);
    return drive(link);
  }
  open(request);
}

void HttpRun::open(Request& request) {
  int error_number = 0;
  UniqueFd socket = begin_connect(target_.endpoint, error_number);
  if (!socket) return finish(request, connect_failure(error_number), now());
  const auto link = std::make_shared<Link>(io(), target_.tls.get(), std::move(socket));
  link->request = &request;
  request.link = link;
  link->http.ask(request.text);
  arm(link, HttpConnection::Wants::write);
}

void HttpRun::arm(const std::shared_ptr<Link>& link, HttpConnection::Wants wants) {
  const bool write = wants == HttpConnection::Wants::write;
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

void HttpRun::drive(const std::shared_ptr<Link>& link) {
  if (!link->descriptor.is_open()) return;
  const HttpConnection::Wants wants = link->http.advance();
  const bool asked = link->request != nullptr;
  if (asked && link->http.resting()) return answered(link);
  if (link->http.over()) return asked ? failed(link) : discard(link, false);
  arm(link, wants);
}

void HttpRun::answered(const std::shared_ptr<Link>& link) {
  const MonoTime finished = now();
  Request& request = *std::exchange(link->request, nullptr);
  link->used = true;
  const Failure judgement = judge(request, link->http.answer(), finished);
  const bool keep_alive = target_.config.keep_alive;
  if (keep_alive && sending() && link->http.answer().reusable()) {
    idle_.push_back(link);
    arm(link, HttpConnection::Wants::read);
  } else if (keep_alive) {
    discard(link, true);
  } else {
    drains_.push_back({finished + drain_time, link});
    drive(link);
  }
  finish(request, judgement, finished);
}

void HttpRun::failed(const std::shared_ptr<Link>& link) {
  const MonoTime finished = now();
  Request& request = *std::exchange(link->request, nullptr);
  const bool again = link->used && !request.retried && link->http.closed_before_request();
  const Failure failure = link->http.failure();
  discard(link, false);
  if (!again) return finish(request, failure, finished);
  request.retried = true;
  open(request);
}

void HttpRun::discard(const std::shared_ptr<Link>& link, bool goodbye) {
  if (goodbye) link->http.say_goodbye();
  boost::system::error_code ignored;
  link->descriptor.close(ignored);
}

Failure HttpRun::judge(const Request& request, const HttpResponse& answer,
                       MonoTime finished) const {
  const auto status = static_cast<std::uint16_t>(answer.status());
  const Failure if_right = judged(request, status, finished);
  if (if_right.outcome == Outcome::timeout) return if_right;
  if (answer.status() != target_.config.expect_status) return {Outcome::http_status, status};
  if (answer.body().find(request.expected) == std::string::npos)
    return {Outcome::wrong_body, status};
  if (target_.check)
    if (const auto wrong = target_.check(answer.body())) return *wrong;
  return if_right;
}

Failure HttpRun::expire(Request& request) {
  const std::shared_ptr<Link> link = std::move(request.link);
  link->request = nullptr;
  const Failure failure = deadline_failure(link->http.connected());
  discard(link, false);
  return failure;
}

void HttpRun::each_second() {
  std::erase_if(idle_, [](const std::shared_ptr<Link>& link) { return link->http.over(); });
  const MonoTime reached = now();
  for (; !drains_.empty() && drains_.front().until <= reached; drains_.pop_front())
    if (const auto link = drains_.front().link.lock()) discard(link, true);
}

void HttpRun::close() {
  for (const auto& link : idle_) discard(link, !link->http.over());
  for (const Drain& drain : drains_)
    if (const auto link = drain.link.lock()) discard(link, true);
}

class HttpProbe final : public kinds::Probe {
 public:
  HttpProbe(HttpConfig config, BodyCheck check) {
    const std::string& where = config.address.empty() ? config.url.host : config.address;
    target_.endpoint = resolve_endpoint(where, config.url.port);
    if (config.url.tls)
      target_.tls = std::make_unique<TlsContext>(config.authority_file, config.url.host);
    target_.config = std::move(config);
    target_.check = std::move(check);
  }

  void run(int stop_fd, kinds::SampleSink& sink) override { HttpRun(target_, stop_fd, sink).run(); }

 private:
  HttpTarget target_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_http_probe(HttpConfig config, BodyCheck check) {
  return std::make_unique<HttpProbe>(std::move(config), std::move(check));
}

std::string http_get_request(const HttpUrl& url, bool keep_alive) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nospof\r\nAccept: */*\r\n{}\r\n",
                     url.target, url.authority, keep_alive ? "" : "Connection: close\r\n");
}

}  // namespace nospof::probes
