// What an exec probe makes of a command's end.

#include "probes/exec.hpp"

#include <cerrno>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "probes/exec_verdict.hpp"
#include "probes/json_field.hpp"
#include "system/check.hpp"

namespace nospof::probes {
namespace {

using kinds::Outcome;

ExecConfig parsed(const std::string& text) {
  return parse_exec_config(boost::json::parse(text).as_object());
}

std::string message(const std::string& text) {
  try {
    parsed(text);
    return "accepted";
  } catch (const Error& e) {
    return e.what();
  }
}

constexpr int exited(int code) {
  return code << 8;
}

TEST(ExecConfig, HasDefaults) {
  const ExecConfig config = parsed(R"({"argv":["true"],"rate_per_second":1})");
  EXPECT_EQ(config.expect_exit, 0);
  EXPECT_FALSE(config.expect);
  EXPECT_EQ(config.pace.max_in_flight, 4U);
}

TEST(ExecConfig, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"rate_per_second":1})", "exec probe: argv is missing or empty"},
      {R"({"argv":[],"rate_per_second":1})", "argv is missing or empty"},
      {R"({"argv":[""],"rate_per_second":1})", "argv is missing or empty"},
      {R"({"argv":"ls","rate_per_second":1})", "argv is \"ls\", expected a list of texts"},
      {R"({"argv":["a\u0000b"],"rate_per_second":1})", "argv has a zero byte"},
      {R"({"argv":["a"]})", "rate_per_second is missing"},
      {R"({"argv":["a"],"rate_per_second":1,"expect_exit":256})", "expect_exit is 256"},
      {R"({"argv":["a"],"rate_per_second":1,"field":"a"})", "field without expect"},
      {R"({"argv":["a"],"rate_per_second":1,"expect":"== 1"})", "expect without field"},
      {R"({"argv":["a"],"rate_per_second":1,"field":"a","expect":"1"})", "has no comparator"},
      {R"({"argv":["a"],"rate_per_second":1,"field":"a","expect":"<= 3s"})", "'3s' is no number"},
      {R"({"argv":["a"],"rate_per_second":1,"max_in_flight":1001})", "expected at most 1000"},
      {R"({"argv":["a"],"rate_per_second":1,"shell":true})", "unknown key 'shell'"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(message(text), testing::HasSubstr(expected)) << text;
}

TEST(Commands, AreJudgedByTheirExitCode) {
  const ExecConfig zero = parsed(R"({"argv":["a"],"rate_per_second":1})");
  EXPECT_EQ(judge_command(zero, exited(0), ""), (Failure{Outcome::ok, 0}));
  EXPECT_EQ(judge_command(zero, exited(3), ""), (Failure{Outcome::command_failed, 3}));
  EXPECT_EQ(judge_command(zero, SIGKILL, ""), (Failure{Outcome::command_failed, 128 + SIGKILL}));
  const ExecConfig three = parsed(R"({"argv":["a"],"rate_per_second":1,"expect_exit":3})");
  EXPECT_EQ(judge_command(three, exited(3), ""), (Failure{Outcome::ok, 0}));
  EXPECT_EQ(judge_command(three, exited(0), ""), (Failure{Outcome::command_failed, 0}));
}

TEST(Commands, AreJudgedByAFieldOfTheirOutput) {
  const ExecConfig config =
      parsed(R"({"argv":["a"],"rate_per_second":1,"field":"nodes.1.lag","expect":"<= 3"})");
  const auto judge = [&](const std::string& output) {
    return judge_command(config, exited(0), output);
  };
  EXPECT_EQ(judge(R"({"nodes":[{"lag":9},{"lag":3}]})"), (Failure{Outcome::ok, 0}));
  EXPECT_EQ(judge(R"({"nodes":[{"lag":0},{"lag":3.5}]})"), (Failure{Outcome::wrong_body, 0}));
  EXPECT_EQ(judge(R"({"nodes":[{"lag":0}]})"), (Failure{Outcome::no_data, 0}));
  EXPECT_EQ(judge(R"({"nodes":[{"lag":0},{"lag":"1"}]})"), (Failure{Outcome::no_data, 0}));
  EXPECT_EQ(judge(R"({"nodes":[{},{"lag":null}]})"), (Failure{Outcome::no_data, 0}));
  EXPECT_EQ(judge(""), (Failure{Outcome::no_data, EBADMSG}));
  EXPECT_EQ(judge("lag: 1"), (Failure{Outcome::no_data, EBADMSG}));
  EXPECT_EQ(judge(std::string(exec_output_limit + 1, ' ')), (Failure{Outcome::no_data, EMSGSIZE}));
  EXPECT_EQ(judge_command(config, exited(1), R"({"nodes":[{},{"lag":3}]})"),
            (Failure{Outcome::command_failed, 1}));
}

TEST(JsonFields, AreFoundByTheirPath) {
  const auto at = [](const char* path) {
    return json_number_at(R"({"a":{"b":[{"c":-1.5},[true,false]]},"d":18446744073709551615})", path)
        .value;
  };
  EXPECT_EQ(at("a.b.0.c"), -1.5);
  EXPECT_EQ(at("a.b.1.0"), 1);
  EXPECT_EQ(at("a.b.1.1"), 0);
  EXPECT_EQ(at("d"), 18446744073709551615.0);
  for (const char* nowhere : {"a", "a.b.2.c", "a.b.-1", "a.b.0x0.c", "a.c", "d.e", "a..b", "."})
    EXPECT_FALSE(at(nowhere)) << nowhere;
  EXPECT_EQ(json_number_at("7", "").value, 7);
}

TEST(ExecKind, FindsTheProgramFirst) {
  const auto kind = make_exec();
  EXPECT_EQ(kind->info().name, "exec");
  EXPECT_THROW(
      kind->make(boost::json::parse(R"({"argv":["no-such-program-anywhere"],"rate_per_second":1})")
                     .as_object()),
      Error);
}

}  // namespace
}  // namespace nospof::probes
