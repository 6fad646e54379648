#include "agent/commands.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/lines.hpp"
#include "system/check.hpp"
#include "system/lab_network.hpp"
#include "system/process.hpp"

namespace nospof::agent {

namespace {

using namespace std::chrono_literals;
using asio::steady_timer;
constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t output_limit = 256 * 1024;
// How long a killed program may take to vanish, and how long its pipes may stay open after its end
// because its own children hold them.
constexpr auto kill_grace = 1s;
constexpr auto pipe_grace = 200ms;

/// A running program and its output. Shared by the coroutines that read and the one that waits.
struct Program {
  explicit Program(const asio::any_io_executor& executor)
      : out(executor), err(executor), ended(executor), limit(executor), readers_done(executor) {
    readers_done.expires_at(steady_timer::time_point::max());
  }

  asio::posix::stream_descriptor out;
  asio::posix::stream_descriptor err;
  asio::posix::stream_descriptor ended;
  steady_timer limit;
  steady_timer readers_done;
  std::string out_text;
  std::string err_text;
  int readers = 2;
  bool timed_out = false;
  bool over = false;  ///< it has ended, or is waited for no longer
};

asio::awaitable<void> collect(std::shared_ptr<Program> program,
                              asio::posix::stream_descriptor& from, std::string& text) {
  std::array<char, 16384> block{};
  for (;;) {
    const auto [error, n] = co_await from.async_read_some(asio::buffer(block), tuple);
    if (error) break;
    text.append(block.data(), std::min(n, output_limit - text.size()));
  }
  if (--program->readers == 0) program->readers_done.cancel();
}

// Kills after `timeout`, and gives up waiting for the end a little later: a process in
// uninterruptible sleep must not hold up the answer.
asio::awaitable<void> enforce(std::shared_ptr<Program> program, pid_t group,
                              std::chrono::milliseconds timeout) {
  program->limit.expires_after(timeout);
  const auto [stopped] = co_await program->limit.async_wait(tuple);
  // Once it has ended its number may soon be another's.
  if (stopped || program->over) co_return;
  program->timed_out = true;
  ::kill(-group, SIGKILL);
  program->limit.expires_after(kill_grace);
  const auto [ended] = co_await program->limit.async_wait(tuple);
  if (!ended) program->ended.cancel();
}

/// Kills the group when the request itself is thrown away.
class GroupGuard {
 public:
  explicit GroupGuard(Child child) : child_(std::move(child)) {}
  GroupGuard(const GroupGuard&) = delete;
  GroupGuard& operator=(const GroupGuard&) = delete;
  ~GroupGuard() {
    if (child_.running()) ::kill(-child_.pid(), SIGKILL);
    child_.wait(100ms);
    child_.release();
  }
  Child& operator*() { return child_; }
  Child* operator->() { return &child_; }

 private:
  Child child_;
};

}  // namespace

asio::awaitable<json::object> run_program(std::vector<std::string> argv,
                                          std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  auto program = std::make_shared<Program>(executor);
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  SpawnOptions options;
  options.argv = std::move(argv);
  options.stdout_fd = out.write_end.get();
  options.stderr_fd = err.write_end.get();
  options.new_session = true;
  options.parent_death_signal = SIGKILL;
  GroupGuard child(spawn(options));
  out.write_end.reset();
  err.write_end.reset();
  program->out.assign(out.read_end.release());
  program->err.assign(err.read_end.release());
  program->ended.assign(check("dup pidfd", ::dup(child->pidfd())));
  asio::co_spawn(executor, collect(program, program->out, program->out_text), asio::detached);
  asio::co_spawn(executor, collect(program, program->err, program->err_text), asio::detached);
  asio::co_spawn(executor, enforce(program, child->pid(), timeout), asio::detached);

  co_await program->ended.async_wait(asio::posix::descriptor_base::wait_read, tuple);
  program->over = true;
  program->limit.cancel();
  const std::optional<int> status = child->wait(0ms);
  if (program->readers > 0) {
    program->readers_done.expires_after(pipe_grace);
    co_await program->readers_done.async_wait(tuple);
  }
  program->out.close();
  program->err.close();

  int exit_code = 128 + SIGKILL;
  if (status) exit_code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
  json::object answer;
  answer["exit_code"] = exit_code;
  answer["timed_out"] = program->timed_out;
  answer["stdout"] = valid_utf8(program->out_text);
  answer["stderr"] = valid_utf8(program->err_text);
  co_return answer;
}

namespace {

/// All attempts of one request.
struct Attempts {
  explicit Attempts(const asio::any_io_executor& executor) : all_done(executor) {
    all_done.expires_at(steady_timer::time_point::max());
  }
  steady_timer all_done;
  std::vector<json::object> results;
  std::size_t running = 0;
};

asio::awaitable<void> expire(std::shared_ptr<asio::ip::tcp::socket> socket,
                             std::shared_ptr<steady_timer> limit, std::shared_ptr<bool> late) {
  const auto [stopped] = co_await limit->async_wait(tuple);
  if (stopped) co_return;
  *late = true;
  boost::system::error_code ignored;
  socket->close(ignored);
}

asio::awaitable<void> attempt(std::shared_ptr<Attempts> attempts, std::size_t index,
                              asio::ip::tcp::endpoint to, std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  auto socket = std::make_shared<asio::ip::tcp::socket>(executor);
  auto limit = std::make_shared<steady_timer>(executor, timeout);
  auto late = std::make_shared<bool>(false);
  asio::co_spawn(executor, expire(socket, limit, late), asio::detached);
  const auto begin = std::chrono::steady_clock::now();
  const auto [error] = co_await socket->async_connect(to, tuple);
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
  limit->cancel();
  json::object& result = attempts->results[index];
  result["open"] = !error;
  result["detail"] = !error  ? std::string("connected")
                     : *late ? fmt::format("no answer within {} ms", timeout.count())
                             : error.message();
  result["ns"] = took.count();
  if (--attempts->running == 0) attempts->all_done.cancel();
}

}  // namespace

asio::awaitable<json::object> try_targets(std::vector<ReachTarget> targets,
                                          std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<asio::ip::tcp::endpoint> endpoints;
  for (const ReachTarget& target : targets) {
    require_lab_namespace_for(target.address);
    endpoints.emplace_back(asio::ip::make_address(target.address), target.port);
  }
  auto attempts = std::make_shared<Attempts>(executor);
  attempts->results.resize(endpoints.size());
  attempts->running = endpoints.size();
  for (std::size_t i = 0; i < endpoints.size(); ++i)
    asio::co_spawn(executor, attempt(attempts, i, endpoints[i], timeout), asio::detached);
  if (attempts->running > 0) co_await attempts->all_done.async_wait(tuple);
  json::array results;
  for (json::object& result : attempts->results) results.emplace_back(std::move(result));
  json::object answer;
  answer["results"] = std::move(results);
  co_return answer;
}

}  // namespace nospof::agent
