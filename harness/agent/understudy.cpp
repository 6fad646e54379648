#include "agent/understudy.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/environment.hpp"
#include "system/check.hpp"

namespace nospof::agent {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

// A record may name thousands of processes.
constexpr std::size_t line_limit = 64U << 20U;
constexpr auto answer_deadline = 2s;
// Retried that long: a keeper may be busy, a supervisor may just be starting.
constexpr auto undo_deadline = 5s;

UniqueFd pidfd_of(pid_t pid) {
  return UniqueFd(check("pidfd_open", static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))));
}

/// The child's side, from fork to _exit.
class Stand {
 public:
  Stand(const AgentOptions& options, Journal& journal, UniqueFd socket, UniqueFd agent)
      : options_(options),
        journal_(journal),
        socket_(std::move(socket)),
        agent_(std::move(agent)),
        lines_(line_limit) {}

  int run() {
    watch();
    return undo_open() ? 0 : 5;
  }

 private:
  void watch();
  bool take_input();
  void take_line(const json::object& line);
  bool undo_open();

  const AgentOptions& options_;
  Journal& journal_;
  UniqueFd socket_;
  UniqueFd agent_;
  LineSplitter lines_;
  std::map<std::int64_t, OpenRecord> open_;
};

void Stand::watch() {
  for (;;) {
    std::array<pollfd, 2> entries{pollfd{socket_.get(), POLLIN, 0},
                                  pollfd{agent_.get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;  // EINTR
    // Once the agent has gone nothing more comes, but what it had sent is still to be read.
    const bool gone = entries[1].revents != 0;
    while (take_input()) {
    }
    if (gone || !socket_) return;
  }
}

// Reads what is there; false when there is nothing more for now, or ever (then socket_ is closed).
bool Stand::take_input() {
  if (!socket_) return false;
  std::array<char, 65536> block{};
  const ssize_t n = ::recv(socket_.get(), block.data(), block.size(), MSG_DONTWAIT);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (n <= 0) {
    socket_.reset();
    return false;
  }
  lines_.push(std::string_view(block.data(), static_cast<std::size_t>(n)));
  while (const auto line = lines_.next()) take_line(json::parse(line->text).as_object());
  return true;
}

void Stand::take_line(const json::object& line) {
  if (const json::value* settled = line.if_contains("settled")) {
    open_.erase(settled->as_int64());
    return;
  }
  const std::int64_t number = line.at("undo").as_int64();
  open_[number] = {number, json::value_to<std::string>(line.at("injection")),
                   line.at("record").as_object()};
  const std::string answer = fmt::format("{}\n", number);
  // The answer is tiny; a full socket means that the agent reads no more, which it will notice
  // itself.
  [[maybe_unused]] const ssize_t n =
      ::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Stand::undo_open() {
  if (open_.empty()) return true;
  const auto end = std::chrono::steady_clock::now() + undo_deadline;
  std::optional<Environment> environment;
  std::map<std::int64_t, std::string> told;
  for (;;) {
    try {
      if (!environment) environment.emplace(options_);
    } catch (const std::exception& e) {
      for (const auto& [number, entry] : open_)
        journal_.settle(number, "understudy", {false, false, e.what()});
    }
    for (auto it = open_.rbegin(); environment && it != open_.rend();) {
      const UndoResult result = execute_undo(it->second.record, environment->env());
      if (result.done || told[it->first] != result.detail)
        journal_.settle(it->first, "understudy", result);
      told[it->first] = result.detail;
      if (result.done)
        it = std::make_reverse_iterator(open_.erase(std::next(it).base()));
      else
        ++it;
    }
    if (open_.empty()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(200ms);
  }
}

// Nothing of the agent may live on in the understudy but the journal and its lock: not its stdout
// (the controller is to see the end), not the sockets that own nftables tables (they are to go with
// the agent).
void keep_only(std::array<int, 3> kept) {
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) check("dup2", ::dup2(null.get(), standard));
  std::ranges::sort(kept);
  unsigned first = 3;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > first) ::syscall(SYS_close_range, first, number - 1, 0U);
    first = number + 1;
  }
  ::syscall(SYS_close_range, first, ~0U, 0U);
}

[[noreturn]] void child_main(const AgentOptions& options, Journal& journal, UniqueFd socket,
                             UniqueFd agent) {
  int code = 6;
  try {
    for (const int number : {SIGINT, SIGHUP, SIGTERM, SIGPIPE, SIGQUIT}) ::signal(number, SIG_IGN);
    ::signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_NAME, "understudy");
    check("setsid", ::setsid());
    check("chdir /", ::chdir("/"));
    const std::array<int, 3> kept{journal.fd(), socket.get(), agent.get()};
    keep_only(kept);
    code = Stand(options, journal, std::move(socket), std::move(agent)).run();
  } catch (...) {
    // Its death is noticed: the agent starts another one, or the journal stays open for recover.
  }
  ::_exit(code);
}

void send_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    check("send to the understudy", n);
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

Understudy::Understudy(const AgentOptions& options, Journal& journal)
    : options_(options), journal_(journal), lines_(line_limit) {}

Understudy::~Understudy() {
  process_.release();
}

void Understudy::start() {
  if (process_.running()) {
    process_.signal(SIGKILL);
    process_.wait(answer_deadline);
  }
  std::array<int, 2> ends{};
  check("socketpair", ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const timeval patience{std::chrono::seconds(answer_deadline).count(), 0};
  check("setsockopt",
        ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
  UniqueFd self = pidfd_of(::getpid());

  // No handler of the agent's may run in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  check("sigprocmask", ::sigprocmask(SIG_SETMASK, &all, &before));
  const pid_t pid = ::fork();
  if (pid == 0) {
    ours.reset();
    child_main(options_, journal_, std::move(theirs), std::move(self));
  }
  const int failure = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw SystemError("fork the understudy", failure);
  process_ = Child(pid, pidfd_of(pid));
  socket_ = std::move(ours);
  lines_ = LineSplitter(line_limit);
  for (const auto& [number, entry] : open_) send_record(entry);
  if (!open_.empty()) await_acknowledgement(open_.rbegin()->first);
}

void Understudy::send_record(const OpenRecord& record) {
  const json::object line{
      {"undo", record.number}, {"injection", record.injection}, {"record", record.record}};
  send_line(socket_.get(), json::serialize(line) + "\n");
}

void Understudy::await_acknowledgement(std::int64_t number) {
  const auto end = std::chrono::steady_clock::now() + answer_deadline;
  for (;;) {
    while (const auto line = lines_.next())
      if (line->text == std::to_string(number)) return;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{socket_.get(), POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (check("poll the understudy", ready) == 0)
      throw Error("the understudy did not acknowledge an undo record within 2 s");
    std::array<char, 4096> block{};
    const ssize_t n = ::recv(socket_.get(), block.data(), block.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (check("receive from the understudy", n) == 0) throw Error("the understudy died");
    lines_.push(std::string_view(block.data(), static_cast<std::size_t>(n)));
  }
}

void Understudy::hold(const OpenRecord& record) {
  open_[record.number] = record;
  send_record(record);
  await_acknowledgement(record.number);
}

void Understudy::forget(std::int64_t number) noexcept {
  try {
    open_.erase(number);
    send_line(socket_.get(), json::serialize(json::object{{"settled", number}}) + "\n");
  } catch (const std::exception&) {
    // It is dead or stuck, which is noticed elsewhere; its successor gets what is open then.
  }
}

bool Understudy::end(std::chrono::milliseconds at_most) {
  socket_.reset();
  const auto status = process_.wait(at_most);
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

}  // namespace nospof::agent
