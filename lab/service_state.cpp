#include "lab/service_state.hpp"

#include <algorithm>
#include <charconv>
#include <deque>

#include <fcntl.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::lab {

namespace {

// Empty when there is none.
std::string text_of(const std::string& file) {
  try {
    return read_file(file);
  } catch (const SystemError&) {
    return {};
  }
}

std::string first_line(const std::string& file) {
  const std::string text = text_of(file);
  return text.substr(0, text.find('\n'));
}

// supervise/status: 20 bytes, as daemontools' supervise wrote them.
constexpr std::size_t status_size = 20;
constexpr std::size_t status_want = 17;   // 'u' or 'd'
constexpr std::size_t status_state = 19;  // 0: down

}  // namespace

SupervisedService read_service(const std::string& service_folder) {
  SupervisedService service;
  service.state = first_line(service_folder + "/supervise/stat");
  service.running = service.state.starts_with("run");
  // In words runsv does not tell a service that it is about to start from one that stays down.
  const std::string status = text_of(service_folder + "/supervise/status");
  service.settled_down =
      status.size() == status_size && status[status_want] == 'd' && status[status_state] == 0;
  const std::string pid = first_line(service_folder + "/supervise/pid");
  std::from_chars(pid.data(), pid.data() + pid.size(), service.pid);
  return service;
}

std::vector<std::string> last_lines(const std::string& file, std::size_t count) {
  constexpr off_t largest = 256 * 1024;
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(size - largest, 0);
  std::string text(static_cast<std::size_t>(std::max<off_t>(size - from, 0)), '\0');
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  std::deque<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    if (lines.size() > count) lines.pop_front();
    at = end + 1;
  }
  return {lines.begin(), lines.end()};
}

}  // namespace nospof::lab
