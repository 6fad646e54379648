#include "faults/service_files.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/json/array.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>
#include <unistd.h>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::faults {

namespace {

namespace json = boost::json;

// A record is a line of a journal, kept in memory by the understudy too.
constexpr std::size_t most_bytes = 256U << 10U;

std::string random_token() {
  std::uint32_t number = 0;
  check("getrandom", ::getrandom(&number, sizeof number, 0));
  return fmt::format("{:08x}", number);
}

}  // namespace

std::vector<Replacement> replacements(const std::string& kind,
                                      const std::vector<std::string>& search,
                                      const std::vector<std::string>& replace) {
  if (search.empty())
    throw Error(
        fmt::format("{}: give 'search' and 'replace': what is to be replaced by what", kind));
  if (search.size() != replace.size())
    throw Error(fmt::format("{}: {} texts in 'search' and {} in 'replace': there must be as many",
                            kind, search.size(), replace.size()));
  std::vector<Replacement> pairs;
  for (std::size_t i = 0; i < search.size(); ++i) {
    if (search[i].empty()) throw Error(fmt::format("{}: an empty text in 'search'", kind));
    pairs.push_back({search[i], replace[i]});
  }
  return pairs;
}

std::string replace_all(const std::string& kind, const std::string& path, std::string text,
                        const std::vector<Replacement>& pairs) {
  for (const Replacement& pair : pairs) {
    std::size_t at = text.find(pair.search);
    if (at == std::string::npos)
      throw Error(fmt::format("{}: '{}' is not in {}", kind, pair.search, path));
    while (at != std::string::npos) {
      text.replace(at, pair.search.size(), pair.replace);
      at = text.find(pair.search, at + pair.replace.size());
    }
  }
  return text;
}

std::string service_file(const std::string& kind, const kinds::StackService& service,
                         const std::string& file) {
  if (file.starts_with('/')) return file;
  if (std::ranges::find(service.files, file) == service.files.end())
    throw Error(
        fmt::format("{}: service '{}' has no file '{}'; it has: {}", kind, service.name, file,
                    service.files.empty() ? std::string("none")
                                          : fmt::format("{}", fmt::join(service.files, ", "))));
  return service.folder.empty() ? std::string() : service.folder + "/" + file;
}

ServiceFiles::ServiceFiles(std::string kind, std::string service, kinds::HostEnv& env,
                           const Clock& clock)
    : kind_(std::move(kind)),
      service_(std::move(service)),
      env_(env),
      clock_(clock),
      token_(random_token()) {}

const std::string& ServiceFiles::add(const std::string& path) {
  std::error_code failure;
  const std::filesystem::path real = std::filesystem::canonical(path, failure);
  if (failure)
    throw Error(
        fmt::format("{}: no file {} on host '{}' ({})", kind_, path, env_.host, failure.message()));
  const std::string folder = real.parent_path().string();
  if (::access(folder.c_str(), W_OK) != 0)
    throw Error(fmt::format("{}: {} can't be replaced: the folder {} can't be written to", kind_,
                            path, folder));
  File file;
  file.path = real.string();
  file.temporary = fmt::format("{}/.nospof-{}-{}", folder, token_, files_.size());
  auto image = read_image(file.path, most_bytes);
  if (!image) throw Error(fmt::format("{}: {} is gone", kind_, path));
  file.before = std::move(*image);
  file.in_place = is_bound_in_place(file.path);
  if (marker_.empty()) marker_ = fmt::format("{}/.nospof-{}", folder, token_);
  return files_.emplace_back(path, std::move(file)).second.before.content;
}

ServiceFiles::File& ServiceFiles::known(const std::string& path) {
  const auto found = std::ranges::find(files_, path, [](const auto& entry) { return entry.first; });
  if (found == files_.end()) throw Error(fmt::format("{}: {} was not read", kind_, path));
  return found->second;
}

void ServiceFiles::change(const std::string& path, std::string content) {
  File& file = known(path);
  if (file.before.content == content)
    throw Error(fmt::format("{}: {} on host '{}' is as this fault would make it already", kind_,
                            path, env_.host));
  file.after = std::move(content);
  file.changed = true;
}

kinds::UndoRecord ServiceFiles::undo(const kinds::Reload& reload) const {
  json::array files;
  for (const auto& [path, file] : files_) {
    if (!file.changed) continue;
    files.push_back(json::object{{"path", file.path},
                                 {"temporary", file.temporary},
                                 {"content", to_hex(file.before.content)},
                                 {"mode", std::int64_t{file.before.mode}},
                                 {"uid", std::int64_t{file.before.uid}},
                                 {"gid", std::int64_t{file.before.gid}},
                                 {"placed", to_hex(file.after)},
                                 {"in_place", file.in_place}});
  }
  kinds::UndoRecord record{{"op", "restore-files"}, {"service", service_}, {"marker", marker_}};
  record["files"] = std::move(files);
  record["reload"] = kinds::reload_json(reload);
  return record;
}

void ServiceFiles::put(const kinds::Reload& reload) {
  if (put_) throw Error(fmt::format("{}: is in force already", kind_));
  // What somebody changed since it was saved would be lost when the saved is put back.
  for (const auto& [path, file] : files_)
    if (file.changed && read_image(file.path, most_bytes) != file.before)
      throw Error(fmt::format("{}: {} was changed by somebody else meanwhile; it is left alone",
                              kind_, file.path));
  put_ = true;
  open_file(marker_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  for (const auto& [path, file] : files_) {
    if (!file.changed) continue;
    const FileImage bad{file.after, file.before.mode, file.before.uid, file.before.gid};
    put_image(file.path, bad, file.temporary, file.in_place);
  }
  if (reload.how == kinds::Reload::How::restart) {
    restart_.emplace(*env_.services, service_, reload.signal_number, clock_);
    restart_->begin();
  } else {
    result_ = kinds::reload_service(reload, *env_.services, service_);
  }
}

bool ServiceFiles::advance() {
  if (!put_) return false;
  if (!restart_) return true;
  if (!restart_->advance()) return false;
  result_ = {true, fmt::format("{} restarted", service_)};
  return true;
}

std::string ServiceFiles::not_as_made() const {
  for (const auto& [path, file] : files_) {
    if (!file.changed) continue;
    const auto now = read_image(file.path, most_bytes);
    if (!now || now->content != file.after) return fmt::format("{} is not as it was made", path);
  }
  return {};
}

std::string ServiceFiles::not_as_before() const {
  for (const auto& [path, file] : files_) {
    const auto now = read_image(file.path, most_bytes);
    if (!now) return fmt::format("{} is gone", path);
    if (now->content != file.before.content) return fmt::format("{} is not what it was", path);
    if (*now != file.before) return fmt::format("mode or owner of {} is not what it was", path);
  }
  if (::access(marker_.c_str(), F_OK) == 0) return marker_ + " is still there";
  return {};
}

}  // namespace nospof::faults
