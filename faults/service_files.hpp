#pragma once
// What faults on the files of a service share: files that are replaced, a service that takes them,
// and the record that puts everything back.

#include <optional>
#include <string>
#include <vector>

#include "kinds/fault.hpp"
#include "system/file_image.hpp"

namespace nospof::faults {

/// Pairs of a text that must be there and what comes in its place.
struct Replacement {
  std::string search;
  std::string replace;
};

/// Pairs from two parameters of equal length. Throws Error naming the fault.
std::vector<Replacement> replacements(const std::string& kind,
                                      const std::vector<std::string>& search,
                                      const std::vector<std::string>& replace);

/// Every occurrence of each, in their order. Throws Error that names a text that is not there.
std::string replace_all(const std::string& kind, const std::string& path, std::string text,
                        const std::vector<Replacement>& pairs);

/// Path on the host of a file that the service has in the topology, or of any file by its absolute
/// path; empty where the service's folder is not known. Throws Error naming the files there are.
std::string service_file(const std::string& kind, const kinds::StackService& service,
                         const std::string& file);

/// Files of a service, as they are and as the fault makes them.
class ServiceFiles {
 public:
  /// `env` must have services. Nothing is read or changed yet.
  ServiceFiles(std::string kind, std::string service, kinds::HostEnv& env, const Clock& clock);

  /// The file as it is now. Throws Error when there is none, when it is too large to be kept in an
  /// undo record, or when it could not be replaced.
  const std::string& add(const std::string& path);
  /// What the file will be; throws Error when it is that already.
  void change(const std::string& path, std::string content);

  /// Everything that is needed to put them back and to make the service take them.
  kinds::UndoRecord undo(const kinds::Reload& reload) const;

  /// Replaces the files and makes the service take them. A reload that does not work is no
  /// exception: reload_result() says so.
  void put(const kinds::Reload& reload);
  bool is_put() const { return put_; }
  /// True when the service has been told; a restart takes several calls.
  bool advance();
  const kinds::ReloadResult& reload_result() const { return result_; }

  /// Empty while every file is as the fault made it; else what is different.
  std::string not_as_made() const;
  /// Empty when every file is what it was; else what is different.
  std::string not_as_before() const;

 private:
  struct File {
    std::string path;       ///< without links
    std::string temporary;  ///< beside it
    FileImage before;
    std::string after;
    bool in_place = false;
    bool changed = false;
  };
  File& known(const std::string& path);

  std::string kind_;
  std::string service_;
  kinds::HostEnv& env_;
  const Clock& clock_;
  std::string token_;
  std::string marker_;
  std::vector<std::pair<std::string, File>> files_;  ///< by the path that was asked for
  std::optional<kinds::Restart> restart_;
  kinds::ReloadResult result_;
  bool put_ = false;
};

}  // namespace nospof::faults
