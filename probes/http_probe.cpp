#include "probes/http_probe.hpp"

#include <cerrno>
#include <deque>
#include <iterator>
#include <list>
#include <random>
#include <utility>

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
// One that was idle for less is not looked at before it is used again: its end would have been
// told. If it ends just then, the request is made on another one, as always when no server has read
// it.
constexpr auto look_after = std::chrono::milliseconds(5);

struct Link;
class HttpRun;

struct Request final : Attempt {
  std::string text;      ///< empty: that of every request
  std::string expected;  ///< the same
  bool retried = false;
  Link* link = nullptr;  ///< nullptr: it waits for one
};

using Links = std::list<Link>;

// One connection with its place in the reactor.
struct Link {
  Link(HttpRun& run, Reactor& reactor, const TlsContext* context, UniqueFd socket);

  WatchedFd watched;
  HttpConnection http;
  Request* request = nullptr;
  bool used = false;  ///< has answered before
  MonoTime begun{};
  MonoTime answered{};
  Links* in = nullptr;
  Links::iterator place;
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
  void ready(Link& link) { drive(link, link.http.advance()); }

 private:
  void begin(Request& request) override;
  Failure expire(Request& request) override;
  void after_events() override;
  void each_second() override;
  void close() override;

  bool may_open();
  std::string_view text_of(const Request& request) const;
  void use_idle_or_open(Request& request);
  void open(Request& request);
  void drive(Link& link, HttpConnection::Wants wants);
  void answered(Link& link);
  void failed(Link& link);
  static void move(Link& link, Links& to);
  static void discard(Link& link, bool goodbye);
  Failure judge(const Request& request, const HttpResponse& answer, MonoTime finished) const;

  const HttpTarget& target_;
  std::string request_;  ///< with its placeholders
  PlaceholderText request_text_;
  PlaceholderText expected_body_;
  bool request_varies_;
  bool expected_varies_;
  RequestNamer namer_;
  Links connecting_;  ///< not open yet, the oldest at the front
  Links overdue_;     ///< the same, for so long that they do not count any more
  Links busy_;
  Links idle_;      ///< the last used at the end
  Links draining_;  ///< until the server ends them, in the order of `answered`
  /// As many connections as there may be are in use; the latest is at the end.
  std::deque<Request*> waiting_;
};

Link::Link(HttpRun& run, Reactor& reactor, const TlsContext* context, UniqueFd socket)
    : watched(reactor, std::move(socket), [&run, this] { run.ready(*this); }),
      http(context, watched.fd()) {}

// Ids must not repeat between runs, so this is the one place where chance is not passed down.
std::uint64_t run_seed() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32U) | entropy();
}

HttpRun::HttpRun(const HttpTarget& target, int stop_fd, kinds::SampleSink& sink)
    : OpenLoopOf(target.config.pace, stop_fd, sink),
      target_(target),
      request_(http_get_request(target.config.url, target.config.keep_alive)),
      request_text_(request_),
      expected_body_(target.config.expect_body),
      request_varies_(!request_text_.is_constant()),
      expected_varies_(!expected_body_.is_constant()),
      namer_(run_seed(), target.config.marker) {}

void HttpRun::begin(Request& request) {
  if (request_varies_ || expected_varies_) {
    const RequestNames names = namer_.name(request.sequence);
    if (request_varies_) request.text = request_text_.fill(names);
    if (expected_varies_) request.expected = expected_body_.fill(names);
  }
  if (idle_.empty() && !may_open()) {
    waiting_.push_back(&request);
  } else {
    use_idle_or_open(request);
  }
}

bool HttpRun::may_open() {
  const std::uint64_t most = target_.config.max_connections;
  if (most == 0) return true;
  // A SYN that was lost is sent again after a second. Who waits for it no longer than that can
  // still be in time.
  const MonoTime in_time = now() - target_.config.pace.slow / 2;
  while (!connecting_.empty() && connecting_.front().begun <= in_time)
    move(connecting_.front(), overdue_);
  return connecting_.size() + busy_.size() + idle_.size() < most;
}

std::string_view HttpRun::text_of(const Request& request) const {
  return request_varies_ ? std::string_view(request.text) : std::string_view(request_);
}

// The latest first: those that waited longer are late already, and would make it late as well.
void HttpRun::after_events() {
  while (!waiting_.empty() && (!idle_.empty() || may_open())) {
    Request& latest = *waiting_.back();
    waiting_.pop_back();
    use_idle_or_open(latest);
  }
}

void HttpRun::use_idle_or_open(Request& request) {
  while (!idle_.empty()) {
    Link& link = idle_.back();
    if (request.started - link.answered > look_after && !link.http.still_open()) {
      discard(link, false);
      continue;
    }
    move(link, busy_);
    link.request = &request;
    request.link = &link;
    link.http.ask(text_of(request));
    return drive(link, link.http.begin());
  }
  open(request);
}

void HttpRun::open(Request& request) {
  int error_number = 0;
  UniqueFd socket = begin_connect(target_.endpoint, error_number);
  if (!socket) return finish(request, connect_failure(error_number), now());
  Link& link = connecting_.emplace_back(*this, reactor(), target_.tls.get(), std::move(socket));
  link.in = &connecting_;
  link.place = std::prev(connecting_.end());
  link.begun = now();
  link.request = &request;
  request.link = &link;
  link.http.ask(text_of(request));
  link.watched.wait_for(WatchedFd::For::writing);
}

void HttpRun::drive(Link& link, HttpConnection::Wants wants) {
  const bool asked = link.request != nullptr;
  if ((link.in == &connecting_ || link.in == &overdue_) && link.http.connected()) move(link, busy_);
  if (asked && link.http.resting()) return answered(link);
  if (link.http.over()) return asked ? failed(link) : discard(link, false);
  link.watched.wait_for(wants == HttpConnection::Wants::write ? WatchedFd::For::writing
                                                              : WatchedFd::For::reading);
}

void HttpRun::answered(Link& link) {
  const MonoTime finished = now();
  Request& request = *std::exchange(link.request, nullptr);
  request.link = nullptr;
  link.used = true;
  const Failure judgement = judge(request, link.http.answer(), finished);
  const bool keep_alive = target_.config.keep_alive;
  const bool wanted = sending() || !waiting_.empty();
  if (keep_alive && !(wanted && link.http.answer().reusable())) {
    discard(link, true);
  } else {
    link.answered = finished;
    move(link, keep_alive ? idle_ : draining_);
    link.watched.wait_for(WatchedFd::For::reading);
    if (link.http.pending()) ready(link);
  }
  finish(request, judgement, finished);
}

void HttpRun::failed(Link& link) {
  const MonoTime finished = now();
  Request& request = *std::exchange(link.request, nullptr);
  request.link = nullptr;
  const bool again = link.used && !request.retried && link.http.closed_before_request();
  const Failure failure = link.http.failure();
  discard(link, false);
  if (!again) return finish(request, failure, finished);
  request.retried = true;
  open(request);
}

void HttpRun::move(Link& link, Links& to) {
  to.splice(to.end(), *link.in, link.place);
  link.in = &to;
}

/// The link is gone afterwards.
void HttpRun::discard(Link& link, bool goodbye) {
  if (goodbye) link.http.say_goodbye();
  link.in->erase(link.place);
}

Failure HttpRun::judge(const Request& request, const HttpResponse& answer,
                       MonoTime finished) const {
  const auto status = static_cast<std::uint16_t>(answer.status());
  const Failure if_right = judged(request, status, finished);
  if (if_right.outcome == Outcome::timeout) return if_right;
  if (answer.status() != target_.config.expect_status) return {Outcome::http_status, status};
  const std::string& expected = expected_varies_ ? request.expected : target_.config.expect_body;
  if (answer.body().find(expected) == std::string::npos) return {Outcome::wrong_body, status};
  if (target_.check)
    if (const auto wrong = target_.check(answer.body())) return *wrong;
  return if_right;
}

Failure HttpRun::expire(Request& request) {
  // They all have the same time-out, so of those that wait it is the one that waits the longest.
  if (request.link == nullptr) {
    waiting_.pop_front();
    return deadline_failure(!busy_.empty());
  }
  Link& link = *std::exchange(request.link, nullptr);
  const Failure failure = deadline_failure(link.http.connected());
  discard(link, false);
  return failure;
}

void HttpRun::each_second() {
  const MonoTime reached = now();
  while (!draining_.empty() && draining_.front().answered + drain_time <= reached)
    discard(draining_.front(), true);
}

void HttpRun::close() {
  for (Links* links : {&idle_, &draining_})
    while (!links->empty()) discard(links->front(), true);
}

class HttpProbe final : public kinds::Probe {
 public:
  HttpProbe(HttpConfig config, BodyCheck check) {
    const std::string& where = config.address.empty() ? config.url.host : config.address;
    target_.endpoint = resolve_endpoint(where, config.url.port);
    if (config.url.tls) {
      TlsOptions options;
      options.resume_for = config.resume_sessions;
      if (config.keep_verified_chains > Nanoseconds(0))
        options.verified_chains = std::make_shared<VerifiedChains>(config.keep_verified_chains);
      target_.tls = std::make_unique<TlsContext>(config.authority_file, config.url.host, options);
    }
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
