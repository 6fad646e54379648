// Which connections the https probe uses, and when it may send a request twice.

#include <cerrno>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes/endpoint.hpp"
#include "probes/http_connection.hpp"
#include "tests/kernel/https_probing.hpp"

namespace nospof::test {
namespace {

using kinds::Outcome;
using probes::HttpConnection;
using HttpsConnections = HttpsProbing;
using namespace std::chrono_literals;

boost::json::object keep_alive(boost::json::object config) {
  config["connection"] = "keep-alive";
  return config;
}

TEST_F(HttpsConnections, FreshMeansOneForEveryRequest) {
  std::atomic<int> resumed = 0;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (connection.resumed()) ++resumed;
    const auto request = connection.read_request();
    if (!request) return;
    EXPECT_NE(request->find("Connection: close\r\n"), std::string::npos);
    connection.write(http_answer(200, "token " + token_of(*request)));
    connection.say_goodbye();
  });
  expect_all(run(config(server.port(), 20)), Outcome::ok);
  EXPECT_EQ(server.connections(), 20);
  EXPECT_EQ(resumed, 0);
}

TEST_F(HttpsConnections, FreshOnesAreClosedAlsoWhenTheServerLeavesThemOpen) {
  std::atomic<int> ended = 0;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    echo_token(connection);  // returns at the client's end of the connection
    ++ended;
  });
  expect_all(run(config(server.port(), 10)), Outcome::ok);
  while (ended < 10) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(server.connections(), 10);
}

TEST_F(HttpsConnections, KeepAliveUsesIdleOnesAgain) {
  // Answers faster than the next one is due need one connection; a stall of the machine may need
  // more.
  TlsServer server(good_identity(), echo_token);
  expect_all(run(keep_alive(config(server.port(), 40))), Outcome::ok);
  EXPECT_GE(server.connections(), 1);
  EXPECT_LE(server.connections(), 20);
}

TEST_F(HttpsConnections, KeepAliveOpensAnotherWhenNoneIsIdle) {
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    gate.pass();
    echo_token(connection);
  });
  HttpsRun probe(keep_alive(config(server.port(), 10)));
  {
    const Gate::Shut shut(gate);
    while (server.connections() < 2) std::this_thread::sleep_for(5ms);
  }
  expect_all(probe.samples(), Outcome::ok);
}

class HttpsQueue : public HttpsProbing {
 protected:
  /// Twelve requests at 100/s, of which none is answered before all have long been due.
  std::vector<kinds::Sample> held_up(int max_connections) {
    auto limited = keep_alive(config(server_.port(), 12, 100));
    limited["max_connections"] = max_connections;
    std::optional<Gate::Shut> shut(std::in_place, gate_);
    HttpsRun probe(limited);
    std::this_thread::sleep_for(600ms);
    shut.reset();
    return probe.samples();
  }

  Gate gate_;
  TlsServer server_{good_identity(), [this](ServerConnection& connection) {
                      gate_.pass();
                      echo_token(connection);
                    }};
};

TEST_F(HttpsQueue, NoMoreConnectionsAreOpenedThanMayBe) {
  const auto samples = held_up(2);
  expect_exact_schedule(samples, 100);
  expect_all(samples, Outcome::ok);
  EXPECT_LE(server_.connections(), 2);
}

// With one connection: of two, the server may keep one waiting while the other does all.
TEST_F(HttpsQueue, TheLatestGoesFirst) {
  const auto samples = held_up(1);
  expect_all(samples, Outcome::ok);
  EXPECT_EQ(server_.connections(), 1);
  for (std::size_t i = 2; i < samples.size(); ++i)
    EXPECT_LT(samples[i].finished_ns, samples[i - 1].finished_ns) << i;
}

TEST_F(HttpsConnections, RequestsThatWaitForAConnectionHaveTheirDeadline) {
  TlsServer server(good_identity(), [](ServerConnection& connection) {
    if (connection.handshake()) connection.read_request();
    connection.read_request();
  });
  auto limited = keep_alive(config(server.port(), 10, 100));
  limited["max_connections"] = 1;
  limited["timeout_ns"] = limited["slow_ns"] = 300'000'000;
  expect_all(run(limited), Outcome::timeout, 0);
  // Each that expired gave its place to one that still waited.
  EXPECT_GE(server.connections(), 2);
}

TEST_F(HttpsConnections, WhoWaitsForAConnectionThatFailsOpensAnother) {
  TlsServer server(good_identity(), [](ServerConnection& connection) {
    if (connection.number() == 1) {
      if (connection.handshake()) connection.read_request();
      std::this_thread::sleep_for(100ms);
      return;
    }
    echo_token(connection);
  });
  auto limited = keep_alive(config(server.port(), 8, 100));
  limited["max_connections"] = 1;
  const auto samples = run(limited);
  EXPECT_EQ(samples.front().outcome, Outcome::reset);
  expect_all({samples.begin() + 1, samples.end()}, Outcome::ok);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpsConnections, ALostSynHoldsUpNoOtherRequest) {
  // A full accept queue loses the SYN of the first request, which is sent again after a second.
  const Listener listener = listen_on_loopback(0);
  const probes::Endpoint endpoint = probes::resolve_endpoint("127.0.0.1", listener.port);
  std::vector<UniqueFd> fillers;
  int error_number = 0;
  for (int i = 0; i < 3; ++i) fillers.push_back(probes::begin_connect(endpoint, error_number));
  auto limited = keep_alive(config(listener.port, 20, 50));
  limited["max_connections"] = 1;
  limited["timeout_ns"] = 900'000'000;
  limited["slow_ns"] = 100'000'000;
  HttpsRun probe(limited);
  std::this_thread::sleep_for(20ms);
  // From now on every connection is accepted, and ends at once.
  std::jthread accepting([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd polled{listener.fd.get(), POLLIN, 0};
      if (::poll(&polled, 1, 20) == 1)
        const UniqueFd ended(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  });
  const auto samples = probe.samples();
  EXPECT_EQ(samples.front().outcome, Outcome::connect_timeout);
  expect_all({samples.end() - 5, samples.end()}, Outcome::reset);
  for (std::size_t i = samples.size() - 5; i < samples.size(); ++i)
    EXPECT_LT(samples[i].finished_ns - samples[i].scheduled_ns, 400'000'000);
}

TEST_F(HttpsConnections, AConnectionThatTheServerSaysItClosesIsNotUsedAgain) {
  TlsServer server(good_identity(), [](ServerConnection& connection) {
    if (!connection.handshake()) return;
    const auto request = connection.read_request();
    if (!request) return;
    connection.write(http_answer(200, "token " + token_of(*request), "Connection: close\r\n"));
    connection.read_request();
  });
  expect_all(run(keep_alive(config(server.port(), 10))), Outcome::ok);
  EXPECT_EQ(server.connections(), 10);
}

TEST_F(HttpsConnections, OnesThatTheServerClosedWhileIdleCostNothing) {
  TlsServer server(good_identity(), [](ServerConnection& connection) {
    if (!connection.handshake()) return;
    const auto request = connection.read_request();
    if (request) connection.write(http_answer(200, "token " + token_of(*request)));
    if (connection.number() % 2 == 0) connection.say_goodbye();
  });
  expect_all(run(keep_alive(config(server.port(), 5, 5))), Outcome::ok);
  EXPECT_EQ(server.connections(), 5);
}

TEST_F(HttpsConnections, ARequestThatTheServerReadIsNeverSentTwice) {
  std::atomic<int> requests = 0;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    if (!connection.handshake()) return;
    for (int i = 1; const auto request = connection.read_request(); ++i) {
      ++requests;
      if (i == 2) return;
      connection.write(http_answer(200, "token " + token_of(*request)));
    }
  });
  const auto samples = run(keep_alive(config(server.port(), 20)));
  EXPECT_EQ(requests, 20);
  std::size_t failed = 0;
  for (const auto& sample : samples) {
    if (sample.outcome == Outcome::ok) continue;
    EXPECT_EQ(sample.outcome, Outcome::reset);
    ++failed;
  }
  EXPECT_GE(failed, 1U);
  EXPECT_LE(failed, 10U);
}

/// One connection driven by hand, so that the moments are chosen by the test.
class ByHand {
 public:
  ByHand(const probes::TlsContext& context, int port) : connection_(&context, connect(port)) {}

  void ask() { connection_.ask("GET /?v=0123456789abcdef HTTP/1.1\r\nHost: x\r\n\r\n"); }
  /// Goes on until it is answered or over.
  void drive() {
    auto wants = HttpConnection::Wants::write;
    while (wants != HttpConnection::Wants::nothing) {
      wait(wants == HttpConnection::Wants::write ? POLLOUT : POLLIN);
      wants = connection_.advance();
      if (connection_.resting()) return;
    }
  }
  void wait(short events) const {
    pollfd polled{fd_.get(), events, 0};
    ASSERT_EQ(::poll(&polled, 1, 20'000), 1);
  }
  HttpConnection& operator*() { return connection_; }
  HttpConnection* operator->() { return &connection_; }

 private:
  int connect(int port) {
    int error_number = 0;
    fd_ = probes::begin_connect(probes::resolve_endpoint("127.0.0.1", port), error_number);
    return fd_.get();
  }
  UniqueFd fd_;
  HttpConnection connection_;
};

TEST_F(HttpsConnections, KnowsAnOrderlyEndBeforeTheRequestArrived) {
  const probes::TlsContext context(authority_file_, host);
  for (const bool goodbye : {true, false}) {
    SCOPED_TRACE(goodbye ? "with close_notify" : "without close_notify");
    TlsServer server(good_identity(), [&](ServerConnection& connection) {
      if (!connection.handshake()) return;
      const auto request = connection.read_request();
      connection.write(http_answer(200, "x"));
      if (goodbye) connection.say_goodbye();
    });
    ByHand link(context, server.port());
    link.ask();
    link.drive();
    ASSERT_TRUE(link->resting());
    EXPECT_EQ(link->answer().status(), 200);
    link.wait(POLLRDHUP);
    // The end is there but was not looked at: as if it had crossed with the request.
    link.ask();
    link.drive();
    ASSERT_TRUE(link->over());
    EXPECT_EQ(link->failure().outcome, Outcome::reset);
    EXPECT_TRUE(link->closed_before_request());
  }
}

TEST_F(HttpsConnections, LooksBeforeItAsksAgain) {
  const probes::TlsContext context(authority_file_, host);
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection& connection) {
    if (!connection.handshake()) return;
    const auto request = connection.read_request();
    connection.write(http_answer(200, "x"));
    gate.pass();
    connection.say_goodbye();
  });
  ByHand link(context, server.port());
  {
    const Gate::Shut shut(gate);
    link.ask();
    link.drive();
    ASSERT_TRUE(link->resting());
    EXPECT_TRUE(link->still_open());
  }
  link.wait(POLLRDHUP);
  EXPECT_FALSE(link->still_open());
}

TEST_F(HttpsConnections, DoesNotMistakeAFailureForAnIdleEnd) {
  const probes::TlsContext context(authority_file_, host);
  enum class End { fin, goodbye, reset };
  for (const End end : {End::fin, End::goodbye, End::reset}) {
    SCOPED_TRACE(static_cast<int>(end));
    TlsServer server(good_identity(), [&](ServerConnection& connection) {
      if (!connection.handshake()) return;
      connection.read_request();
      connection.write(http_answer(200, "x"));
      connection.read_request();  // taken, and not answered
      if (end == End::goodbye) connection.say_goodbye();
      if (end == End::reset) connection.reset();
    });
    ByHand link(context, server.port());
    link.ask();
    link.drive();
    ASSERT_TRUE(link->resting());
    link.ask();
    link.drive();
    ASSERT_TRUE(link->over());
    EXPECT_EQ(link->failure().outcome, Outcome::reset);
    EXPECT_FALSE(link->closed_before_request());
  }
}

}  // namespace
}  // namespace nospof::test
