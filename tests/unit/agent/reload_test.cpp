// Reloading by a signal, against processes that are really there.

#include "kinds/reload.hpp"

#include <array>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds/fault.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/process.hpp"

namespace nospof::kinds {
namespace {

enum class Behaviour { busy, deaf };

// nginx's main process handles what its workers' ends tell it again and again with its signals
// blocked: this one does nothing else. Or it has no handler, and would be ended.
[[noreturn]] void behave(Behaviour behaviour, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (behaviour == Behaviour::busy) ::signal(SIGHUP, [](int) {});
  [[maybe_unused]] const ssize_t n = ::write(ready, "r", 1);
  sigset_t hangup;
  ::sigemptyset(&hangup);
  ::sigaddset(&hangup, SIGHUP);
  while (behaviour == Behaviour::busy) {
    ::sigprocmask(SIG_BLOCK, &hangup, nullptr);
    ::sigprocmask(SIG_UNBLOCK, &hangup, nullptr);
  }
  for (;;) ::pause();
}

class OneProcess final : public ServiceManager {
 public:
  explicit OneProcess(Behaviour behaviour) {
    const Pipe ready = make_pipe();
    pid_ = check("fork", ::fork());
    if (pid_ == 0) behave(behaviour, ready.write_end.get());
    std::array<char, 1> letter{};
    check("read", ::read(ready.read_end.get(), letter.data(), letter.size()));
  }
  ~OneProcess() override {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  OneProcess(const OneProcess&) = delete;
  OneProcess& operator=(const OneProcess&) = delete;

  bool lives() const { return is_alive(read_process(pid_).value().id); }

  std::vector<std::string> list() const override { return {"nginx"}; }
  ServiceState state(const std::string& service) const override {
    ServiceState state;
    state.name = service;
    state.running = state.wanted_up = true;
    state.main_process = read_process(pid_).value().id;
    return state;
  }
  void hold_down(const std::string&) override {}
  void stop(const std::string&) override {}
  void start(const std::string&) override {}

 private:
  pid_t pid_ = 0;
};

const Reload by_hangup{.how = Reload::How::signal, .signal_number = SIGHUP, .command = {}};

TEST(ReloadBySignal, IsTakenByAProcessThatBlocksItNowAndThen) {
  OneProcess nginx(Behaviour::busy);
  for (int i = 0; i < 300; ++i) {
    const ReloadResult result = reload_service(by_hangup, nginx, "nginx");
    ASSERT_TRUE(result.done) << i << ": " << result.detail;
  }
  EXPECT_TRUE(nginx.lives());
}

TEST(ReloadBySignal, IsNotSentToAProcessThatItWouldEnd) {
  OneProcess nginx(Behaviour::deaf);
  const ReloadResult result = reload_service(by_hangup, nginx, "nginx");
  EXPECT_FALSE(result.done);
  EXPECT_EQ(result.detail,
            "SIGHUP to the main process of nginx: it has no handler for the signal, which would "
            "end it");
  EXPECT_TRUE(nginx.lives());
}

}  // namespace
}  // namespace nospof::kinds
