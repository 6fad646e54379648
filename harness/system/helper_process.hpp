#pragma once
// A process of ours that does something for as long as its owner lives: sends, toggles, answers.
// It is forked, not executed, and holds none of the owner's descriptors.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "system/process.hpp"

namespace nospof {

/// Numbers that a helper counts up and its owner reads, in memory that they share.
class SharedCounters {
 public:
  static constexpr std::size_t most = 16;
  SharedCounters();
  std::atomic<std::uint64_t>& operator[](std::size_t i) const { return values_.get()[i]; }

 private:
  struct Unmap {
    void operator()(std::atomic<std::uint64_t>* values) const noexcept;
  };
  std::unique_ptr<std::atomic<std::uint64_t>, Unmap> values_;
};

/// An unused name for a helper, to be drawn before it is started: an undo record can then name it.
std::string new_helper_name();

/// True when no helper of that name is left in this network namespace, not even inside a system
/// call that it was in when it was killed. Waits at most that long.
bool wait_until_helper_is_gone(const std::string& name, std::chrono::milliseconds at_most);

struct HelperOptions {
  std::string name;              ///< of new_helper_name()
  std::vector<int> descriptors;  ///< the only ones, besides 0 to 2 on /dev/null, that it keeps
};

/// Forks and runs `body`, which is to return when it is done and may throw; it must not touch
/// anything of the caller that is not copied by fork. The process dies with the calling thread
/// (SIGKILL), with the returned Child, or when `body` ends. Throws when the name is taken.
Child start_helper(const HelperOptions& options, const std::function<void()>& body);

}  // namespace nospof
