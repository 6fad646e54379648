#include "system/in_place_file.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"
#include "system/hex.hpp"

namespace nospof {

namespace json = boost::json;

namespace {

struct Open {
  UniqueFd fd;
  std::uint64_t device = 0, inode = 0;
  std::string content;
};

Open open_with_content(const std::string& path, int flags) {
  Open file{open_file(path, flags), 0, 0, {}};
  struct stat status {};
  check("stat " + path, ::fstat(file.fd.get(), &status));
  if (!S_ISREG(status.st_mode)) throw Error(fmt::format("{} is no regular file", path));
  file.device = status.st_dev;
  file.inode = status.st_ino;
  char block[16384];
  for (ssize_t n = 0; (n = check("read " + path, ::read(file.fd.get(), block, sizeof block))) > 0;)
    file.content.append(block, static_cast<std::size_t>(n));
  return file;
}

void write_over(const Open& file, const std::string& path, const std::string& content) {
  for (std::size_t at = 0; at < content.size();)
    at += static_cast<std::size_t>(check(
        "write " + path,
        ::pwrite(file.fd.get(), content.data() + at, content.size() - at, static_cast<off_t>(at))));
  check("cut " + path, ::ftruncate(file.fd.get(), static_cast<off_t>(content.size())));
}

}  // namespace

InPlaceChange plan_in_place(const std::string& path) {
  Open file = open_with_content(path, O_RDONLY);
  return {path, file.device, file.inode, std::move(file.content), {}};
}

void place(const InPlaceChange& change) {
  const Open file = open_with_content(change.path, O_RDWR);
  if (file.device != change.device || file.inode != change.inode || file.content != change.before)
    throw Error(fmt::format("{} was changed by somebody else a moment ago", change.path));
  write_over(file, change.path, change.placed);
}

bool is_half_written(const std::string& content, const std::string& from, const std::string& to) {
  const auto [end, ignored] = std::mismatch(content.begin(), content.end(), to.begin(), to.end());
  const auto same = static_cast<std::size_t>(end - content.begin());
  return content.substr(same) == (same < from.size() ? from.substr(same) : std::string());
}

PutBack put_back(const InPlaceChange& change) {
  const Open file = open_with_content(change.path, O_RDWR);
  if (file.content == change.before) return PutBack::nothing_to_do;
  const bool ours = file.device == change.device && file.inode == change.inode &&
                    (is_half_written(file.content, change.before, change.placed) ||
                     is_half_written(file.content, change.placed, change.before));
  if (!ours) return PutBack::foreign;
  write_over(file, change.path, change.before);
  return PutBack::done;
}

json::object to_json(const InPlaceChange& change) {
  return {{"path", change.path},
          {"device", change.device},
          {"inode", change.inode},
          {"before", hex_of(change.before)},
          {"placed", hex_of(change.placed)}};
}

InPlaceChange in_place_change_from(const json::object& object) {
  try {
    return {std::string(object.at("path").as_string()),
            object.at("device").to_number<std::uint64_t>(),
            object.at("inode").to_number<std::uint64_t>(),
            bytes_of_hex(object.at("before").as_string()),
            bytes_of_hex(object.at("placed").as_string())};
  } catch (const std::exception& e) {
    throw Error(fmt::format("the record of a changed file can't be read: {}", e.what()));
  }
}

}  // namespace nospof
