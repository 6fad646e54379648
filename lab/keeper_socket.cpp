#include "lab/keeper_socket.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::lab {

namespace json = boost::json;

namespace {

constexpr std::size_t largest_message = 128 * 1024;

// A socket's path has room for 107 bytes only; through the folder's descriptor any path is short.
struct ShortAddress {
  explicit ShortAddress(const std::string& path)
      : folder(
            open_file(std::filesystem::path(path).parent_path().string(), O_PATH | O_DIRECTORY)) {
    address.sun_family = AF_UNIX;
    const std::string text = fmt::format("/proc/self/fd/{}/{}", folder.get(),
                                         std::filesystem::path(path).filename().string());
    if (text.size() >= sizeof address.sun_path)
      throw Error("the socket's name is too long: " + path);
    std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }

  UniqueFd folder;
  sockaddr_un address{};
};

UniqueFd make_socket(int flags) {
  return UniqueFd(check("socket", ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0)));
}

}  // namespace

UniqueFd listen_at(const std::string& path) {
  UniqueFd fd = make_socket(SOCK_NONBLOCK);
  const ShortAddress address(path);
  ::unlink(path.c_str());
  check("bind " + path, ::bind(fd.get(), address.get(), sizeof address.address));
  check("chmod " + path, ::chmod(path.c_str(), 0600));
  check("listen " + path, ::listen(fd.get(), 64));
  return fd;
}

UniqueFd connect_to(const std::string& path) {
  UniqueFd fd = make_socket(0);
  const ShortAddress address(path);
  check("connect to " + path, ::connect(fd.get(), address.get(), sizeof address.address));
  return fd;
}

SendResult send_message(int fd, const json::object& message) {
  const std::string text = json::serialize(message);
  for (;;) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n >= 0) return SendResult::sent;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return SendResult::would_block;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return SendResult::closed;
    check("send to the keeper's socket", n);
  }
}

std::optional<json::object> receive_message(int fd, std::chrono::milliseconds at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (check("poll the keeper's socket", ready) > 0) break;
    throw SystemError("wait for the keeper's answer", ETIMEDOUT);
  }
  std::string text(largest_message, '\0');
  const ssize_t n = ::recv(fd, text.data(), text.size(), 0);
  if (n == 0 || (n < 0 && errno == ECONNRESET)) return std::nullopt;
  check("receive from the keeper's socket", n);
  text.resize(static_cast<std::size_t>(n));
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) throw Error("the keeper's socket: what came is no JSON object");
  return std::move(value.as_object());
}

}  // namespace nospof::lab
