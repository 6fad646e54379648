#include "probes/icmp.hpp"

#include <cerrno>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/icmp_packet.hpp"
#include "probes/icmp_socket.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using kinds::Outcome;
using testing::HasSubstr;

std::string message(const std::string& text) {
  try {
    make_icmp()->make(boost::json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

using Cases = std::vector<std::pair<std::string, std::string>>;

TEST(IcmpConfig, NamesWhatIsWrong) {
  for (const auto& [text, expected] : Cases{
           {R"({"rate_per_second":1})", "icmp probe: address is missing"},
           {R"({"address":"::1","rate_per_second":1})", "expected an IPv4 address"},
           {R"({"address":"localhost","rate_per_second":1})", "expected an IPv4 address"},
           {R"({"address":"127.0.0.1","rate_per_second":1,"payload_bytes":8})",
            "payload_bytes is 8"},
           {R"({"address":"127.0.0.1","rate_per_second":1,"max_in_flight":40000})",
            "expected at most 32768"},
           {R"({"address":"127.0.0.1","rate_per_second":2000,"timeout_ns":60000000000})",
            "more than 65,535 requests would be due within one deadline"},
           {R"({"address":"198.18.0.1","rate_per_second":1})", "198.18.0.1"},
       })
    EXPECT_THAT(message(text), HasSubstr(expected)) << text;
}

TEST(EchoMessages, AreReadBack) {
  const std::string request = echo_request({0x1234, 0xfffe, "payload"});
  EXPECT_EQ(quoted_sequence(request), 0xfffe);
  EXPECT_EQ(parse_echo_reply(request), std::nullopt) << "a request";
  // The checksum over everything, itself included, is all ones (RFC 1071).
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < request.size(); i += 2)
    sum += static_cast<std::uint32_t>(
        static_cast<unsigned char>(request[i]) << 8U |
        (i + 1 < request.size() ? static_cast<unsigned char>(request[i + 1]) : 0));
  EXPECT_EQ((sum & 0xffff) + (sum >> 16U), 0xffffU);
  std::string reply = request;
  reply[0] = 0;
  const auto read = parse_echo_reply(reply);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, 0x1234);
  EXPECT_EQ(read->sequence, 0xfffe);
  EXPECT_EQ(read->payload, "payload");
  for (std::size_t size = 0; size < 8; ++size)
    EXPECT_FALSE(parse_echo_reply(reply.substr(0, size))) << size;
}

TEST(EchoPayloads, SayWhoseTheyAre) {
  const EchoPayload mine(1, 2, 56);
  const std::string payload = mine.of(0x1'0000'0005);
  EXPECT_EQ(payload.size(), 56U);
  EXPECT_EQ(mine.sequence_of(payload), 0x1'0000'0005U);
  EXPECT_EQ(EchoPayload(1, 3, 56).sequence_of(payload), std::nullopt);
  EXPECT_EQ(mine.sequence_of(payload.substr(0, 23)), std::nullopt);
  EXPECT_NE(mine.of(5), payload) << "the same 16 bits";
}

TEST(IpHeaders, AreSkipped) {
  EXPECT_EQ(behind_ip_header("\x45" + std::string(19, 'h') + "icmp"), "icmp");
  EXPECT_EQ(behind_ip_header("\x46" + std::string(23, 'h') + "icmp"), "icmp");
  EXPECT_EQ(behind_ip_header("\x45 too short"), "");
  EXPECT_EQ(behind_ip_header(""), "");
}

TEST(Refusals, OfTheWayAreNotOurs) {
  EXPECT_EQ(refusal_failure(EHOSTUNREACH), (Failure{Outcome::unreachable, EHOSTUNREACH}));
  EXPECT_EQ(refusal_failure(EMSGSIZE), (Failure{Outcome::unreachable, EMSGSIZE}));
  EXPECT_EQ(refusal_failure(ECONNREFUSED), (Failure{Outcome::connect_refused, ECONNREFUSED}));
  EXPECT_EQ(refusal_failure(ENOBUFS), (Failure{Outcome::local_error, ENOBUFS}));
}

}  // namespace
}  // namespace nospof::probes
