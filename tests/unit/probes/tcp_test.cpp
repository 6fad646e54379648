#include "probes/tcp.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/greeting.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using kinds::Outcome;
using testing::HasSubstr;

std::string message(const std::string& text) {
  try {
    make_tcp()->make(boost::json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

using Cases = std::vector<std::pair<std::string, std::string>>;

TEST(TcpConfig, NamesWhatIsWrong) {
  for (const auto& [text, expected] : Cases{
           {R"({"port":1,"rate_per_second":1})", "tcp probe: host is missing"},
           {R"({"host":"127.0.0.1","rate_per_second":1})", "port is missing"},
           {R"({"host":"127.0.0.1","port":0,"rate_per_second":1})", "port is 0, expected"},
           {R"({"host":"127.0.0.1","port":1})", "rate_per_second is missing"},
           {R"({"host":"127.0.0.1","port":1,"rate_per_second":1,"send":"x"})",
            "unknown key 'send'"},
           {R"({"host":"198.18.0.1","port":1,"rate_per_second":1})", "198.18.0.1"},
       })
    EXPECT_THAT(message(text), HasSubstr(expected)) << text;
}

TEST(Greetings, AreFoundHoweverTheyCome) {
  Greeting greeting("MariaDB");
  EXPECT_EQ(greeting.feed("5.5.5-10.11-Mar"), std::nullopt);
  EXPECT_EQ(greeting.feed("iaDB"), true);
}

TEST(Greetings, ThatDoNotComeAreToldApart) {
  Greeting silent("x");
  EXPECT_EQ(silent.at_end(), (Failure{Outcome::reset, 0}));
  EXPECT_EQ(silent.at_deadline(), (Failure{Outcome::timeout, 0}));
  Greeting other("x");
  EXPECT_EQ(other.feed("Host is blocked"), std::nullopt);
  EXPECT_EQ(other.at_end(), (Failure{Outcome::wrong_body, 0}));
  EXPECT_EQ(other.at_deadline(), (Failure{Outcome::wrong_body, 0}));
  Greeting endless("x");
  EXPECT_EQ(endless.feed(std::string(4095, 'y')), std::nullopt);
  EXPECT_EQ(endless.feed(std::string(4096, 'y')), false);
}

}  // namespace
}  // namespace nospof::probes
