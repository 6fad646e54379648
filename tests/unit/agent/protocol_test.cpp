#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/journal.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::agent {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string text(const json::object& fields, const char* name) {
  return std::string(fields.at(name).as_string());
}

class Protocol : public ::testing::Test {
 protected:
  AgentOptions options() const {
    AgentOptions result;
    result.host = "db1";
    result.journal = journal_;
    return result;
  }
  static void expect_alive(test::AgentProcess& agent) {
    EXPECT_TRUE(agent.ask("status").at("ok").as_bool());
  }

  test::TemporaryFolder folder_;
  std::string journal_ = folder_ / "journal";
};

TEST_F(Protocol, IntroducesItself) {
  test::AgentProcess agent(options());
  json::object fields{{"version", 1}};
  const json::object answer = agent.ask("hello", fields);
  EXPECT_TRUE(answer.at("ok").as_bool());
  EXPECT_EQ(answer.at("version").as_int64(), 1);
  EXPECT_EQ(text(answer, "host"), "db1");
  EXPECT_EQ(answer.at("pid").as_int64(), agent.pid());
  const json::object& capabilities = answer.at("capabilities").as_object();
  EXPECT_FALSE(capabilities.at("services").as_bool());
  EXPECT_FALSE(capabilities.at("power").as_bool());
  EXPECT_EQ(capabilities.at("faults").as_array().size(), 1U);
  EXPECT_TRUE(answer.at("recovered").as_array().empty());
  fields["version"] = 2;
  EXPECT_THAT(text(agent.ask("hello", fields), "error"), HasSubstr("version 1"));
}

TEST_F(Protocol, AnswersEveryKindOfRubbishWithAnErrorAndLivesOn) {
  test::AgentProcess agent(options());
  const std::vector<std::string> lines = {
      "",
      "hello",
      "{",
      "[]",
      "7",
      "null",
      "\"text\"",
      "{}",
      R"({"op":"status"})",
      R"({"id":"x","op":"status"})",
      R"({"id":1.5,"op":"status"})",
      R"({"id":null,"op":"status"})",
      R"({"id":99999999999999999999,"op":"status"})",
      std::string("{\"id\":1,\"op\":\"sta\xFFtus\"}"),
      std::string(200, '['),
      std::string(R"({"id":1,"op":"status"})") + "}",
  };
  for (const std::string& line : lines) {
    agent.send_text(line + "\n");
    const json::object answer = agent.line();
    EXPECT_TRUE(answer.at("id").is_null()) << line;
    EXPECT_FALSE(answer.at("ok").as_bool()) << line;
    EXPECT_FALSE(text(answer, "error").empty()) << line;
  }
  expect_alive(agent);
}

TEST_F(Protocol, RefusesBadRequestsNamingWhatIsWrong) {
  test::AgentProcess agent(options());
  agent.lease();
  const std::vector<std::pair<std::string, std::string>> requests = {
      {R"({"id":1})", "'op'"},
      {R"({"id":1,"op":7})", "'op'"},
      {R"({"id":1,"op":"explode"})", "unknown op 'explode'"},
      {R"({"id":1,"op":"status","surplus":1})", "'surplus'"},
      {R"({"id":1,"op":"hello"})", "'version'"},
      {R"({"id":1,"op":"lease"})", "'ttl_ms'"},
      {R"({"id":1,"op":"lease","ttl_ms":0})", "'ttl_ms'"},
      {R"({"id":1,"op":"lease","ttl_ms":"1000"})", "'ttl_ms'"},
      {R"({"id":1,"op":"lease","ttl_ms":-5})", "'ttl_ms'"},
      {R"({"id":1,"op":"check","fault":"unheard-of","parameters":{}})", "unheard-of"},
      {R"({"id":1,"op":"check","fault":"test-stop"})", "'parameters'"},
      {R"({"id":1,"op":"check","fault":"test-stop","parameters":[]})", "'parameters'"},
      {R"({"id":1,"op":"inject","fault":"test-stop","parameters":{}})", "'injection'"},
      {R"({"id":1,"op":"inject","injection":"a","fault":"test-stop","parameters":{},)"
       R"("confirm_ms":1})",
       "'duration_ms'"},
      {R"({"id":1,"op":"inject","injection":"a","fault":"test-stop","parameters":{},)"
       R"("duration_ms":0,"confirm_ms":1})",
       "'duration_ms'"},
      {R"({"id":1,"op":"heal","injection":"a"})", "'confirm_ms'"},
      {R"({"id":1,"op":"exec","argv":[],"timeout_ms":1})", "'argv'"},
      {R"({"id":1,"op":"exec","argv":"true","timeout_ms":1})", "'argv'"},
      {R"({"id":1,"op":"exec","argv":["/no/such/program"],"timeout_ms":1000})", "/no/such/program"},
      {R"({"id":1,"op":"exec","argv":["no-such-program"],"timeout_ms":1000})", "no-such-program"},
      {R"({"id":1,"op":"reach","targets":[],"timeout_ms":1})", "'targets'"},
      {R"({"id":1,"op":"reach","targets":[7],"timeout_ms":1})", "'targets'"},
      {R"({"id":1,"op":"reach","targets":[{"address":"127.0.0.1","port":0}],"timeout_ms":1})",
       "'port'"},
      {R"({"id":1,"op":"reach","targets":[{"address":"localhost","port":1}],"timeout_ms":1})",
       "'localhost'"},
      {R"({"id":1,"op":"service"})", "service manager"},
      {R"({"id":1,"op":"bye","surplus":1})", "'surplus'"},
  };
  for (const auto& [line, expected] : requests) {
    agent.send_text(line + "\n");
    const json::object answer = agent.answer_to(1);
    EXPECT_FALSE(answer.at("ok").as_bool()) << line;
    EXPECT_THAT(text(answer, "error"), HasSubstr(expected)) << line;
  }
  expect_alive(agent);
}

TEST_F(Protocol, RefusesALineThatIsTooLongAndReadsTheNext) {
  test::AgentProcess agent(options());
  const std::string block(1U << 16U, 'x');
  for (int i = 0; i < 40; ++i) agent.send_text(block);
  agent.send_text("\n");
  const json::object answer = agent.line();
  EXPECT_FALSE(answer.at("ok").as_bool());
  EXPECT_THAT(text(answer, "error"), HasSubstr("1 MiB"));
  expect_alive(agent);
}

TEST_F(Protocol, TakesRequestsInPiecesAndManyAtOnce) {
  test::AgentProcess agent(options());
  for (const char c : std::string("{\"id\":5,\"op\":\"status\"}\n"))
    agent.send_text(std::string_view(&c, 1));
  EXPECT_TRUE(agent.answer_to(5).at("ok").as_bool());
  std::string many;
  for (int i = 100; i < 600; ++i) many += fmt::format("{{\"id\":{},\"op\":\"status\"}}\n", i);
  agent.send_text(many);
  for (int i = 100; i < 600; ++i) EXPECT_TRUE(agent.answer_to(i).at("ok").as_bool());
}

TEST_F(Protocol, RunsProgramsSideBySide) {
  test::AgentProcess agent(options());
  const auto exec = [&](const json::array& argv, int timeout_ms) {
    json::object fields;
    fields["argv"] = argv;
    fields["timeout_ms"] = timeout_ms;
    return agent.send("exec", fields);
  };
  const auto slow = exec({"sleep", "600"}, 400);
  const auto quick = exec({"sh", "-c", "printf 'out\\377'; printf err >&2; exit 3"}, 20'000);
  const json::object done = agent.answer_to(quick);
  EXPECT_EQ(done.at("exit_code").as_int64(), 3);
  EXPECT_FALSE(done.at("timed_out").as_bool());
  EXPECT_EQ(text(done, "stdout"), "out\xEF\xBF\xBD");
  EXPECT_EQ(text(done, "stderr"), "err");
  const json::object killed = agent.answer_to(slow);
  EXPECT_TRUE(killed.at("timed_out").as_bool());
  EXPECT_EQ(killed.at("exit_code").as_int64(), 137);
}

TEST_F(Protocol, EndsAProgramThatWritesForeverWithItsWholeGroup) {
  test::AgentProcess agent(options());
  json::object fields;
  fields["argv"] = json::array{"sh", "-c", "sleep 600 & echo $!; yes"};
  fields["timeout_ms"] = 500;
  const json::object answer = agent.ask("exec", fields);
  EXPECT_TRUE(answer.at("timed_out").as_bool());
  const std::string output = text(answer, "stdout");
  EXPECT_EQ(output.size(), 256U * 1024U);
  const pid_t background = std::stoi(output);
  EXPECT_TRUE(test::wait_until([&] {
    const auto state = read_process(background);
    return !state || state->state == 'Z' || state->command != "sleep";
  }));
}

TEST_F(Protocol, TriesPortsAndRefusesLabAddressesOutsideOfALab) {
  const UniqueFd listener(check("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof here;
  check("bind", ::bind(listener.get(), reinterpret_cast<sockaddr*>(&here), length));
  check("getsockname", ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&here), &length));
  const auto target = [](const char* address, int port) {
    json::object fields;
    fields["address"] = address;
    fields["port"] = port;
    return fields;
  };
  test::AgentProcess agent(options());
  json::object fields;
  const int port = ntohs(here.sin_port);
  fields["targets"] = json::array{target("127.0.0.1", port)};
  fields["timeout_ms"] = 10'000;
  json::object answer = agent.ask("reach", fields);
  const auto first = [&] { return answer.at("results").as_array().at(0).as_object(); };
  EXPECT_FALSE(first().at("open").as_bool());  // bound, but it does not listen
  EXPECT_THAT(text(first(), "detail"), HasSubstr("refused"));
  check("listen", ::listen(listener.get(), 4));
  answer = agent.ask("reach", fields);
  EXPECT_TRUE(first().at("open").as_bool()) << text(first(), "detail");
  EXPECT_GT(first().at("ns").as_int64(), 0);
  fields["targets"] = json::array{target("198.18.0.1", 80)};
  answer = agent.ask("reach", fields);
  EXPECT_FALSE(answer.at("ok").as_bool());
  EXPECT_THAT(text(answer, "error"), HasSubstr("lab addresses"));
}

TEST_F(Protocol, InjectsConfirmsAndHeals) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  json::object answer = agent.inject("a", sleeper.parameters());
  EXPECT_THAT(text(answer, "error"), HasSubstr("lease"));
  EXPECT_EQ(sleeper.letter(), 'S');

  agent.lease();
  answer = agent.inject("a", sleeper.parameters());
  ASSERT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
  EXPECT_TRUE(answer.at("confirmed").as_bool());
  EXPECT_EQ(text(answer, "outcome"), "confirmed");
  EXPECT_EQ(text(answer, "evidence"), "state T");
  EXPECT_EQ(answer.at("steps").as_array().size(), 4U);
  EXPECT_EQ(sleeper.letter(), 'T');
  EXPECT_EQ(Journal::peek(journal_).open.size(), 1U);
  EXPECT_EQ(agent.ask("status").at("open_records").to_number<int>(), 1);

  EXPECT_THAT(text(agent.inject("a", sleeper.parameters()), "error"), HasSubstr("another id"));
  EXPECT_EQ(sleeper.letter(), 'T');

  answer = agent.heal("a");
  EXPECT_TRUE(answer.at("healed").as_bool());
  EXPECT_TRUE(answer.at("changed").as_bool());
  EXPECT_TRUE(answer.at("confirmed").as_bool());
  EXPECT_EQ(sleeper.letter(), 'S');
  EXPECT_TRUE(Journal::peek(journal_).open.empty());

  answer = agent.heal("a");
  EXPECT_TRUE(answer.at("healed").as_bool());
  EXPECT_FALSE(answer.at("changed").as_bool());
  EXPECT_TRUE(answer.at("confirmed").as_bool());
  answer = agent.heal("never-seen");
  EXPECT_TRUE(answer.at("healed").as_bool());
  EXPECT_FALSE(answer.at("changed").as_bool());
  EXPECT_EQ(text(answer, "outcome"), "unable");
  EXPECT_THAT(text(agent.inject("a", sleeper.parameters()), "error"), HasSubstr("another id"));

  EXPECT_TRUE(agent.ask("bye").at("ok").as_bool());
  EXPECT_EQ(agent.exit_code(), 0);
}

TEST_F(Protocol, CheckChangesNothing) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  json::object fields{{"fault", "test-stop"}};
  fields["parameters"] = sleeper.parameters();
  EXPECT_TRUE(agent.ask("check", fields).at("ok").as_bool());
  fields["parameters"] = sleeper.parameters("broken-prepare");
  EXPECT_THAT(text(agent.ask("check", fields), "error"), HasSubstr("cannot work here"));
  EXPECT_EQ(sleeper.letter(), 'S');
  EXPECT_TRUE(Journal::peek(journal_).open.empty());
}

TEST_F(Protocol, SaysSoWhenAFaultDoesNotBite) {
  const test::Sleeper one;
  const test::Sleeper two;
  test::AgentProcess agent(options());
  agent.lease();
  json::object answer = agent.inject("a", one.parameters("never-confirmed"), 60s, 50ms);
  EXPECT_TRUE(answer.at("ok").as_bool());
  EXPECT_FALSE(answer.at("confirmed").as_bool());
  EXPECT_EQ(text(answer, "outcome"), "not-confirmed");
  answer = agent.inject("b", two.parameters("throwing-confirm"));
  EXPECT_EQ(text(answer, "outcome"), "unable");
  EXPECT_THAT(text(answer, "evidence"), HasSubstr("cannot look"));
}

TEST_F(Protocol, AFailedInjectLeavesNothing) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease();
  json::object answer = agent.inject("a", sleeper.parameters("broken-prepare"));
  EXPECT_THAT(text(answer, "error"), HasSubstr("cannot work here"));
  EXPECT_EQ(answer.at("steps").as_array().size(), 1U);
  answer = agent.inject("b", sleeper.parameters("broken-inject"));
  EXPECT_THAT(text(answer, "error"), HasSubstr("half way"));
  EXPECT_TRUE(answer.at("undone").as_bool());
  EXPECT_TRUE(test::wait_until([&] { return sleeper.letter() == 'S'; }));
  EXPECT_TRUE(Journal::peek(journal_).open.empty());
}

TEST_F(Protocol, AnUndoThatFailsIsToldAndMakesTheAgentExitWith5) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease();
  EXPECT_TRUE(agent.inject("a", sleeper.parameters("broken-undo")).at("confirmed").as_bool());
  const json::object answer = agent.heal("a");
  EXPECT_FALSE(answer.at("healed").as_bool());
  EXPECT_EQ(sleeper.letter(), 'S') << "the other records are undone nevertheless";
  EXPECT_EQ(Journal::peek(journal_).open.size(), 1U);
  agent.ask("bye");
  EXPECT_EQ(agent.exit_code(), 5);
}

TEST_F(Protocol, HealsByItselfWhenTheDurationIsOver) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease();
  EXPECT_TRUE(agent.inject("a", sleeper.parameters(), 300ms).at("ok").as_bool());
  const json::object event = agent.event("healed");
  EXPECT_EQ(text(event, "injection"), "a");
  EXPECT_EQ(text(event, "why"), "duration over");
  EXPECT_TRUE(event.at("healed").as_bool());
  EXPECT_TRUE(event.at("confirmed").as_bool());
  EXPECT_EQ(event.at("steps").as_array().size(), 2U);
  EXPECT_EQ(sleeper.letter(), 'S');
  EXPECT_FALSE(agent.heal("a").at("changed").as_bool());
}

TEST_F(Protocol, AFaultThatEndsBeforeItIsConfirmedIsNotConfirmed) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease();
  const json::object answer = agent.inject("a", sleeper.parameters("never-confirmed"), 100ms, 60s);
  EXPECT_FALSE(answer.at("confirmed").as_bool());
  EXPECT_THAT(text(answer, "evidence"), HasSubstr("before it was confirmed"));
}

TEST_F(Protocol, HealsAndExitsWhenTheLeaseExpires) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease(400ms);
  EXPECT_TRUE(agent.inject("a", sleeper.parameters()).at("ok").as_bool());
  EXPECT_EQ(text(agent.event("healed"), "why"), "lease expired");
  EXPECT_EQ(sleeper.letter(), 'S');
  EXPECT_EQ(agent.exit_code(), 0);
}

TEST_F(Protocol, ARenewedLeaseDoesNotExpireWhileAProgramRuns) {
  test::AgentProcess agent(options());
  json::object fields;
  fields["argv"] = json::array{"sleep", "1"};
  fields["timeout_ms"] = 20'000;
  agent.lease(500ms);
  const auto id = agent.send("exec", fields);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < 900ms) {
    agent.lease(500ms);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(agent.answer_to(id).at("exit_code").as_int64(), 0);
}

TEST_F(Protocol, HealsThoughNobodyReadsItsAnswers) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease(1500ms);
  EXPECT_TRUE(agent.inject("a", sleeper.parameters()).at("ok").as_bool());
  // More answers than a pipe holds, none of which is read.
  std::string many;
  for (int i = 1000; i < 4000; ++i) many += fmt::format("{{\"id\":{},\"op\":\"status\"}}\n", i);
  agent.send_text(many);
  EXPECT_TRUE(test::wait_until([&] { return sleeper.letter() == 'S'; }));
  EXPECT_EQ(agent.exit_code(), 0);
}

TEST_F(Protocol, OnlyOneAgentUsesAJournal) {
  test::AgentProcess first(options());
  expect_alive(first);
  EXPECT_FALSE(Journal::lock(journal_, 0ms, SystemClock()));
  const test::Recovered recovered = test::run_recovery(options());
  EXPECT_EQ(recovered.code, 0);
  EXPECT_THAT(recovered.output, HasSubstr(fmt::format("pid {}", first.pid())));
  EXPECT_THAT(recovered.output, HasSubstr("nothing in force; not touched"));
}

TEST_F(Protocol, RecoveryIsNotDoneBeforeALivingAgentHasHealed) {
  const test::Sleeper sleeper;
  test::AgentProcess agent(options());
  agent.lease(1500ms);
  EXPECT_TRUE(agent.inject("a", sleeper.parameters()).at("ok").as_bool());
  EXPECT_EQ(sleeper.letter(), 'T');
  const test::Recovered recovered = test::run_recovery(options());
  EXPECT_NE(sleeper.letter(), 'T') << recovered.output;
  EXPECT_EQ(recovered.code, 0) << recovered.output;
}

}  // namespace
}  // namespace nospof::agent
