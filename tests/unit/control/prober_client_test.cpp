// The controller's end of a prober, with other programs in its place.

#include "control/prober_client.hpp"

#include <csignal>

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/check.hpp"

namespace nospof::control {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

hosts::RemoteProcess started(const std::vector<std::string>& argv) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  SpawnOptions options;
  options.argv = argv;
  options.stdin_fd = input.read_end.get();
  options.stdout_fd = output.write_end.get();
  options.parent_death_signal = SIGKILL;
  return {std::move(input.write_end), std::move(output.read_end), spawn(options)};
}

/// What start() throws; empty when it does not.
std::string refusal(const std::vector<std::string>& argv) {
  ::signal(SIGPIPE, SIG_IGN);  // as nospof does
  asio::io_context context(1);
  ProberClient client(context, started(argv), "web1", {});
  std::string told;
  const std::vector<ProbeOrder> orders{{"https", "https", json::object{}}};
  asio::co_spawn(context, client.start(orders, false, 200ms),
                 [&told](const std::exception_ptr& failure) {
                   try {
                     if (failure) std::rethrow_exception(failure);
                   } catch (const Error& e) {
                     told = e.what();
                   }
                 });
  context.run_for(20s);
  return told;
}

TEST(ProberClient, DoesNotWaitForOneThatNeverBegins) {
  EXPECT_THAT(refusal({"sleep", "1000"}),
              HasSubstr("the prober on web1 is not ready within 200 ms"));
}

TEST(ProberClient, SaysThatItEnded) {
  EXPECT_THAT(refusal({"true"}), HasSubstr("the prober on web1 ended before it was ready"));
}

TEST(ProberClient, TellsWhyItCannotRun) {
  EXPECT_THAT(refusal({"sh", "-c", R"(read line; echo '{"error":"no such probe"}')"}),
              HasSubstr("the prober on web1 cannot run: no such probe"));
}

}  // namespace
}  // namespace nospof::control
