#include "analysis/deep_stack.hpp"

#include <cerrno>
#include <exception>

#include <pthread.h>

#include "system/check.hpp"

namespace nospof::analysis {

namespace {

struct Work {
  const std::function<void()>& work;
  std::exception_ptr error;
};

void* run(void* argument) {
  auto* work = static_cast<Work*>(argument);
  try {
    work->work();
  } catch (...) {
    work->error = std::current_exception();
  }
  return nullptr;
}

void check_thread(const char* attempt, int error) {
  if (error != 0) throw SystemError(attempt, error);
}

}  // namespace

void run_on_deep_stack(std::size_t depth, const std::function<void()>& work) {
  // Also under sanitizers one call takes less than 1 KiB.
  constexpr std::size_t shallow = 2'000;
  if (depth <= shallow) return work();
  constexpr std::size_t size = std::size_t{1} << 30U;
  Work shared{work, nullptr};
  pthread_attr_t attributes;
  check_thread("prepare a thread", pthread_attr_init(&attributes));
  check_thread("set a thread's stack size", pthread_attr_setstacksize(&attributes, size));
  pthread_t thread{};
  const int started = pthread_create(&thread, &attributes, run, &shared);
  pthread_attr_destroy(&attributes);
  check_thread("start a thread with a stack of 1 GiB", started);
  check_thread("wait for a thread", pthread_join(thread, nullptr));
  if (shared.error) std::rethrow_exception(shared.error);
}

}  // namespace nospof::analysis
