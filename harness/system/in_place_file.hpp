#pragma once
// A file that is changed where it is, and put back to the byte: the same inode, mode and owner.

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

namespace nospof {

/// A change that is planned, made or taken back. Nothing here touches the file but place() and
/// put_back().
struct InPlaceChange {
  std::string path;
  std::uint64_t device = 0, inode = 0;
  std::string before;  ///< content as it was
  std::string placed;  ///< content as it is to be
};

/// For the file as it is now. Throws SystemError when it can't be read.
InPlaceChange plan_in_place(const std::string& path);

/// Writes the new content. Throws Error when the file is not as it was when this was planned.
void place(const InPlaceChange& change);

enum class PutBack {
  nothing_to_do,  ///< it is as it was before
  done,
  foreign  ///< somebody else changed or replaced it meanwhile; not touched
};
/// Also finishes what was left half written.
PutBack put_back(const InPlaceChange& change);

/// Whether a content can be what is left when writing `to` over `from` was cut short. Pure.
bool is_half_written(const std::string& content, const std::string& from, const std::string& to);

boost::json::object to_json(const InPlaceChange& change);
/// Throws Error on anything else than to_json() made.
InPlaceChange in_place_change_from(const boost::json::object& object);

}  // namespace nospof
