#pragma once
// File descriptors as values.

#include <string>
#include <string_view>
#include <utility>

namespace nospof {

/// Owns one file descriptor; closes it when it goes. -1 means none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
/// A pipe, close-on-exec on both ends.
Pipe make_pipe();

/// Opens with O_CLOEXEC; throws SystemError naming the path.
UniqueFd open_file(const std::string& path, int flags, unsigned mode = 0644);

/// Writes everything, retrying on EINTR and short writes; throws SystemError naming `object`.
void write_all(int fd, std::string_view data, std::string_view object);

/// The whole file as text; throws SystemError naming the path.
std::string read_file(const std::string& path);

/// Writes to a temporary neighbour and renames it over `path`, so that readers see all or nothing.
void write_file(const std::string& path, std::string_view text, unsigned mode = 0644);

}  // namespace nospof
