#pragma once
// Tells how far a test may trust its own clock readings on a busy machine.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace nospof::test {

/// Notes when this process was not run although it wanted to: what was measured then says nothing
/// about anybody else.
class StandstillWatch {
 public:
  StandstillWatch();
  ~StandstillWatch();
  StandstillWatch(const StandstillWatch&) = delete;
  StandstillWatch& operator=(const StandstillWatch&) = delete;
  /// For how long in all between two moments.
  std::int64_t total_ns(std::int64_t from_ns, std::int64_t to_ns);

 private:
  struct Gap {
    std::int64_t from_ns, to_ns;
  };
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;
  std::vector<Gap> gaps_;
  std::thread thread_;
};

}  // namespace nospof::test
