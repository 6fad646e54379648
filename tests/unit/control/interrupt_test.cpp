#include "control/interrupt.hpp"

#include <csignal>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "control/parallel.hpp"
#include "system/check.hpp"

namespace nospof::control {
namespace {

using namespace std::chrono_literals;

TEST(Interruption, ASignalEndsASleepThatWouldLastAnHour) {
  asio::io_context context;
  Interruption interruption(context);
  int caught = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        std::raise(SIGTERM);
        try {
          co_await interruption.sleep(1h);
        } catch (const Interrupted& e) {
          caught = e.signal_number();
        }
        interruption.stop();
      },
      asio::detached);
  context.run();
  EXPECT_EQ(caught, SIGTERM);
  EXPECT_THROW(interruption.check(), Interrupted);
}

TEST(Interruption, HealingIsNotCutShort) {
  asio::io_context context;
  Interruption interruption(context);
  bool finished = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        std::raise(SIGINT);
        co_await interruption.sleep_through(10ms);
        finished = true;
        interruption.stop();
      },
      asio::detached);
  context.run();
  EXPECT_TRUE(finished);
}

TEST(InParallel, WaitsForAllAndThrowsTheFirstError) {
  asio::io_context context;
  Interruption interruption(context);
  int finished = 0;
  std::string error;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const auto good = [&]() -> asio::awaitable<void> {
          co_await interruption.sleep_through(5ms);
          ++finished;
        };
        const auto bad = [&]() -> asio::awaitable<void> {
          co_await interruption.sleep_through(1ms);
          throw Error("first");
        };
        std::vector<asio::awaitable<void>> tasks;
        tasks.push_back(good());
        tasks.push_back(bad());
        tasks.push_back(good());
        try {
          co_await in_parallel(context, std::move(tasks));
        } catch (const Error& e) {
          error = e.what();
        }
        interruption.stop();
      },
      asio::detached);
  context.run();
  EXPECT_EQ(finished, 2);
  EXPECT_EQ(error, "first");
}

TEST(InParallel, NothingToDoIsDoneAtOnce) {
  asio::io_context context;
  bool finished = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        co_await in_parallel(context, {});
        finished = true;
      },
      asio::detached);
  context.run();
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace nospof::control
