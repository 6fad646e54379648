#include "control/conductor.hpp"

#include <random>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "system/check.hpp"

namespace nospof::control {

namespace {

std::string own_lab_name(const std::string& topology) {
  std::random_device device;
  return fmt::format("{}-{:06x}", topology, device() & 0xffffffU);
}

}  // namespace

std::unique_ptr<lab::Lab> borrow_lab(const spec::Topology& topology, const std::string& name) {
  std::unique_ptr<lab::Lab> lab = lab::open_lab(name);
  if (lab->topology().sha256 != topology.sha256)
    throw Error(
        fmt::format("the lab {} was brought up from another version of {}; bring it up again", name,
                    topology.file));
  return lab;
}

void LabHolder::up() {
  const auto begin = std::chrono::steady_clock::now();
  if (!options_.lab.empty()) {
    lab_ = borrow_lab(options_.topology, options_.lab);
  } else {
    lab::UpOptions up;
    up.name = own_lab_name(options_.topology.name);
    up.owned = !options_.keep_lab;
    up.progress = [this](const std::string& line) { watcher_.note(line); };
    lab_ = lab::bring_up(options_.topology, up);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  recorder_.event("lab-up", {{"seconds", took.count()},
                             {"name", lab_->name()},
                             {"hosts", options_.topology.hosts.size()}});
}

void LabHolder::down() {
  if (!lab_) return;
  if (renewable()) lab_->down();
  lab_.reset();
}

Conductor::Conductor(const RunOptions& options, Recorder& recorder, const Clock& clock,
                     Watcher& watcher)
    : options_(options),
      recorder_(recorder),
      clock_(clock),
      watcher_(watcher),
      interruption_(context_),
      holder_(options, recorder, watcher) {}

LabEnd Conductor::conduct(const spec::Workload& workload, Nanoseconds settle, const Body& body) {
  workload_ = workload;
  settle_ = settle;
  std::exception_ptr error;
  asio::co_spawn(
      context_,
      [&]() -> asio::awaitable<void> {
        try {
          co_await open();
          co_await body(*this);
        } catch (const Interrupted& e) {
          end_.signal_number = e.signal_number();
        } catch (...) {
          error = std::current_exception();
        }
        co_await close();
      },
      [&](std::exception_ptr e) {
        if (e && !error) error = e;
        interruption_.stop();  // whatever happened: nothing else keeps the context busy
      });
  context_.run();
  if (error) take_error(error);
  return end_;
}

void Conductor::take_error(const std::exception_ptr& error) {
  end_.threw = true;
  try {
    std::rethrow_exception(error);
  } catch (const MissingCapability& e) {
    end_.missing = error;
    end_.failure = e.what();
  } catch (const std::exception& e) {
    end_.failure = e.what();
  }
}

asio::awaitable<void> Conductor::open() {
  interruption_.check();
  holder_.up();
  interruption_.check();
  session_ = std::make_unique<Session>(context_, interruption_, holder_.lab(), recorder_, clock_);
  co_await session_->open(workload_, settle_, options_.observe);
}

asio::awaitable<void> Conductor::close() {
  std::vector<std::string> problems;
  if (session_) {
    try {
      problems = co_await session_->close();
    } catch (const std::exception& e) {
      problems.emplace_back(e.what());
    }
    session_.reset();  // agents that are left see the end of their input, and heal
  }
  try {
    holder_.down();
  } catch (const std::exception& e) {
    problems.emplace_back(e.what());
  }
  for (const std::string& problem : problems) {
    end_.healing_complete = false;
    watcher_.note("healing incomplete: " + problem);
    recorder_.event("healing-failed", {{"cell", ""}, {"host", ""}, {"detail", problem}});
  }
}

asio::awaitable<bool> Conductor::renew(const std::string& why) {
  if (!holder_.renewable()) co_return false;
  watcher_.note(fmt::format("a fresh lab for the next cell: {}", why));
  co_await close();
  co_await open();
  co_return true;
}

}  // namespace nospof::control
