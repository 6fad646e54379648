#include "probes/vip_config.hpp"

#include <arpa/inet.h>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/vip.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

std::string message(const std::string& text) {
  try {
    parse_vip_config(json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(VipConfig, HasAPeriodForEachView) {
  const VipConfig own = parse_vip_config({{"address", "198.18.0.100"}, {"view", "own"}});
  EXPECT_EQ(own.view, VipView::own);
  EXPECT_EQ(own.period, 20ms);
  EXPECT_EQ(own.address, "198.18.0.100");
  EXPECT_EQ(ntohl(own.ip.s_addr), 0xc6120064U);
  const VipConfig link = parse_vip_config({{"address", "198.18.0.100"}, {"view", "link"}});
  EXPECT_EQ(link.view, VipView::link);
  EXPECT_EQ(link.period, 100ms);
  const VipConfig slow = parse_vip_config(
      {{"address", "198.18.0.100"}, {"view", "link"}, {"period_ns", 1'000'000'000}});
  EXPECT_EQ(slow.period, 1s);
}

TEST(VipConfig, NamesWhatIsWrong) {
  const std::string good = R"({"address":"198.18.0.100","view":"own",)";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"view":"own"})", "vip probe: address is missing"},
      {R"({"address":"lb.nospof.test","view":"own"})", "expected an IPv4 address such as"},
      {R"({"address":"2001:db8::1","view":"own"})", R"(address is "2001:db8::1", expected)"},
      {R"({"address":"198.18.0.100"})", "view is missing"},
      {R"({"address":"198.18.0.100","view":"arp"})", R"(view is "arp", expected "own" on a host)"},
      {good + R"("period_ns":999999})", "period_ns is 999999, expected an integer from 1000000"},
      {good + R"("period_ns":"20ms"})", "expected an integer"},
      {good + R"("period":20})", "unknown key 'period'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(VipKind, DescribesItself) {
  const auto kind = make_vip();
  EXPECT_EQ(kind->info().name, "vip");
  EXPECT_EQ(kind->info().parameters.size(), 3U);
  EXPECT_THROW(kind->make({}), Error);
  EXPECT_THROW(kind->make({{"address", "198.18.0.100"}, {"view", "own"}}), Error)
      << "from outside of a lab";
}

}  // namespace
}  // namespace nospof::probes
