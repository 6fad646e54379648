#include "probes/prometheus.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::probes {
namespace {

using testing::HasSubstr;

std::string message(const std::string& text) {
  try {
    make_prometheus()->make(boost::json::parse(text).as_object());
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

using Cases = std::vector<std::pair<std::string, std::string>>;

TEST(PrometheusConfig, NamesWhatIsWrong) {
  for (const auto& [text, expected] : Cases{
           {R"({"query":"up","expect":"== 1","rate_per_second":1})",
            "prometheus probe: url is missing"},
           {R"({"url":"http://127.0.0.1","expect":"== 1","rate_per_second":1})",
            "query is missing"},
           {R"({"url":"http://127.0.0.1","query":"up","rate_per_second":1})", "expect is missing"},
           {R"({"url":"http://127.0.0.1","query":"up","expect":"1","rate_per_second":1})",
            "has no comparator"},
           {R"({"url":"http://127.0.0.1","query":"up","expect":"== 1"})",
            "rate_per_second is missing"},
           {R"({"url":"http://127.0.0.1/?x","query":"up","expect":"== 1","rate_per_second":1})",
            "without a query"},
           {R"({"url":"http://127.0.0.1","query":"up","expect":"== 1","rate_per_second":1,
              "series":"last"})",
            R"(series is "last", expected "all" or "first")"},
           {R"({"url":"http://127.0.0.1","query":"up","expect":"== 1","rate_per_second":1,
              "expect_body":"x"})",
            "unknown key 'expect_body'"},
       })
    EXPECT_THAT(message(text), HasSubstr(expected)) << text;
}

}  // namespace
}  // namespace nospof::probes
