#pragma once
// A file as it is, so that it can be changed and put back exactly.

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace nospof {

/// Content, permissions and owner of a regular file.
struct FileImage {
  std::string content;
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
  friend bool operator==(const FileImage&, const FileImage&) = default;
};

/// Reads a regular file of at most `most` bytes; nothing when there is none. Throws Error naming
/// the path when it is something else or larger.
std::optional<FileImage> read_image(const std::string& path, std::size_t most);

/// Whether a file keeps its place only when it is written in place: it is a mount point, or it has
/// further names.
bool is_bound_in_place(const std::string& path);

/// Makes `path` be what the image says. The file that is there is replaced at once, by renaming
/// `temporary` (of the same folder) over it; its extended attributes are kept. With `in_place` it
/// is written where it is. Throws SystemError naming the path.
void put_image(const std::string& path, const FileImage& image, const std::string& temporary,
               bool in_place);

/// Removes a file; true when there was one.
bool remove_file(const std::string& path);

/// Bytes as text that JSON can carry, two digits each, and back. from_hex throws Error on anything
/// else.
std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view digits);

}  // namespace nospof
