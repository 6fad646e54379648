#include "probes/dns.hpp"

#include <cerrno>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/dns_verdict.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using kinds::Outcome;
using testing::HasSubstr;

std::string message(const std::string& text) {
  try {
    make_dns()->make(boost::json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

using Cases = std::vector<std::pair<std::string, std::string>>;

TEST(DnsConfig, NamesWhatIsWrong) {
  for (const auto& [text, expected] : Cases{
           {R"({"name":"a","rate_per_second":1})", "dns probe: server is missing"},
           {R"({"server":"ns.example","name":"a","rate_per_second":1})",
            "server is \"ns.example\", expected an IP address"},
           {R"({"server":"127.0.0.1","rate_per_second":1})", "name is missing"},
           {R"({"server":"127.0.0.1","name":"a..b","rate_per_second":1})",
            "name is \"a..b\", expected a DNS name"},
           {R"({"server":"127.0.0.1","name":"a","type":"MX","rate_per_second":1})",
            "type is \"MX\", expected \"A\" or \"AAAA\""},
           {R"({"server":"127.0.0.1","name":"a","expect":"::1","rate_per_second":1})",
            "expect is \"::1\", expected an address of the type asked for"},
           {R"({"server":"127.0.0.1","name":"a"})", "rate_per_second is missing"},
           {R"({"server":"127.0.0.1","name":"a","rate_per_second":1,"x":1})", "unknown key 'x'"},
       })
    EXPECT_THAT(message(text), HasSubstr(expected)) << text;
}

TEST(DnsConfig, WritesAddressesInOneWay) {
  const DnsConfig config = parse_dns_config(
      boost::json::parse(R"({"server":"127.0.0.1","name":"Www.Nospof.Test.","type":"AAAA",
        "expect":"2001:DB8:0:0::1","rate_per_second":1})")
          .as_object());
  EXPECT_EQ(config.expect, "2001:db8::1");
  EXPECT_EQ(config.name, "Www.Nospof.Test");
}

class DnsAnswers : public testing::Test {
 protected:
  std::string query_ = dns_query(7, "www.nospof.test");
  DnsQuestion question_ = *parse_dns_query(query_);

  /// The answer with these flags and records, whose names point to the question's.
  std::string answer(char high, char low, const std::vector<std::string>& records) const {
    std::string bytes = query_;
    bytes[2] = high;
    bytes[3] = low;
    bytes[7] = static_cast<char>(records.size());
    for (const std::string& record : records) bytes += std::string("\xc0\x0c", 2) + record;
    return bytes;
  }
  static std::string record(char type, const std::string& data) {
    return std::string("\0", 1) + type + std::string("\0\1\0\0\0\5\0", 7) +
           static_cast<char>(data.size()) + data;
  }
  Failure judged(const std::string& bytes, const std::string& expect = "") const {
    const DnsVerdict verdict = judge_dns_answer(bytes, question_, expect, false);
    EXPECT_EQ(verdict.step, DnsStep::judged);
    return verdict.failure;
  }
  const std::string right_ = record(1, std::string("\x7f\0\0\7", 4));
  const std::string alias_ = record(5, std::string("\1a\xc0\x10", 4));
};

TEST_F(DnsAnswers, WithAddressesAreRight) {
  const std::string bytes = answer('\x81', '\x80', {alias_, right_});
  EXPECT_EQ(judged(bytes), (Failure{Outcome::ok, 0}));
  EXPECT_EQ(judged(bytes, "127.0.0.7"), (Failure{Outcome::ok, 0}));
  EXPECT_EQ(judged(bytes, "127.0.0.8"), (Failure{Outcome::wrong_body, 0}));
}

TEST_F(DnsAnswers, ThatRefuseHaveTheirCode) {
  for (const int code : {1, 2, 3, 5}) {
    EXPECT_EQ(judged(answer('\x81', static_cast<char>(0x80 | code), {})),
              (Failure{Outcome::dns, static_cast<std::uint16_t>(code)}));
    std::string without_question(query_.substr(0, 12));
    without_question[2] = '\x81';
    without_question[3] = static_cast<char>(0x80 | code);
    without_question[5] = 0;
    EXPECT_EQ(judged(without_question), (Failure{Outcome::dns, static_cast<std::uint16_t>(code)}));
  }
  EXPECT_EQ(judged(answer('\x81', '\x80', {alias_})), (Failure{Outcome::dns, 0}));
}

TEST_F(DnsAnswers, ThatAreCutOffAreAskedForOverTcp) {
  const std::string bytes = answer('\x83', '\x80', {right_});
  EXPECT_EQ(judge_dns_answer(bytes, question_, "", false).step, DnsStep::ask_over_tcp);
  EXPECT_EQ(judge_dns_answer(bytes, question_, "", true).failure,
            (Failure{Outcome::wrong_body, EBADMSG}));
}

TEST_F(DnsAnswers, ToOtherQuestionsAreWrong) {
  std::string other_id = answer('\x81', '\x80', {right_});
  other_id[1] = 8;
  EXPECT_EQ(judge_dns_answer(other_id, question_, "", false).step, DnsStep::ignore);
  EXPECT_EQ(judge_dns_answer(query_, question_, "", false).step, DnsStep::ignore) << "no answer";
  std::string other_name = answer('\x81', '\x80', {right_});
  other_name[13] = 'x';
  EXPECT_EQ(judged(other_name), (Failure{Outcome::wrong_body, EBADMSG}));
  std::string other_type = answer('\x81', '\x80', {right_});
  other_type[query_.size() - 3] = 28;
  EXPECT_EQ(judged(other_type), (Failure{Outcome::wrong_body, EBADMSG}));
  std::string other_case = answer('\x81', '\x80', {right_});
  other_case[13] = 'W';
  EXPECT_EQ(judged(other_case), (Failure{Outcome::ok, 0}));
}

TEST_F(DnsAnswers, AreReadToTheirEndAndNotBeyond) {
  const std::string bytes = answer('\x81', '\x80', {alias_, right_});
  for (std::size_t size = 12; size < bytes.size(); ++size)
    EXPECT_EQ(judged(bytes.substr(0, size)), (Failure{Outcome::wrong_body, EBADMSG})) << size;
  // Whatever single byte is wrong, it is read without a crash.
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char other : {'\0', '\x3f', '\x40', '\xc0', '\xff'}) {
      std::string broken = bytes;
      broken[at] = other;
      judge_dns_answer(broken, question_, "", true);
    }
}

TEST(DnsStreams, AreTakenApartByTheirLength) {
  const std::string framed = dns_over_tcp("hello");
  EXPECT_EQ(framed.substr(0, 2), std::string("\0\5", 2));
  DnsStreamReader reader;
  for (std::size_t i = 0; i + 1 < framed.size(); ++i)
    EXPECT_EQ(reader.feed(framed.substr(i, 1)), std::nullopt);
  EXPECT_EQ(reader.feed(framed.substr(framed.size() - 1) + "more"), "hello");
}

}  // namespace
}  // namespace nospof::probes
