#include "system/starttls.hpp"

#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof {
namespace {

using State = Starttls::State;

std::string packet(const std::string& body) {
  return std::string({static_cast<char>(body.size()), 0, 0, 0}) + body;
}

std::string greeting(const std::string& capabilities) {
  return packet(std::string("\x0a") + "11.4.0-MariaDB" + std::string(1 + 4 + 8 + 1, '\0') +
                capabilities + std::string(30, '\0'));
}

/// Feeds no more than is wanted at a time.
State after(Starttls& dialogue, std::string heard) {
  while (dialogue.state() == State::talking && !heard.empty()) {
    const std::size_t size = std::min(dialogue.wanted(), heard.size());
    dialogue.feed(heard.substr(0, size));
    heard.erase(0, size);
  }
  return dialogue.state();
}

TEST(Starttls, NothingIsSaidWithoutAProtocol) {
  Starttls none("");
  EXPECT_EQ(none.state(), State::ready);
  EXPECT_EQ(none.take_to_send(), "");
}

TEST(Starttls, AnUnknownProtocolIsRefused) {
  EXPECT_THROW(Starttls("smtp"), Error);
}

TEST(Starttls, PostgresqlIsAskedFirst) {
  Starttls dialogue("postgresql");
  EXPECT_EQ(dialogue.take_to_send(), std::string("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8));
  EXPECT_EQ(dialogue.take_to_send(), "");
  EXPECT_EQ(dialogue.wanted(), 1U);
  EXPECT_EQ(after(dialogue, "S"), State::ready);
}

TEST(Starttls, PostgresqlWithoutTls) {
  Starttls refuses("postgresql");
  EXPECT_EQ(after(refuses, "N"), State::not_offered);
  Starttls starting_up("postgresql");
  EXPECT_EQ(after(starting_up, "E"), State::turned_away);
  Starttls something_else("postgresql");
  EXPECT_EQ(after(something_else, "H"), State::not_offered);
}

TEST(Starttls, MysqlGreetsFirst) {
  Starttls dialogue("mysql");
  EXPECT_EQ(dialogue.take_to_send(), "");
  const std::string said = greeting("\xfe\xf7" + std::string("\x08"));
  Starttls offers("mysql");
  EXPECT_EQ(after(offers, greeting(std::string("\x00\x08", 2))), State::ready);
  const std::string request = offers.take_to_send();
  EXPECT_EQ(request.size(), 36U);
  EXPECT_EQ(request.substr(0, 4), std::string("\x20\x00\x00\x01", 4));
}

TEST(Starttls, MysqlByteByByte) {
  Starttls dialogue("mysql");
  const std::string said = greeting("\xff\xff");
  for (std::size_t i = 0; i < said.size(); ++i) {
    ASSERT_EQ(dialogue.state(), State::talking) << i;
    ASSERT_GE(dialogue.wanted(), 1U);
    dialogue.feed(said.substr(i, 1));
  }
  EXPECT_EQ(dialogue.state(), State::ready);
}

TEST(Starttls, MysqlWithoutTls) {
  Starttls no_capability("mysql");
  EXPECT_EQ(after(no_capability, greeting("\xff\xf7")), State::not_offered);
  Starttls too_many_connections("mysql");
  EXPECT_EQ(after(too_many_connections, packet("\xff\x10\x04Too many connections")),
            State::turned_away);
  Starttls short_greeting("mysql");
  EXPECT_EQ(after(short_greeting, packet("\x0a"
                                         "11")),
            State::not_offered);
  for (const char* other : {"SSH-2.0-OpenSSH", "220 mail.example ESMTP", "HTTP/1.1 400 Bad"}) {
    Starttls dialogue("mysql");
    EXPECT_EQ(after(dialogue, other), State::not_offered) << other;
  }
}

}  // namespace
}  // namespace nospof
