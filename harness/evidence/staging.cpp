#include "evidence/staging.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.hpp"

namespace nospof::evidence {

namespace {

constexpr std::size_t deepest = 8;

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

// The names in a folder, without those of itself and its parent.
std::vector<std::string> names_in(const UniqueFd& folder, const std::string& path) {
  // A descriptor of its own, since the directory stream takes it over.
  const int fd = check("open " + path, ::openat(folder.get(), ".", O_RDONLY | O_CLOEXEC));
  const Directory directory(::fdopendir(fd));
  if (!directory) {
    ::close(fd);
    throw SystemError("read " + path, errno);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    if (names.size() > most_files)
      throw Error(fmt::format("{}: more than {} files are no bundle", path, most_files));
    errno = 0;
  }
  if (errno != 0) throw SystemError("read " + path, errno);
  std::ranges::sort(names);
  return names;
}

void stage_below(const UniqueFd& folder, const std::string& path, const std::string& prefix,
                 std::size_t depth, NameFilter wanted, Staging& staging) {
  if (depth > deepest) throw Error(fmt::format("{}: folders too deep for a bundle", path));
  for (const std::string& entry : names_in(folder, path)) {
    const std::string name = prefix + entry;
    if (!wanted(name)) continue;
    const std::string full = path + "/" + entry;
    // O_NONBLOCK: a pipe does not hold it up.
    const int fd = ::openat(folder.get(), entry.c_str(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
      throw Error(fmt::format("{}: a symbolic link, and none is followed", full));
    const UniqueFd opened(check("open " + full, fd));
    struct stat status {};
    check("stat " + full, ::fstat(opened.get(), &status));
    if (S_ISDIR(status.st_mode))
      stage_below(opened, full, name + "/", depth + 1, wanted, staging);
    else if (S_ISREG(status.st_mode))
      staging.add_file(name, opened.get());
    else
      throw Error(fmt::format("{}: neither a file nor a folder", full));
  }
}

}  // namespace

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > most_name_bytes) return false;
  const auto plain = [](char c) { return c > ' ' && c <= '~' && c != '\\'; };
  if (!std::ranges::all_of(name, plain)) return false;
  std::string_view rest = name;
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part.front() == '.') return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

Staging::Staging() {
  folder_ = (std::filesystem::temp_directory_path() / "nospof-evidence-XXXXXX").string();
  if (::mkdtemp(folder_.data()) == nullptr) throw SystemError("mkdtemp " + folder_, errno);
}

Staging::~Staging() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

const StagedFile* Staging::find(std::string_view name) const {
  const auto found = std::ranges::find(files_, name, &StagedFile::name);
  return found == files_.end() ? nullptr : &*found;
}

Staging::Copy::Copy(Staging& staging, std::string name) : staging_(staging) {
  if (!is_safe_name(name))
    throw Error(fmt::format(
        "'{}' is no name for a file of a bundle: a relative one of at most {} printable "
        "ASCII characters, no part of which begins with a dot",
        name, most_name_bytes));
  if (staging.files_.size() >= most_files)
    throw Error(fmt::format("more than {} files are no bundle", most_files));
  file_.name = std::move(name);
  const std::string path = staging.folder_ + "/" + file_.name;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error)
    throw Error(fmt::format("'{}' cannot be copied to {}: {}", file_.name, staging.folder_,
                            error.message()));
  if (std::filesystem::exists(path)) throw Error(fmt::format("'{}' is there twice", file_.name));
  fd_ = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

void Staging::Copy::add(std::string_view bytes) {
  staging_.bytes_ += bytes.size();
  if (staging_.bytes_ > most_bundle_bytes)
    throw Error(fmt::format("more than {} GiB are no bundle", most_bundle_bytes >> 30U));
  file_.size += bytes.size();
  digest_.add(bytes);
  write_all(fd_.get(), bytes, file_.name);
}

void Staging::Copy::finish() {
  fd_.reset();
  file_.sha256 = digest_.hex();
  if (file_.name == envelope_name) return;
  const auto place = std::ranges::lower_bound(staging_.files_, file_.name, {}, &StagedFile::name);
  staging_.files_.insert(place, std::move(file_));
}

void Staging::add_text(const std::string& name, std::string_view text) {
  Copy copy(*this, name);
  copy.add(text);
  copy.finish();
}

void Staging::add_file(const std::string& name, int fd) {
  Copy copy(*this, name);
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (check("read " + name, got) == 0) break;
    copy.add({block.data(), static_cast<std::size_t>(got)});
  }
  copy.finish();
}

void stage_folder(const std::string& folder, NameFilter wanted, Staging& staging) {
  const UniqueFd opened = open_file(folder, O_RDONLY | O_DIRECTORY);
  stage_below(opened, folder, "", 1, wanted, staging);
}

}  // namespace nospof::evidence
