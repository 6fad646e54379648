// The dns probe, against servers that fail in every way.

#include <array>
#include <atomic>
#include <cerrno>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "probes/dns.hpp"
#include "probes/dns_verdict.hpp"
#include "system/check.hpp"
#include "system/dns_message.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/kernel/plain_server.hpp"
#include "tests/kernel/probe_run.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using kinds::Sample;
using namespace std::chrono_literals;

constexpr int some = 5;

/// Answers to one query; nothing when it has none.
using Answer = std::function<std::string(const std::string& query)>;

/// `flags` are the third and the fourth byte of the header.
std::string with_flags(std::string query, int high, int low) {
  query[2] = static_cast<char>(high);
  query[3] = static_cast<char>(low);
  return query;
}

std::string address_answer(const std::string& query, char last_byte = 7) {
  std::string answer = with_flags(query, 0x81, 0x80);
  answer[7] = 1;
  return answer + std::string("\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\0\0", 15) + last_byte;
}

void serve_datagrams(int fd, const Answer& answer, const std::atomic<bool>& ended) {
  std::array<char, 1024> block{};
  sockaddr_in from{};
  while (!ended) {
    pollfd polled{fd, POLLIN, 0};
    if (::poll(&polled, 1, 20) <= 0) continue;
    socklen_t length = sizeof from;
    auto* generic = reinterpret_cast<sockaddr*>(&from);
    const ssize_t n = ::recvfrom(fd, block.data(), block.size(), 0, generic, &length);
    if (n <= 0) continue;
    const std::string reply = answer({block.data(), static_cast<std::size_t>(n)});
    if (!reply.empty()) ::sendto(fd, reply.data(), reply.size(), 0, generic, length);
  }
}

class UdpServer {
 public:
  explicit UdpServer(Answer answer)
      : answer_(std::move(answer)),
        thread_([this] { serve_datagrams(socket_.fd.get(), answer_, ended_); }) {}
  ~UdpServer() {
    ended_ = true;
    thread_.join();
  }
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;
  int port() const { return socket_.port; }

 private:
  Answer answer_;
  std::atomic<bool> ended_ = false;
  Datagrams socket_ = datagrams_on_loopback();
  std::thread thread_;
};

json::object config(int port, int count, double rate = 50) {
  return {{"server", "127.0.0.1"},     {"port", port},
          {"name", "www.nospof.test"}, {"expect", "127.0.0.7"},
          {"rate_per_second", rate},   {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000}, {"count", count}};
}

json::object impatient(json::object wanted) {
  wanted["timeout_ns"] = 400'000'000;
  wanted.erase("slow_ns");
  return wanted;
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_dns(), wanted);
}

TEST(DnsProbe, Ok) {
  const UdpServer server([](const std::string& query) { return address_answer(query); });
  expect_all(run(config(server.port(), some)), Outcome::ok, 0);
  auto any = config(server.port(), some);
  any.erase("expect");
  expect_all(run(any), Outcome::ok, 0);
}

TEST(DnsProbe, TheServersRefusalsHaveTheirCode) {
  for (const int code : {2, 3, 5}) {
    const UdpServer server(
        [&](const std::string& query) { return with_flags(query, 0x81, 0x80 | code); });
    expect_all(run(config(server.port(), some)), Outcome::dns, code);
  }
  const UdpServer without_data(
      [](const std::string& query) { return with_flags(query, 0x81, 0x80); });
  expect_all(run(config(without_data.port(), some)), Outcome::dns, 0);
}

TEST(DnsProbe, AWrongAddressIsAWrongBody) {
  const UdpServer lying([](const std::string& query) { return address_answer(query, 8); });
  expect_all(run(config(lying.port(), some)), Outcome::wrong_body, 0);
  const UdpServer garbage(
      [](const std::string& query) { return with_flags(query, 0x81, 0x80).substr(0, 14); });
  expect_all(run(config(garbage.port(), some)), Outcome::wrong_body, EBADMSG);
}

TEST(DnsProbe, TimeoutWithoutAnAnswer) {
  std::atomic<int> queries = 0;
  const UdpServer silent([&](const std::string&) {
    ++queries;
    return std::string();
  });
  const auto samples = run(impatient(config(silent.port(), some)));
  expect_all(samples, Outcome::timeout, 0);
  for (const Sample& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 400'000'000);
  EXPECT_EQ(queries, some) << "none is sent twice";
}

TEST(DnsProbe, AnAnswerWithAnotherIdIsNone) {
  const UdpServer server([](const std::string& query) {
    std::string answer = address_answer(query);
    answer[0] = static_cast<char>(answer[0] ^ 1);
    return answer;
  });
  expect_all(run(impatient(config(server.port(), some))), Outcome::timeout, 0);
}

TEST(DnsProbe, ConnectRefused) {
  const int port = datagrams_on_loopback().port;  // closed again at once
  expect_all(run(config(port, some)), Outcome::connect_refused, ECONNREFUSED);
}

/// A TCP server, and a UDP server on the same port that says that its answers were cut off.
class TruncatingServer {
 public:
  explicit TruncatingServer(PlainServer::Handler handler) : tcp_(std::move(handler)) {
    fd_ = UniqueFd(check("socket", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(tcp_.port()));
    check("bind", ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    thread_ = std::thread([this] {
      serve_datagrams(
          fd_.get(), [](const std::string& query) { return with_flags(query, 0x83, 0x80); },
          ended_);
    });
  }
  ~TruncatingServer() {
    ended_ = true;
    thread_.join();
  }
  TruncatingServer(const TruncatingServer&) = delete;
  TruncatingServer& operator=(const TruncatingServer&) = delete;
  int port() const { return tcp_.port(); }

 private:
  PlainServer tcp_;
  UniqueFd fd_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

/// The query of a TCP client, without its length.
std::string read_query(int fd) {
  probes::DnsStreamReader reader;
  std::array<char, 1024> block{};
  for (;;) {
    const ssize_t n = ::recv(fd, block.data(), block.size(), 0);
    if (n <= 0) return {};
    if (auto query = reader.feed({block.data(), static_cast<std::size_t>(n)})) return *query;
  }
}

TEST(DnsProbe, AsksOverTcpForWhatWasCutOff) {
  const TruncatingServer server([](int fd) {
    const std::string answer = probes::dns_over_tcp(address_answer(read_query(fd)));
    send_all(fd, answer.substr(0, 20));
    std::this_thread::sleep_for(2ms);
    send_all(fd, answer.substr(20));
    wait_for_end(fd);
  });
  expect_all(run(config(server.port(), some)), Outcome::ok, 0);
}

TEST(DnsProbe, TellsWhatGoesWrongOverTcp) {
  const TruncatingServer closing([](int fd) { read_query(fd); });
  expect_all(run(config(closing.port(), some)), Outcome::reset, 0);
  const TruncatingServer silent([](int fd) { wait_for_end(fd); });
  expect_all(run(impatient(config(silent.port(), some))), Outcome::timeout, 0);
  const TruncatingServer unknown([](int fd) {
    send_all(fd, probes::dns_over_tcp(with_flags(read_query(fd), 0x81, 0x83)));
    wait_for_end(fd);
  });
  expect_all(run(config(unknown.port(), some)), Outcome::dns, 3);
}

TEST(DnsProbe, AStoppedServerShowsInFull) {
  const Datagrams socket = datagrams_on_loopback();
  const ServerProcess server([&] {
    const std::atomic<bool> never = false;
    serve_datagrams(
        socket.fd.get(), [](const std::string& query) { return address_answer(query); }, never);
  });
  constexpr double rate = 100;
  ProbeRun probe(probes::make_dns()->make(config(socket.port, 0, rate)));
  probe.wait_for_ok(20);
  server.freeze();
  const std::int64_t frozen = mono_ns();
  std::this_thread::sleep_for(1s);
  const std::int64_t thawed = mono_ns();
  server.thaw();
  probe.wait_for_ok(static_cast<int>(rate) + 20);
  probe.stop();
  const auto samples = probe.samples();
  expect_all(samples, Outcome::ok);
  expect_freeze_in_full(samples, frozen, thawed, rate);
}

}  // namespace
}  // namespace nospof::test
