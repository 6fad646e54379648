#include "lab/accounts.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::lab {

Account find_account(const std::string& name) {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
         ERANGE)
    buffer.resize(buffer.size() * 2);
  if (found == nullptr) {
    if (error != 0 && error != ENOENT && error != ESRCH)
      throw SystemError(fmt::format("look up user '{}'", name), error);
    throw Error(
        fmt::format("user '{}' does not exist on this machine; install the package that makes it, "
                    "or name another user in the topology",
                    name));
  }
  Account account{name, entry.pw_uid, entry.pw_gid, {}, entry.pw_dir};
  int count = 32;
  account.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(name.c_str(), entry.pw_gid, account.groups.data(), &count) < 0)
    account.groups.resize(static_cast<std::size_t>(count));
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

void write_owned_file(const std::string& path, std::string_view text, mode_t mode, uid_t uid,
                      gid_t gid) {
  const std::string temporary = fmt::format("{}.{}.new", path, ::getpid());
  if (::unlink(temporary.c_str()) < 0 && errno != ENOENT) check("remove " + temporary, -1);
  {
    const UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    check("chown " + temporary, ::fchown(fd.get(), uid, gid));
    check("chmod " + temporary, ::fchmod(fd.get(), mode));
    write_all(fd.get(), text, temporary);
  }
  check("rename to " + path, ::rename(temporary.c_str(), path.c_str()));
}

void make_folder(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  if (end == std::string::npos) return;
  const std::string folder = path.substr(0, end + 1);
  if (::mkdir(folder.c_str(), 0755) == 0) {
    check("chmod " + folder, ::chmod(folder.c_str(), 0755));
    return;
  }
  if (errno == ENOENT) {
    const auto slash = folder.rfind('/');
    if (slash != std::string::npos && slash != 0) {
      make_folder(folder.substr(0, slash));
      make_folder(folder);
      return;
    }
    errno = ENOENT;
  }
  struct stat found {};
  const int error = errno;
  if (error == EEXIST && ::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return;
  throw SystemError("mkdir " + folder, error);
}

}  // namespace nospof::lab
