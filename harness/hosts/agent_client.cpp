#include "hosts/agent_client.hpp"

#include <array>
#include <map>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include "agent/lines.hpp"

namespace nospof::hosts {

namespace {

using namespace std::chrono_literals;
using asio::steady_timer;
constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t line_limit = 64U << 20U;
// Renewals for an agent that does not read are pointless.
constexpr std::size_t lease_backlog_limit = 1U << 20U;
// Between the end of its output and its own end, and the other way round.
constexpr auto end_grace = 500ms;
constexpr auto bye_deadline = 15s;
constexpr auto exit_deadline = 5s;
constexpr auto destructor_patience = 2s;

std::string text_of(const json::object& fields, const char* name) {
  const json::value* value = fields.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

struct Pending {
  explicit Pending(const asio::any_io_executor& executor) : timer(executor) {}
  steady_timer timer;
  std::optional<json::object> answer;
};

}  // namespace

AgentError::AgentError(std::string host, const std::string& what, bool gone, json::object answer)
    : Error(fmt::format("{}: {}", host, what)),
      host_(std::move(host)),
      gone_(gone),
      answer_(std::move(answer)) {}

/// Shared with the coroutines, which may outlive the client by one turn of the loop.
struct AgentClient::State : std::enable_shared_from_this<AgentClient::State> {
  State(asio::any_io_executor with, RemoteProcess process, std::string name)
      : executor(std::move(with)),
        host(std::move(name)),
        in(executor, process.to_stdin.release()),
        out(executor, process.from_stdout.release()),
        ended(executor),
        lease_timer(executor),
        gone_timer(executor, steady_timer::time_point::max()),
        child(std::move(process.child)) {
    ended.assign(check("dup pidfd", ::fcntl(child.pidfd(), F_DUPFD_CLOEXEC, 3)));
  }

  static asio::awaitable<void> read(std::shared_ptr<State> self);
  static asio::awaitable<void> watch(std::shared_ptr<State> self);
  static asio::awaitable<void> renew(std::shared_ptr<State> self, json::object lease,
                                     std::chrono::milliseconds every);
  void take(const json::value& message);
  void send(const std::string& op, std::int64_t id, json::object fields);
  void write_more();
  void mark_gone(const std::string& why);
  void stop();

  asio::any_io_executor executor;
  std::string host;
  asio::posix::stream_descriptor in;
  asio::posix::stream_descriptor out;
  asio::posix::stream_descriptor ended;
  steady_timer lease_timer;
  steady_timer gone_timer;  ///< cancelled when the agent is gone
  Child child;
  std::function<void(const json::object&)> handler;
  std::map<std::int64_t, std::shared_ptr<Pending>> pending;
  std::int64_t last_id = 0;
  std::string queued;
  std::string writing;
  std::string why_gone;
  bool gone = false;
  bool closing = false;
  bool stopped = false;
};

void AgentClient::State::send(const std::string& op, std::int64_t id, json::object fields) {
  fields["id"] = id;
  fields["op"] = op;
  queued += json::serialize(fields);
  queued += '\n';
  write_more();
}

void AgentClient::State::write_more() {
  if (!writing.empty() || queued.empty() || !in.is_open()) return;
  writing.swap(queued);
  asio::async_write(
      in, asio::buffer(writing),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
        self->writing.clear();
        // When it cannot be written to it is ending, which its output will tell.
        if (!error) self->write_more();
      });
}

void AgentClient::State::take(const json::value& message) {
  const json::object& fields = message.as_object();
  const json::value* id = fields.if_contains("id");
  if (id == nullptr || !id->is_int64()) {
    if (handler && !stopped) handler(fields);
    return;
  }
  const auto found = pending.find(id->as_int64());
  if (found == pending.end()) return;  // a lease's, or too late
  found->second->answer = fields;
  found->second->timer.cancel();
}

asio::awaitable<void> AgentClient::State::read(std::shared_ptr<State> self) {
  std::array<char, 65536> block{};
  agent::LineSplitter lines(line_limit);
  for (;;) {
    const auto [error, n] = co_await self->out.async_read_some(asio::buffer(block), tuple);
    if (error || self->stopped) break;
    lines.push(std::string_view(block.data(), n));
    try {
      while (const auto line = lines.next()) self->take(json::parse(line->text));
    } catch (const std::exception& e) {
      self->mark_gone(fmt::format("answered with something that is no protocol: {}", e.what()));
      // The end of its stdin makes it heal and exit, whatever it is.
      boost::system::error_code ignored;
      self->in.close(ignored);
      co_return;
    }
  }
  if (self->stopped || self->gone) co_return;
  // Its exit status says more than the end of its output.
  steady_timer grace(self->executor, end_grace);
  const auto end = std::chrono::steady_clock::now() + end_grace;
  while (!self->gone && self->child.running() && std::chrono::steady_clock::now() < end) {
    grace.expires_after(5ms);
    co_await grace.async_wait(tuple);
  }
  self->mark_gone("closed its output");
}

asio::awaitable<void> AgentClient::State::watch(std::shared_ptr<State> self) {
  const auto [error] =
      co_await self->ended.async_wait(asio::posix::descriptor_base::wait_read, tuple);
  if (error || self->stopped) co_return;
  // What it wrote before its end is still to be read; the end of the output is told by read().
  steady_timer grace(self->executor, end_grace);
  co_await grace.async_wait(tuple);
  self->mark_gone("ended");
}

void AgentClient::State::mark_gone(const std::string& why) {
  if (gone || stopped) return;
  gone = true;
  child.wait(0ms);
  why_gone =
      child.status() ? "the agent " + describe_wait_status(*child.status()) : "the agent " + why;
  lease_timer.cancel();
  gone_timer.cancel();
  for (const auto& [id, entry] : pending) entry->timer.cancel();
  if (handler && !closing) handler({{"event", "gone"}, {"detail", why_gone}});
}

void AgentClient::State::stop() {
  stopped = true;
  boost::system::error_code ignored;
  in.close(ignored);
  out.close(ignored);
  ended.close(ignored);
  lease_timer.cancel();
  gone_timer.cancel();
  for (const auto& [id, entry] : pending) entry->timer.cancel();
  child.wait(destructor_patience);
}

asio::awaitable<void> AgentClient::State::renew(std::shared_ptr<State> self, json::object lease,
                                                std::chrono::milliseconds every) {
  while (!self->gone && !self->stopped) {
    // Not waited for: a late answer must not delay the next renewal.
    if (self->queued.size() < lease_backlog_limit) self->send("lease", ++self->last_id, lease);
    self->lease_timer.expires_after(every);
    co_await self->lease_timer.async_wait(tuple);
  }
}

AgentClient::AgentClient(asio::any_io_executor executor, RemoteProcess process, std::string host)
    : state_(std::make_shared<State>(std::move(executor), std::move(process), std::move(host))) {
  asio::co_spawn(state_->executor, State::read(state_), asio::detached);
  asio::co_spawn(state_->executor, State::watch(state_), asio::detached);
}

AgentClient::~AgentClient() {
  state_->stop();
}

asio::awaitable<json::object> AgentClient::request(std::string op, json::object arguments,
                                                   std::chrono::milliseconds deadline) {
  const std::shared_ptr<State> state = state_;
  if (state->gone) throw AgentError(state->host, state->why_gone, true);
  const std::int64_t id = ++state->last_id;
  const auto entry = std::make_shared<Pending>(state->executor);
  entry->timer.expires_after(deadline);
  state->pending[id] = entry;
  state->send(op, id, std::move(arguments));
  co_await entry->timer.async_wait(tuple);
  state->pending.erase(id);
  if (!entry->answer) {
    if (state->gone || state->stopped)
      throw AgentError(state->host,
                       fmt::format("'{}' was not answered: {}", op,
                                   state->gone ? state->why_gone : "the connection was closed"),
                       true);
    throw AgentError(state->host,
                     fmt::format("'{}' was not answered within {} ms", op, deadline.count()),
                     false);
  }
  json::object answer = std::move(*entry->answer);
  const json::value* ok = answer.if_contains("ok");
  const bool good = ok != nullptr && ok->is_bool() && ok->as_bool();
  answer.erase("id");
  answer.erase("ok");
  if (good) co_return answer;
  const std::string error = text_of(answer, "error");
  answer.erase("error");
  throw AgentError(state->host, error.empty() ? fmt::format("'{}' failed", op) : error, false,
                   std::move(answer));
}

void AgentClient::start_lease(std::chrono::milliseconds ttl, std::chrono::milliseconds every) {
  json::object lease;
  lease["ttl_ms"] = ttl.count();
  asio::co_spawn(state_->executor, State::renew(state_, std::move(lease), every), asio::detached);
}

void AgentClient::on_event(std::function<void(const json::object&)> handler) {
  state_->handler = std::move(handler);
}

bool AgentClient::gone() const {
  return state_->gone;
}

pid_t AgentClient::pid() const {
  return state_->child.pid();
}

int AgentClient::exit_code() const {
  const std::optional<int> status = state_->child.status();
  if (!status) return -1;
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
}

asio::awaitable<void> AgentClient::close() {
  const std::shared_ptr<State> state = state_;
  state->closing = true;
  if (!state->gone) {
    try {
      co_await request("bye", {}, bye_deadline);
    } catch (const AgentError&) {
      // The end of its stdin says the same, and its exit code what became of it.
    }
    boost::system::error_code ignored;
    state->in.close(ignored);
  }
  if (!state->gone) {
    state->gone_timer.expires_after(exit_deadline);
    co_await state->gone_timer.async_wait(tuple);
  }
  state->child.wait(0ms);
  if (!state->child.status() && !state->gone)
    throw AgentError(state->host, "the agent does not end", false);
}

}  // namespace nospof::hosts
