#include "probes/tls_path_config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probes/tls_path.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

const std::string least =
    R"("name":"web-app","address":"198.18.0.21","port":8443,"identity":"app.nospof.test",)"
    R"("authority_file":"/etc/ca.crt")";
const std::string key_hash(64, 'a');

TlsPathConfig parsed(const std::string& text) {
  return parse_tls_path_config(json::parse(text).as_object());
}
TlsPathTarget parsed_target(const std::string& fields) {
  return parsed(fmt::format(R"({{"from":"web1","targets":[{{{}}}]}})", fields)).targets.at(0);
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}
std::string target_message(const std::string& fields) {
  return message(fmt::format(R"({{"from":"web1","targets":[{{{}}}]}})", fields));
}

TEST(TlsPathConfig, HasDefaults) {
  const TlsPathConfig config = parsed(R"({"from":"web1","targets":[{)" + least + "}]}");
  EXPECT_EQ(config.every, 2s);
  ASSERT_EQ(config.targets.size(), 1U);
  const TlsPathTarget& target = config.targets[0];
  EXPECT_EQ(target.subject, "web-app: web1 -> 198.18.0.21:8443");
  EXPECT_EQ(target.starttls, "");
  EXPECT_TRUE(target.expect_keys.empty());
  EXPECT_EQ(target.certificate_file, "");
  EXPECT_FALSE(target.client_certificate);
  EXPECT_TRUE(target.ask_http);
  EXPECT_EQ(target.valid_for, 168h);
  EXPECT_EQ(target.min_protocol, "TLSv1.2");
}

TEST(TlsPathConfig, TakesEveryKey) {
  const TlsPathTarget target = parsed_target(
      least + R"(,"via_text":"app1","starttls":"mysql","expect_keys":[")" + key_hash +
      R"("],"certificate_file":"/etc/own.crt","key_file":"/etc/own.key",)"
      R"("client_certificate":true,"ask_http":false,"valid_for_ns":5,"min_protocol":"TLSv1.3")");
  EXPECT_EQ(target.subject, "web-app: web1 -> app1:8443");
  EXPECT_EQ(target.address, "198.18.0.21");
  EXPECT_EQ(target.port, 8443);
  EXPECT_EQ(target.identity, "app.nospof.test");
  EXPECT_EQ(target.authority_file, "/etc/ca.crt");
  EXPECT_EQ(target.starttls, "mysql");
  EXPECT_EQ(target.expect_keys, std::vector{key_hash});
  EXPECT_EQ(target.certificate_file, "/etc/own.crt");
  EXPECT_EQ(target.key_file, "/etc/own.key");
  EXPECT_TRUE(target.client_certificate);
  EXPECT_FALSE(target.ask_http);
  EXPECT_EQ(target.valid_for, 5ns);
  EXPECT_EQ(target.min_protocol, "TLSv1.3");
}

TEST(TlsPathConfig, DatabasesAreNotAskedOverHttp) {
  EXPECT_FALSE(parsed_target(least + R"(,"starttls":"postgresql")").ask_http);
  EXPECT_FALSE(parsed_target(least + R"(,"ask_http":false)").ask_http);
}

TEST(TlsPathConfig, NamesWhatIsWrongInATarget) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "name is missing"},
      {R"("name":"")", "name is \"\", expected a text that is not empty"},
      {R"("name":"x")", "address is missing"},
      {R"("name":"x","address":"1.2.3.4")", "port is missing"},
      {R"("name":"x","address":"1.2.3.4","port":0)", "port is 0, expected"},
      {R"("name":"x","address":"1.2.3.4","port":443)", "identity is missing"},
      {R"("name":"x","address":"1.2.3.4","port":443,"identity":"i")", "authority_file is missing"},
      {least + R"(,"starttls":"smtp")", R"(starttls is "smtp", expected "" or "mysql")"},
      {least + R"(,"expect_keys":"x")", "expected a list of texts"},
      {least + R"(,"expect_keys":[7])", "expected a list of texts"},
      {least + R"(,"expect_keys":["ab"])", "expect_keys is \"ab\", expected a SHA-256"},
      {least + R"(,"expect_keys":[")" + std::string(64, 'A') + R"("])", "lower-case"},
      {least + R"(,"key_file":"/k")", "key_file is \"/k\", expected certificate_file"},
      {least + R"(,"certificate_file":"/c")", "certificate_file is \"/c\", expected key_file"},
      {least + R"(,"client_certificate":"yes")", "expected true or false"},
      {least + R"(,"starttls":"mysql","ask_http":true)", "ask_http is true, expected no starttls"},
      {least + R"(,"valid_for_ns":-1)", "valid_for_ns is -1"},
      {least + R"(,"min_protocol":"TLSv1.1")", "min_protocol is \"TLSv1.1\""},
      {least + R"(,"cipher":"x")", "unknown key 'cipher'"},
  };
  for (const auto& [fields, expected] : cases) {
    EXPECT_THAT(target_message(fields), testing::HasSubstr(expected)) << fields;
    EXPECT_THAT(target_message(fields), testing::HasSubstr("tls-path probe: target 1: "));
  }
}

TEST(TlsPathConfig, NamesWhatIsWrongAroundThem) {
  const std::string one = "{" + least + "}";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"targets":[]})", "from is missing"},
      {R"({"from":"web1"})", "targets is missing"},
      {R"({"from":"web1","targets":[]})", "targets has 0 entries, expected 1 to 500"},
      {R"({"from":"web1","targets":{}})", "expected a list of objects"},
      {R"({"from":"web1","targets":[1]})", "expected a list of objects"},
      {R"({"from":"web1","every_ns":0,"targets":[)" + one + "]}", "every_ns is 0"},
      {R"({"from":"web1","every":"2s","targets":[)" + one + "]}", "unknown key 'every'"},
      {R"({"from":"web1","targets":[)" + one + "," + one + "]}",
       "target 2: 'web-app: web1 -> 198.18.0.21:8443' is there twice"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(TlsPathKind, DescribesItself) {
  const auto kind = make_tls_path();
  EXPECT_EQ(kind->info().name, "tls-path");
  EXPECT_FALSE(kind->info().summary.empty());
  EXPECT_EQ(kind->info().parameters.size(), 3U);
  EXPECT_THROW(kind->make({}), Error);
}

}  // namespace
}  // namespace nospof::probes
