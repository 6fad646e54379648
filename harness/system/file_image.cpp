#include "system/file_image.hpp"

#include <array>
#include <charconv>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

constexpr mode_t permissions = 07777;

// Access lists and security labels. What the file system has none of is no failure.
void copy_attributes(int from, int to, const std::string& path) {
  const ssize_t size = ::flistxattr(from, nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<std::size_t>(size), '\0');
  names.resize(static_cast<std::size_t>(
      check("list attributes of " + path, ::flistxattr(from, names.data(), names.size()))));
  for (std::size_t begin = 0; begin < names.size();) {
    const std::string name = names.substr(begin, names.find('\0', begin) - begin);
    begin += name.size() + 1;
    const std::string what = fmt::format("attribute {} of {}", name, path);
    std::string value(
        static_cast<std::size_t>(check(what, ::fgetxattr(from, name.c_str(), nullptr, 0))), '\0');
    value.resize(static_cast<std::size_t>(
        check(what, ::fgetxattr(from, name.c_str(), value.data(), value.size()))));
    check(what, ::fsetxattr(to, name.c_str(), value.data(), value.size(), 0));
  }
}

void own(int fd, const FileImage& image, const std::string& path) {
  check("chown " + path, ::fchown(fd, image.uid, image.gid));
  check("chmod " + path, ::fchmod(fd, image.mode & permissions));
}

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  throw Error(fmt::format("'{}' is no hexadecimal digit", digit));
}

}  // namespace

std::optional<FileImage> read_image(const std::string& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  check("open " + path, fd.get());
  struct stat status {};
  check("stat " + path, ::fstat(fd.get(), &status));
  if (!S_ISREG(status.st_mode)) throw Error(path + " is no regular file");
  FileImage image{{}, status.st_mode & permissions, status.st_uid, status.st_gid};
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (check("read " + path, n) == 0) return image;
    image.content.append(block.data(), static_cast<std::size_t>(n));
    if (image.content.size() > most)
      throw Error(fmt::format("{} is larger than {} bytes", path, most));
  }
}

bool is_bound_in_place(const std::string& path) {
  struct statx status {};
  check("statx " + path, ::statx(AT_FDCWD, path.c_str(), 0, STATX_NLINK, &status));
  return status.stx_nlink > 1 || (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void put_image(const std::string& path, const FileImage& image, const std::string& temporary,
               bool in_place) {
  if (in_place) {
    const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT, 0600);
    own(fd.get(), image, path);
    write_all(fd.get(), image.content, path);
    check("truncate " + path, ::ftruncate(fd.get(), static_cast<off_t>(image.content.size())));
    return;
  }
  remove_file(temporary);
  const UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  write_all(fd.get(), image.content, temporary);
  const UniqueFd present(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (present) copy_attributes(present.get(), fd.get(), path);
  own(fd.get(), image, path);
  check("fsync " + temporary, ::fsync(fd.get()));
  check(fmt::format("rename {} to {}", temporary, path), ::rename(temporary.c_str(), path.c_str()));
}

bool remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) check("remove " + path, -1);
  return false;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::string from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) throw Error("an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes += static_cast<char>(digit_value(digits[i]) * 16 + digit_value(digits[i + 1]));
  return bytes;
}

}  // namespace nospof
