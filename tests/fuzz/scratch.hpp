#pragma once
// What the targets share: inputs that are only read from files, and what must hold whatever the
// input.

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::fuzz {

/// Ends the process, which counts as a finding.
inline void must(bool holds) {
  if (!holds) __builtin_trap();
}

/// A reader that may refuse its input with our own errors, and with nothing else.
template <typename Reader>
void try_to(const Reader& reader) {
  try {
    reader();
  } catch (const Error&) {
  }
}

/// A file in memory that has the fuzzed bytes.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzzed", 0)) {
    must(fd_ >= 0 &&
         ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

}  // namespace nospof::fuzz
