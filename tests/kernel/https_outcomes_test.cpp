// The truth of outcomes: each way in which a server can fail, made for real, and what the probe
// says.

#include <cerrno>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "probes/endpoint.hpp"
#include "system/check.hpp"
#include "system/clock.hpp"
#include "tests/kernel/https_probing.hpp"

namespace nospof::test {
namespace {

using kinds::Outcome;
using HttpsOutcomes = HttpsProbing;
using namespace std::chrono_literals;

constexpr int some = 5;

/// Reads one request and then does what `answer` says.
TlsServer::Handler after_one_request(
    std::function<void(ServerConnection&, const std::string&)> answer) {
  return [answer = std::move(answer)](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (const auto request = connection.read_request()) answer(connection, *request);
  };
}

TlsServer::Handler write_and_close(std::string bytes) {
  return after_one_request([bytes = std::move(bytes)](ServerConnection& c, const std::string&) {
    c.write(bytes);
    c.say_goodbye();
  });
}

TEST_F(HttpsOutcomes, Ok) {
  TlsServer server(good_identity(), echo_token);
  expect_all(run(config(server.port(), some)), Outcome::ok, 200);
}

TEST_F(HttpsOutcomes, OkOverTls12InChunks) {
  TlsServer server(
      good_identity(), after_one_request([](ServerConnection& c, const std::string& request) {
        const std::string token = token_of(request);
        c.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ntoken \r\n");
        c.write(fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", token.size(), token));
      }),
      TlsServer::Newest::tls_1_2);
  expect_all(run(config(server.port(), some)), Outcome::ok, 200);
}

TEST_F(HttpsOutcomes, OkWhenTheOrderlyEndIsTheEndOfTheBody) {
  TlsServer server(good_identity(),
                   after_one_request([](ServerConnection& c, const std::string& request) {
                     c.write("HTTP/1.1 200 OK\r\n\r\ntoken " + token_of(request));
                     c.say_goodbye();
                   }));
  expect_all(run(config(server.port(), some)), Outcome::ok, 200);
}

TEST_F(HttpsOutcomes, ConnectRefused) {
  int port = 0;
  {
    const Listener gone = listen_on_loopback(1);
    port = gone.port;
  }
  expect_all(run(config(port, some)), Outcome::connect_refused, ECONNREFUSED);
}

TEST_F(HttpsOutcomes, ConnectTimeoutWhenNobodyAnswersTheSyn) {
  // A full accept queue drops every further SYN, as a host without power does.
  const Listener full = listen_on_loopback(0);
  std::vector<UniqueFd> fillers;
  int error_number = 0;
  const probes::Endpoint endpoint = probes::resolve_endpoint("127.0.0.1", full.port);
  for (int i = 0; i < 3; ++i) fillers.push_back(probes::begin_connect(endpoint, error_number));
  auto short_timeout = config(full.port, some);
  short_timeout["timeout_ns"] = 300'000'000;
  short_timeout["slow_ns"] = 300'000'000;
  const auto samples = run(short_timeout);
  expect_all(samples, Outcome::connect_timeout, 0);
  for (const auto& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 300'000'000);
}

TEST_F(HttpsOutcomes, UnreachableWithoutARoute) {
  const auto samples = run_without_network(config(9, some));
  if (!samples) GTEST_SKIP() << "needs root: cannot make a network namespace";
  expect_all(*samples, Outcome::unreachable, ENETUNREACH);
}

TEST_F(HttpsOutcomes, ResetInsteadOfAHandshake) {
  TlsServer server(good_identity(), [](ServerConnection& c) { c.reset(); });
  expect_all(run(config(server.port(), some)), Outcome::reset);
}

TEST_F(HttpsOutcomes, ResetInsteadOfAnAnswer) {
  TlsServer server(good_identity(),
                   after_one_request([](ServerConnection& c, const std::string&) { c.reset(); }));
  expect_all(run(config(server.port(), some)), Outcome::reset, ECONNRESET);
}

TEST_F(HttpsOutcomes, ResetWhenClosedBeforeTheHandshake) {
  TlsServer server(good_identity(), [](ServerConnection&) {});
  expect_all(run(config(server.port(), some)), Outcome::reset);
}

TEST_F(HttpsOutcomes, ResetWhenClosedWithoutAnAnswer) {
  TlsServer silent(good_identity(),
                   after_one_request([](ServerConnection&, const std::string&) {}));
  expect_all(run(config(silent.port(), some)), Outcome::reset, 0);
  TlsServer polite(good_identity(), write_and_close(""));
  expect_all(run(config(polite.port(), some)), Outcome::reset, 0);
}

TEST_F(HttpsOutcomes, ResetWhenClosedInAnOrderlyWayInTheMiddleOfTheBody) {
  TlsServer server(good_identity(),
                   write_and_close("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntok"));
  expect_all(run(config(server.port(), some)), Outcome::reset, 0);
}

TEST_F(HttpsOutcomes, TimeoutWhenConnectedButNotAnswered) {
  Gate gate;
  TlsServer before_handshake(good_identity(), [&](ServerConnection&) { gate.pass(); });
  TlsServer before_answer(
      good_identity(),
      after_one_request([&](ServerConnection&, const std::string&) { gate.pass(); }));
  TlsServer in_body(good_identity(),
                    after_one_request([&](ServerConnection& c, const std::string&) {
                      c.write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntok");
                      gate.pass();
                    }));
  const Gate::Shut shut(gate);
  for (const TlsServer* server : {&before_handshake, &before_answer, &in_body}) {
    auto short_timeout = config(server->port(), some);
    short_timeout["timeout_ns"] = 1'000'000'000;
    short_timeout["slow_ns"] = 1'000'000'000;
    const auto samples = run(short_timeout);
    expect_all(samples, Outcome::timeout, 0);
    for (const auto& sample : samples)
      EXPECT_GE(sample.finished_ns - sample.scheduled_ns, 1'000'000'000);
  }
}

TEST_F(HttpsOutcomes, SlowCountsFromTheSchedule) {
  static constexpr auto stall = 120ms;
  TlsServer server(good_identity(),
                   after_one_request([](ServerConnection& c, const std::string& request) {
                     std::this_thread::sleep_for(stall);
                     c.write(http_answer(200, "token " + token_of(request)));
                   }));
  auto impatient = config(server.port(), some);
  impatient["slow_ns"] = 100'000'000;
  const auto samples = run(impatient);
  expect_all(samples, Outcome::slow, 200);
  for (const auto& sample : samples)
    EXPECT_GE(sample.finished_ns - sample.scheduled_ns, Nanoseconds(stall).count());
}

TEST_F(HttpsOutcomes, TlsTruncated) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
  // All of these look like answers; only the missing close_notify tells that they were cut off.
  for (const std::string& bytes : {std::string("HTTP/1.1 200 OK\r\n\r\ntoken "), head + "token",
                                   head, std::string("HTTP/1.1")}) {
    SCOPED_TRACE(bytes);
    TlsServer server(
        good_identity(),
        after_one_request([&](ServerConnection& c, const std::string&) { c.write(bytes); }));
    expect_all(run(config(server.port(), some)), Outcome::tls_truncated);
  }
}

TEST_F(HttpsOutcomes, TlsUntrusted) {
  const Authority stranger;
  std::atomic<int> trusted = 0;
  TlsServer server(stranger.issue(std::string("DNS:") + host), [&](ServerConnection& connection) {
    if (connection.handshake()) ++trusted;
  });
  expect_all(run(config(server.port(), some)), Outcome::tls_untrusted);
  EXPECT_EQ(server.connections(), some);
  EXPECT_EQ(trusted, 0);
}

TEST_F(HttpsOutcomes, TlsWrongIdentity) {
  TlsServer server(authority_.issue("DNS:other.nospof.test,IP:127.0.0.1"), echo_token);
  expect_all(run(config(server.port(), some)), Outcome::tls_wrong_identity,
             X509_V_ERR_HOSTNAME_MISMATCH);
  // A common name does not vouch for anything.
  TlsServer nameless(authority_.issue(""), echo_token);
  expect_all(run(config(nameless.port(), some)), Outcome::tls_wrong_identity);
}

TEST_F(HttpsOutcomes, AddressesAreIdentitiesToo) {
  const auto by_address = [&](int port) {
    auto made = config(port, some);
    made["url"] = "https://127.0.0.1:" + std::to_string(port) + "/?v={token}";
    return made;
  };
  TlsServer right(authority_.issue("IP:127.0.0.1"), echo_token);
  expect_all(run(by_address(right.port())), Outcome::ok);
  TlsServer wrong(authority_.issue("IP:127.0.0.2,DNS:127.0.0.1"), echo_token);
  expect_all(run(by_address(wrong.port())), Outcome::tls_wrong_identity,
             X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_F(HttpsOutcomes, TlsExpiredOrNotYetValid) {
  const std::string name = std::string("DNS:") + host;
  TlsServer expired(authority_.issue(name, {-3h, -1h}), echo_token);
  expect_all(run(config(expired.port(), some)), Outcome::tls_expired, X509_V_ERR_CERT_HAS_EXPIRED);
  TlsServer early(authority_.issue(name, {1h, 3h}), echo_token);
  expect_all(run(config(early.port(), some)), Outcome::tls_expired, X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_F(HttpsOutcomes, TlsHandshake) {
  TlsServer server(good_identity(), [](ServerConnection& c) {
    c.write_plain("HTTP/1.1 400 Bad Request\r\n\r\n");
    c.handshake();
  });
  expect_all(run(config(server.port(), some)), Outcome::tls_handshake);
}

TEST_F(HttpsOutcomes, HttpStatus) {
  TlsServer server(good_identity(), write_and_close(http_answer(503, "token")));
  expect_all(run(config(server.port(), some)), Outcome::http_status, 503);
  auto expecting_it = config(server.port(), some);
  expecting_it["expect_status"] = 503;
  expecting_it["expect_body"] = "token";
  expect_all(run(expecting_it), Outcome::ok, 503);
}

TEST_F(HttpsOutcomes, HttpMalformed) {
  TlsServer server(good_identity(), write_and_close("220 mail.example ESMTP\r\n"));
  expect_all(run(config(server.port(), some)), Outcome::http_malformed, 0);
  TlsServer endless(good_identity(),
                    write_and_close("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"));
  expect_all(run(config(endless.port(), some)), Outcome::http_malformed, EMSGSIZE);
}

TEST_F(HttpsOutcomes, WrongBody) {
  // The answer to somebody else's request is no answer to this one.
  TlsServer server(good_identity(), write_and_close(http_answer(200, "token 0123456789abcdef")));
  expect_all(run(config(server.port(), some)), Outcome::wrong_body, 200);
}

TEST_F(HttpsOutcomes, LocalErrorBeyondTheBound) {
  Gate gate;
  TlsServer server(good_identity(), [&](ServerConnection&) { gate.pass(); });
  const Gate::Shut shut(gate);
  auto bounded = config(server.port(), 20);
  bounded["max_in_flight"] = 3;
  bounded["rate_per_second"] = 1000;
  bounded["timeout_ns"] = 1'000'000'000;
  bounded["slow_ns"] = 1'000'000'000;
  const auto samples = run(bounded);
  EXPECT_LE(server.most_open(), 3);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(samples.at(i).outcome, Outcome::timeout);
  for (std::size_t i = 3; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].outcome, Outcome::local_error);
    EXPECT_EQ(samples[i].detail, EBUSY);
  }
}

TEST_F(HttpsOutcomes, CannotEvenBeMade) {
  auto lab_from_outside = config(443, some);
  lab_from_outside["address"] = "198.18.0.100";
  EXPECT_THROW(HttpsRun{lab_from_outside}, Error);
  auto no_authority = config(443, some);
  no_authority["authority_file"] = folder_ / "missing.pem";
  EXPECT_THROW(HttpsRun{no_authority}, Error);
  auto no_name = config(443, some);
  no_name["url"] = "https://no-such-name.invalid/";
  no_name.erase("address");
  EXPECT_THROW(HttpsRun{no_name}, Error);
}

}  // namespace
}  // namespace nospof::test
