// The prometheus probe, against a server that says what the test wants it to say.

#include <cerrno>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "probes/prometheus.hpp"
#include "tests/kernel/https_server.hpp"
#include "tests/kernel/plain_server.hpp"
#include "tests/kernel/probe_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::test {
namespace {

namespace json = boost::json;
using kinds::Outcome;
using kinds::Sample;
using namespace std::chrono_literals;

constexpr int some = 3;

json::object config(int port) {
  return {{"url", fmt::format("http://prometheus.nospof.test:{}/base", port)},
          {"address", "127.0.0.1"},
          {"query", "up{job=\"a b\"}"},
          {"expect", ">= 1"},
          {"rate_per_second", 50},
          {"timeout_ns", 20'000'000'000},
          {"slow_ns", 20'000'000'000},
          {"count", some}};
}

std::string vector_body(std::initializer_list<const char*> values) {
  std::string result;
  for (const char* value : values)
    result +=
        fmt::format(R"({}{{"metric":{{}},"value":[1.5,"{}"]}})", result.empty() ? "" : ",", value);
  return fmt::format(R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}}})",
                     result);
}

std::string answer(const std::string& request, const std::string& bytes) {
  const bool right =
      request.starts_with("GET /base/api/v1/query?query=up%7Bjob%3D%22a%20b%22%7D HTTP/1.1\r\n");
  return right ? bytes : http_answer(404, "");
}

PlainServer::Handler saying(std::string bytes) {
  return [bytes = std::move(bytes)](int fd) {
    if (const auto request = read_head(fd)) send_all(fd, answer(*request, bytes));
  };
}

std::vector<Sample> run(const json::object& wanted) {
  return run_to_end(*probes::make_prometheus(), wanted);
}

TEST(PrometheusProbe, ComparesEveryValueOrTheFirst) {
  PlainServer good(saying(http_answer(200, vector_body({"1", "2"}))));
  expect_all(run(config(good.port())), Outcome::ok, 200);
  PlainServer second_bad(saying(http_answer(200, vector_body({"1", "0"}))));
  expect_all(run(config(second_bad.port())), Outcome::wrong_body, 0);
  auto first = config(second_bad.port());
  first["series"] = "first";
  expect_all(run(first), Outcome::ok, 200);
  PlainServer no_number(saying(http_answer(200, vector_body({"NaN"}))));
  expect_all(run(config(no_number.port())), Outcome::wrong_body, 0);
}

TEST(PrometheusProbe, NoDataAndErrorsAreTheirOwnClasses) {
  PlainServer nothing(saying(http_answer(200, vector_body({}))));
  expect_all(run(config(nothing.port())), Outcome::no_data, 0);
  PlainServer refusing(saying(http_answer(422, R"({"status":"error","error":"x"})")));
  expect_all(run(config(refusing.port())), Outcome::http_status, 422);
  PlainServer garbage(saying(http_answer(200, "<html>")));
  expect_all(run(config(garbage.port())), Outcome::http_malformed, EBADMSG);
  PlainServer closing([](int fd) { read_head(fd); });
  expect_all(run(config(closing.port())), Outcome::reset, 0);
  const int port = listen_on_loopback(1).port;  // closed again at once
  expect_all(run(config(port)), Outcome::connect_refused, ECONNREFUSED);
}

TEST(PrometheusProbe, VerifiesWhomItAsks) {
  const Authority authority;
  const TemporaryFolder folder;
  write_file(folder / "ca.pem", authority.pem());
  const auto serve = [](ServerConnection& connection) {
    if (!connection.handshake()) return;
    if (const auto request = connection.read_request()) {
      connection.write(answer(*request, http_answer(200, vector_body({"1"}))));
      connection.say_goodbye();
    }
  };
  TlsServer right(authority.issue("DNS:prometheus.nospof.test"), serve);
  TlsServer wrong(authority.issue("DNS:other.nospof.test"), serve);
  for (const auto* server : {&right, &wrong}) {
    auto wanted = config(server->port());
    wanted["url"] = fmt::format("https://prometheus.nospof.test:{}/base/", server->port());
    wanted["authority_file"] = folder / "ca.pem";
    expect_all(run(wanted), server == &right ? Outcome::ok : Outcome::tls_wrong_identity);
  }
}

}  // namespace
}  // namespace nospof::test
