#pragma once
// The files of a bundle as they were when they were looked at: copied to a private folder, so that
// what is hashed is what is judged, whoever may write to where they came from.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/digest.hpp"
#include "system/fd.hpp"

namespace nospof::evidence {

/// What is read at most: beyond it, something is no bundle.
inline constexpr std::uint64_t most_bundle_bytes = std::uint64_t{4} << 30U;
inline constexpr std::size_t most_files = 4096;
inline constexpr std::size_t most_envelope_bytes = std::size_t{64} << 20U;
/// Of a name, so that with the folder before it it fits into the header of a tar file.
inline constexpr std::size_t most_name_bytes = 90;

inline constexpr const char* envelope_name = "statement.dsse.json";

struct StagedFile {
  std::string name;  ///< relative: "samples/https.bin"
  std::uint64_t size = 0;
  std::string sha256;
};

/// Relative, of at most most_name_bytes printable ASCII characters without a backslash, with no
/// empty part and none that begins with a dot: it stays below the folder it is put into.
bool is_safe_name(std::string_view name);

/// Gone with everything in it when it goes.
class Staging {
 public:
  Staging();
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::string& folder() const { return folder_; }
  /// Sorted by name. Without the envelope, which cannot tell its own sum.
  const std::vector<StagedFile>& files() const { return files_; }
  const StagedFile* find(std::string_view name) const;

  /// One file, written in pieces.
  class Copy {
   public:
    Copy(Staging& staging, std::string name);
    void add(std::string_view bytes);
    /// Without it the file is not one of files().
    void finish();

   private:
    Staging& staging_;
    StagedFile file_;
    Digest digest_;
    UniqueFd fd_;
  };
  /// Throw Error for a name that is not safe or that is there already, and beyond the limits.
  void add_text(const std::string& name, std::string_view text);
  /// Copies what is left to read of `fd`.
  void add_file(const std::string& name, int fd);

 private:
  std::string folder_;
  std::vector<StagedFile> files_;
  std::uint64_t bytes_ = 0;
};

using NameFilter = bool (*)(const std::string& name);
/// Copies all files below a folder whose names `wanted` takes. Symbolic links are never followed:
/// one of them, and anything else that is neither a folder nor a regular file, is an Error that
/// names it. Throws SystemError when the folder cannot be read.
void stage_folder(const std::string& folder, NameFilter wanted, Staging& staging);

}  // namespace nospof::evidence
