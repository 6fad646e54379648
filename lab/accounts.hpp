#pragma once
// Users of this machine, and files that belong to them.

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace nospof::lab {

/// A user as the machine knows it.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< all groups, the primary one first
  std::string home;
};

/// Throws Error when there is no such user on this machine.
Account find_account(const std::string& name);

/// Writes a file that is never, not even for a moment, readable by others than `mode` says, and
/// renames it over `path`. Throws SystemError naming the path.
void write_owned_file(const std::string& path, std::string_view text, mode_t mode, uid_t uid,
                      gid_t gid);

/// Makes a folder and its missing parents, readable by all whatever the umask is: services run as
/// many users.
void make_folder(const std::string& path);

}  // namespace nospof::lab
