#pragma once
// The one form that a bundle has as a file: a tar file (POSIX.1-1988 "ustar") that any tar unpacks,
// and of which no byte is free: fixed owner, mode and time, names in order, zeroes between. So
// whatever is changed in it can be told.

#include <string>

#include "evidence/staging.hpp"
#include "system/check.hpp"

namespace nospof::evidence {

/// What all names in it begin with.
inline constexpr const char* archive_folder = "evidence/";

/// Writes the envelope and then all other files of `staging`. Throws SystemError naming the path,
/// and Error when it exists already.
void write_archive(const Staging& staging, const std::string& path);

/// Thrown when something is no bundle at all, rather than a bundle that was touched.
class NoBundle : public Error {
 public:
  using Error::Error;
};

/// Copies all files of an archive. Throws SystemError when it cannot be read, NoBundle when it has
/// nothing of a bundle, and Error, naming the byte, when it is not just what write_archive() gives.
void stage_archive(const std::string& path, Staging& staging);

}  // namespace nospof::evidence
