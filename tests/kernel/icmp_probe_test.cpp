// The icmp probe, in a network namespace whose kernel answers when the test lets it.

#include <array>
#include <atomic>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/icmp.hpp"
#include "system/check.hpp"
#include "system/namespaces.hpp"
#include "system/netlink.hpp"
#include "tests/kernel/probe_run.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using kinds::Sample;
using namespace std::chrono_literals;

constexpr int some = 5;
constexpr const char* ignore_echo = "/proc/sys/net/ipv4/icmp_echo_ignore_all";

json::object config(int count, double rate = 50) {
  return {{"address", "127.0.0.1"},
          {"rate_per_second", rate},
          {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000},
          {"count", count}};
}

json::object impatient(json::object wanted) {
  wanted["timeout_ns"] = 400'000'000;
  wanted.erase("slow_ns");
  return wanted;
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_icmp(), wanted);
}

/// Writes in place: files of the kernel cannot be renamed over.
void set_kernel_value(const char* path, std::string_view value) {
  write_all(open_file(path, O_WRONLY).get(), value, path);
}

class IcmpProbe : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: cannot make a network namespace";
    net_ = create_network_namespace();
    inside([] { Netlink().set_up("lo", true); });
  }
  void inside(const std::function<void()>& work) const {
    in_namespaces({{net_.get(), CLONE_NEWNET}}, work);
  }
  void answering(bool on) const {
    inside([&] { set_kernel_value(ignore_echo, on ? "0" : "1"); });
  }
  UniqueFd net_;
};

TEST_F(IcmpProbe, Ok) {
  inside([] {
    expect_all(run(config(some)), Outcome::ok, 0);
    auto large = config(some);
    large["payload_bytes"] = 65'507;
    expect_all(run(large), Outcome::ok, 0);
    auto smallest = config(some);
    smallest["payload_bytes"] = 24;
    expect_all(run(smallest), Outcome::ok, 0);
  });
}

TEST_F(IcmpProbe, OkWithoutPrivilege) {
  inside([] {
    set_kernel_value("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    expect_all(run(config(some)), Outcome::ok, 0);
  });
}

TEST_F(IcmpProbe, TimeoutWithoutAnAnswer) {
  answering(false);
  inside([] {
    const auto samples = run(impatient(config(some)));
    expect_all(samples, Outcome::timeout, 0);
    for (const Sample& sample : samples)
      EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 400'000'000);
  });
}

TEST_F(IcmpProbe, UnreachableWithoutARoute) {
  inside([] {
    auto elsewhere = config(some);
    elsewhere["address"] = "192.0.2.1";
    expect_all(run(elsewhere), Outcome::unreachable, ENETUNREACH);
  });
}

/// Answers echo requests in place of the kernel.
class Responder {
 public:
  /// What to send for a request: a whole ICMP message; `packet` has its IP header.
  using Answer = std::function<std::string(std::string packet)>;
  explicit Responder(Answer answer) : answer_(std::move(answer)) {
    set_kernel_value(ignore_echo, "1");
    fd_ = UniqueFd(check("socket", ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)));
    thread_ = std::thread([this] { serve(); });
  }
  ~Responder() {
    ended_ = true;
    thread_.join();
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  static std::uint16_t checksum(const std::string& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (i % 2 ? 0U : 8U);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
  }
  static std::string with_checksum(std::string icmp) {
    icmp[2] = icmp[3] = 0;
    const std::uint16_t sum = checksum(icmp);
    icmp[2] = static_cast<char>(sum >> 8U);
    icmp[3] = static_cast<char>(sum & 0xff);
    return icmp;
  }

 private:
  void serve() {
    std::array<char, 2048> block{};
    while (!ended_) {
      pollfd polled{fd_.get(), POLLIN, 0};
      if (::poll(&polled, 1, 20) <= 0) continue;
      const ssize_t n = ::recv(fd_.get(), block.data(), block.size(), 0);
      if (n < 28 || block[20] != 8) continue;
      const std::string icmp = answer_({block.data(), static_cast<std::size_t>(n)});
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ::sendto(fd_.get(), icmp.data(), icmp.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
  }
  Answer answer_;
  UniqueFd fd_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

TEST_F(IcmpProbe, AnotherPayloadIsAWrongBody) {
  inside([] {
    const Responder lying([](std::string packet) {
      std::string icmp = packet.substr(20);
      icmp[0] = 0;
      icmp.back() = static_cast<char>(icmp.back() ^ 1);
      return Responder::with_checksum(icmp);
    });
    expect_all(run(config(some)), Outcome::wrong_body, 0);
  });
}

TEST_F(IcmpProbe, ARefusalIsUnreachable) {
  inside([] {
    for (const bool host : {true, false}) {
      const Responder refusing([&](std::string packet) {
        std::string icmp("\3\0\0\0\0\0\0\0", 8);
        icmp[1] = host ? 1 : 3;
        return Responder::with_checksum(icmp + packet.substr(0, 28));
      });
      if (host) {
        expect_all(run(config(some)), Outcome::unreachable, EHOSTUNREACH);
      } else {
        expect_all(run(config(some)), Outcome::connect_refused, ECONNREFUSED);
      }
    }
  });
}

TEST_F(IcmpProbe, AnAnswerToAnOlderRequestIsNone) {
  inside([] {
    std::string first;
    const Responder repeating([&](std::string packet) {
      std::string icmp = packet.substr(20);
      icmp[0] = 0;
      if (first.empty()) first = icmp;
      std::string answer = first;
      answer[6] = icmp[6];  // the sequence of this one, the payload of the first one
      answer[7] = icmp[7];
      return Responder::with_checksum(answer);
    });
    const auto samples = run(impatient(config(some)));
    EXPECT_EQ(samples.at(0).outcome, Outcome::ok);
    for (std::size_t i = 1; i < samples.size(); ++i)
      EXPECT_EQ(samples[i].outcome, Outcome::timeout);
  });
}

/// A prober that is held up whenever it has told a sample.
class BusySink final : public kinds::SampleSink {
 public:
  void add(const Sample& sample) override {
    samples.push_back(sample);
    if (samples.size() > 2) return;
    busy_since = mono_ns();
    std::this_thread::sleep_for(500ms);
  }
  void lateness(std::int64_t /*worst_ns*/) override {}
  std::vector<Sample> samples;
  std::int64_t busy_since = 0;  ///< the last time
};

TEST_F(IcmpProbe, ABusyProberDoesNotMakeAnswersLate) {
  inside([] {
    const UniqueFd stop(check("eventfd", ::eventfd(0, EFD_CLOEXEC)));
    BusySink sink;
    const auto probe = probes::make_icmp()->make(config(20));
    probe->run(stop.get(), sink);
    ASSERT_EQ(sink.samples.size(), 20U);
    // While it was busy with the first sample the next ones came due, and were sent together. While
    // it was busy with the second one, the answers of all the others were there already.
    int waiting = 0;
    for (const Sample& sample : sink.samples)
      if (sample.sequence > 1 && sample.started_ns < sink.busy_since) {
        ++waiting;
        EXPECT_LT(sample.finished_ns, sink.busy_since) << sample.sequence;
      }
    EXPECT_GT(waiting, 5);
  });
}

TEST_F(IcmpProbe, AStallShowsInFull) {
  constexpr double rate = 100;
  std::unique_ptr<ProbeRun> probe;
  inside([&] {
    probe = std::make_unique<ProbeRun>(probes::make_icmp()->make(impatient(config(0, rate))));
  });
  probe->wait_for_ok(20);
  const std::int64_t before = mono_ns();
  answering(false);
  const std::int64_t silent = mono_ns();
  std::this_thread::sleep_for(1s);
  const std::int64_t until = mono_ns();
  answering(true);
  const std::int64_t after = mono_ns();
  probe->wait_for_ok(20);
  probe->stop();
  const auto samples = probe->samples();
  expect_exact_schedule(samples, rate);
  for (const Sample& sample : samples) {
    if (sample.started_ns > silent && sample.scheduled_ns > silent && sample.started_ns < until) {
      EXPECT_EQ(sample.outcome, Outcome::timeout) << sample.sequence;
    }
    if (sample.finished_ns < before || sample.scheduled_ns > after) {
      EXPECT_EQ(sample.outcome, Outcome::ok) << sample.sequence;
    }
  }
}

TEST_F(IcmpProbe, RefusesLabAddressesFromOutside) {
  auto outside = config(some);
  outside["address"] = "198.18.0.1";
  inside([&] { EXPECT_THROW(probes::make_icmp()->make(outside), Error); });
}

}  // namespace
}  // namespace nospof::test
