// The tls-path probe before servers that begin TLS in their own protocol, played by the test.

#include <atomic>

#include "system/tls_look.hpp"
#include "tests/kernel/tls_path_fixture.hpp"

namespace nospof::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string mysql_greeting(bool with_tls) {
  std::string body("\x0a", 1);
  body += "11.4.0-test";
  body += std::string(1 + 4 + 8 + 1, '\0');
  body += with_tls ? std::string("\xff\xff", 2) : std::string("\xff\xf7", 2);
  body += std::string(20, '\0');
  return std::string({static_cast<char>(body.size()), 0, 0, 0}) + body;
}

class TlsPathStarttls : public TlsPath {
 protected:
  /// Says what a database says before TLS.
  bool greet(ServerConnection& connection, bool mysql) const {
    if (mysql) {
      connection.write_plain(mysql_greeting(tls_));
      return tls_ && connection.read_plain(36).size() == 36;
    }
    if (connection.read_plain(8).size() != 8) return false;
    connection.write_plain(tls_ ? "S" : "N");
    return tls_;
  }
  TlsServer::Handler database(bool mysql) const {
    return [this, mysql](ServerConnection& connection) {
      if (greet(connection, mysql) && connection.handshake()) connection.read_request();
    };
  }
  boost::json::object database_target(const TlsServer& server, bool mysql) const {
    auto one = target(server.port());
    one["starttls"] = mysql ? "mysql" : "postgresql";
    one["client_certificate"] = true;
    one["certificate_file"] = own_certificate_;
    one["key_file"] = own_key_;
    return one;
  }

  std::atomic<bool> tls_ = true;
};

TEST_F(TlsPathStarttls, ADatabaseThatAsksForCertificatesIsGood) {
  // Asks, goes on without one, and would refuse at the login.
  const Face shown = good(asks_for_certificate(0));
  for (const bool mysql : {true, false}) {
    TlsServer server(shown.identity, database(mysql), TlsServer::Newest::tls_1_3, shown.tune);
    LookRun run(*probes::make_tls_path(), config({database_target(server, mysql)}));
    EXPECT_TRUE(run.wait_for_decided_rounds(3));
    EXPECT_THAT(run.told(), IsEmpty());
  }
}

TEST_F(TlsPathStarttls, ADatabaseThatDoesNotAskForCertificatesIsFound) {
  const Face shown = good();
  for (const bool mysql : {true, false}) {
    TlsServer server(shown.identity, database(mysql), TlsServer::Newest::tls_1_3, shown.tune);
    LookRun run(*probes::make_tls_path(), config({database_target(server, mysql)}));
    EXPECT_TRUE(run.wait_for_decided_rounds(3));
    EXPECT_THAT(run.told(), ElementsAre("tls-no-client-certificate-demanded"));
  }
}

TEST_F(TlsPathStarttls, ADatabaseWithoutTlsIsFound) {
  const Face shown = good(asks_for_certificate(0));
  for (const bool mysql : {true, false}) {
    tls_ = false;
    TlsServer server(shown.identity, database(mysql), TlsServer::Newest::tls_1_3, shown.tune);
    LookRun run(*probes::make_tls_path(), config({database_target(server, mysql)}));
    EXPECT_TRUE(run.wait_for_finding("tls-absent"));
    tls_ = true;
    EXPECT_TRUE(run.wait_for_finding("tls-absent", true));
    EXPECT_THAT(run.told(), ElementsAre("tls-absent", "over: tls-absent"));
  }
}

TEST_F(TlsPathStarttls, WhoIsTurnedAwayBeforeTlsKnowsNothingOfIt) {
  // "Too many connections", and a database that ends before it said anything.
  const std::string full("\x0c\x00\x00\x00\xff\x10\x04#08004no", 16);
  for (const std::string& said : {full, std::string()}) {
    const Face shown = good();
    TlsServer server(
        shown.identity,
        [&](ServerConnection& connection) {
          if (!said.empty()) connection.write_plain(said);
        },
        TlsServer::Newest::tls_1_3, shown.tune);
    TlsLookAt at;
    at.address = "127.0.0.1";
    at.port = server.port();
    at.starttls = "mysql";
    at.offer = TlsOffer::up_to_1_1;
    EXPECT_EQ(look_at_tls(at).handshake, TlsHandshake::not_connected) << said;
  }
}

}  // namespace
}  // namespace nospof::test
