// The controller's end of an agent, with a real agent at the other end.

#include "hosts/agent_client.hpp"

#include <algorithm>
#include <csignal>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/agent_process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace nospof::hosts {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class AgentClients : public ::testing::Test {
 public:
  // As in the program: an agent that is gone is told by an error, not by a signal.
  AgentClients() { std::signal(SIGPIPE, SIG_IGN); }

  asio::awaitable<void> pause(std::chrono::milliseconds duration) {
    asio::steady_timer timer(context_, duration);
    co_await timer.async_wait(asio::use_awaitable);
  }

 protected:
  /// A client of a program that does `body` with its stdin and stdout.
  std::unique_ptr<AgentClient> client_of(const std::function<int(int in, int out)>& body) {
    Pipe in = make_pipe();
    Pipe out = make_pipe();
    RemoteProcess process;
    process.child = test::fork_child([&] {
      in.write_end.reset();
      out.read_end.reset();
      return body(in.read_end.get(), out.write_end.get());
    });
    process.to_stdin = std::move(in.write_end);
    process.from_stdout = std::move(out.read_end);
    return std::make_unique<AgentClient>(context_.get_executor(), std::move(process), "db1");
  }
  std::unique_ptr<AgentClient> client() {
    return client_of([this](int in, int out) {
      kinds::Registry registry;
      registry.add(std::make_unique<test::StopKind>());
      agent::AgentOptions options;
      options.host = "db1";
      options.journal = folder_ / "journal";
      options.in_fd = in;
      options.out_fd = out;
      return agent::run_agent(options, registry);
    });
  }
  /// Runs one coroutine to its end; what it throws is the test's failure.
  void run(asio::awaitable<void> task) {
    bool done = false;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) {
      done = true;
      if (error) std::rethrow_exception(error);
    });
    context_.restart();
    const auto end = std::chrono::steady_clock::now() + test::agent_patience;
    while (!done && std::chrono::steady_clock::now() < end) context_.run_one_for(100ms);
    ASSERT_TRUE(done) << "the coroutine does not end";
  }
  asio::awaitable<void> inject(AgentClient& client) {
    json::object lease;
    lease["ttl_ms"] = 60'000;
    co_await client.request("lease", lease, 10s);
    json::object fields;
    fields["injection"] = "a";
    fields["fault"] = "test-stop";
    fields["parameters"] = sleeper_.parameters();
    fields["duration_ms"] = 60'000;
    fields["confirm_ms"] = 5'000;
    const json::object answer = co_await client.request("inject", fields, 10s);
    EXPECT_TRUE(answer.at("confirmed").as_bool());
    EXPECT_EQ(sleeper_.letter(), 'T');
  }
  void expect_healed() {
    EXPECT_TRUE(test::wait_until([&] { return sleeper_.letter() == 'S'; }));
  }

  asio::io_context context_;
  test::TemporaryFolder folder_;
  test::Sleeper sleeper_;
};

json::object exec_fields(const char* program, const char* argument, int timeout_ms) {
  json::object fields;
  fields["argv"] = json::array{program, argument};
  fields["timeout_ms"] = timeout_ms;
  return fields;
}

TEST_F(AgentClients, AsksAndCloses) {
  auto client = this->client();
  run([](AgentClient& agent) -> asio::awaitable<void> {
    json::object fields;
    fields["version"] = 1;
    const json::object answer = co_await agent.request("hello", fields, 10s);
    EXPECT_EQ(answer.at("host").as_string(), "db1");
    EXPECT_EQ(answer.at("pid").as_int64(), agent.pid());
    EXPECT_EQ(answer.if_contains("ok"), nullptr);
    EXPECT_FALSE(agent.gone());
    EXPECT_EQ(agent.exit_code(), -1);
    co_await agent.close();
    EXPECT_EQ(agent.exit_code(), 0);
    EXPECT_TRUE(agent.gone());
  }(*client));
}

TEST_F(AgentClients, ThrowsWhatTheAgentRefuses) {
  auto client = this->client();
  run([](AgentClient& agent) -> asio::awaitable<void> {
    bool thrown = false;
    try {
      co_await agent.request("explode", {}, 10s);
    } catch (const AgentError& e) {
      thrown = true;
      EXPECT_THAT(e.what(), HasSubstr("db1: unknown op 'explode'"));
      EXPECT_EQ(e.host(), "db1");
      EXPECT_FALSE(e.gone());
    }
    EXPECT_TRUE(thrown);
    co_await agent.close();
  }(*client));
}

TEST_F(AgentClients, ManyRequestsAreInFlightAtOnce) {
  auto client = this->client();
  int finished = 0;
  for (int i = 0; i < 30; ++i)
    asio::co_spawn(
        context_,
        [](AgentClient& agent, int* count) -> asio::awaitable<void> {
          const json::object answer =
              co_await agent.request("exec", exec_fields("sleep", "0.3", 20'000), 25s);
          EXPECT_EQ(answer.at("exit_code").as_int64(), 0);
          ++*count;
        }(*client, &finished),
        [](std::exception_ptr error) { EXPECT_FALSE(error); });
  run([](AgentClient& agent, const int* count) -> asio::awaitable<void> {
    json::object answer = co_await agent.request("status", {}, 10s);
    EXPECT_EQ(*count, 0) << "an answer overtakes slower ones";
    while (*count < 30) answer = co_await agent.request("status", {}, 10s);
    co_await agent.close();
  }(*client, &finished));
  EXPECT_EQ(finished, 30);
}

TEST_F(AgentClients, ADeadlinePassesWithoutLosingTheAgent) {
  auto client = this->client();
  run([](AgentClient& agent) -> asio::awaitable<void> {
    bool thrown = false;
    try {
      co_await agent.request("exec", exec_fields("sleep", "600", 1'500), 100ms);
    } catch (const AgentError& e) {
      thrown = true;
      EXPECT_THAT(e.what(), HasSubstr("within 100 ms"));
      EXPECT_FALSE(e.gone());
    }
    EXPECT_TRUE(thrown);
    co_await agent.request("status", {}, 10s);
    co_await agent.close();
    EXPECT_EQ(agent.exit_code(), 0);
  }(*client));
}

TEST_F(AgentClients, EveryPendingRequestFailsWhenTheAgentIsKilled) {
  auto client = this->client();
  std::vector<std::string> events;
  client->on_event([&](const json::object& event) {
    events.emplace_back(event.at("event").as_string());
    if (events.back() == "gone") {
      EXPECT_THAT(std::string(event.at("detail").as_string()), HasSubstr("signal 9"));
    }
  });
  run(inject(*client));
  int failed = 0;
  for (int i = 0; i < 5; ++i)
    asio::co_spawn(
        context_,
        [](AgentClient& agent) -> asio::awaitable<void> {
          co_await agent.request("exec", exec_fields("sleep", "600", 60'000), 60s);
        }(*client),
        [&](std::exception_ptr error) {
          try {
            if (error) std::rethrow_exception(error);
          } catch (const AgentError& e) {
            failed += e.gone() ? 1 : 0;
          }
        });
  run([](AgentClients& test, AgentClient& agent, const int* count) -> asio::awaitable<void> {
    co_await agent.request("status", {}, 10s);
    ::kill(agent.pid(), SIGKILL);
    while (!agent.gone() || *count < 5) co_await test.pause(5ms);
    bool thrown = false;
    try {
      co_await agent.request("status", {}, 10s);
    } catch (const AgentError& e) {
      thrown = e.gone();
    }
    EXPECT_TRUE(thrown);
    co_await agent.close();
    EXPECT_EQ(agent.exit_code(), 137);
  }(*this, *client, &failed));
  EXPECT_EQ(failed, 5);
  EXPECT_EQ(std::ranges::count(events, "gone"), 1);
  expect_healed();
}

TEST_F(AgentClients, RenewsTheLeaseUntilItGoes) {
  auto client = this->client();
  client->start_lease(400ms, 50ms);
  run([](AgentClients& test, AgentClient& agent) -> asio::awaitable<void> {
    co_await test.pause(1200ms);
    const json::object answer = co_await agent.request("status", {}, 10s);
    EXPECT_GT(answer.at("lease_left_ms").as_int64(), 0);
  }(*this, *client));
  run(inject(*client));
  client.reset();  // no "bye": the agent sees the end of its stdin
  expect_healed();
}

TEST_F(AgentClients, TellsOfEvents) {
  auto client = this->client();
  std::vector<json::object> events;
  client->on_event([&](const json::object& event) { events.push_back(event); });
  run(inject(*client));
  run([](AgentClient& agent) -> asio::awaitable<void> { co_await agent.close(); }(*client));
  ASSERT_EQ(events.size(), 2U);
  for (const json::object& event : events) EXPECT_EQ(event.at("why").as_string(), "bye");
  EXPECT_NE(events[0].at("event"), events[1].at("event")) << "'healed' and 'ending'";
  EXPECT_EQ(client->exit_code(), 0);
}

TEST_F(AgentClients, AProgramThatSpeaksSomethingElseIsGone) {
  auto client = client_of([](int in, int out) {
    write_all(out, "Segmentation fault\n", "stdout");
    char byte = 0;
    return ::read(in, &byte, 1) == 0 ? 3 : 4;
  });
  run([](AgentClients& test, AgentClient& agent) -> asio::awaitable<void> {
    while (!agent.gone()) co_await test.pause(5ms);
    bool thrown = false;
    try {
      co_await agent.request("status", {}, 10s);
    } catch (const AgentError& e) {
      thrown = true;
      EXPECT_THAT(e.what(), HasSubstr("no protocol"));
    }
    EXPECT_TRUE(thrown);
  }(*this, *client));
}

TEST_F(AgentClients, AProgramThatEndsAtOnceIsGoneWithItsExitCode) {
  auto client = client_of([](int, int) { return 7; });
  run([](AgentClient& agent) -> asio::awaitable<void> {
    bool thrown = false;
    try {
      co_await agent.request("status", {}, 10s);
    } catch (const AgentError& e) {
      thrown = true;
      EXPECT_TRUE(e.gone());
      EXPECT_THAT(e.what(), HasSubstr("exited with 7"));
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(agent.exit_code(), 7);
    co_await agent.close();
  }(*client));
}

}  // namespace
}  // namespace nospof::hosts
