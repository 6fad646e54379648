#include "system/fd.hpp"

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof {

void UniqueFd::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  check("pipe2", ::pipe2(ends.data(), O_CLOEXEC));
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd open_file(const std::string& path, int flags, unsigned mode) {
  return UniqueFd(check("open " + path, ::open(path.c_str(), flags | O_CLOEXEC, mode)));
}

void write_all(int fd, std::string_view data, std::string_view object) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    check(fmt::format("write {}", object), n);
    data.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_file(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY);
  std::string text;
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (check("read " + path, n) == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
}

void write_file(const std::string& path, std::string_view text, unsigned mode) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  {
    const UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
    check("chmod " + temporary, ::fchmod(fd.get(), mode));
    write_all(fd.get(), text, temporary);
  }
  check("rename to " + path, ::rename(temporary.c_str(), path.c_str()));
}

}  // namespace nospof
