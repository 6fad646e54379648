#include "lab/record.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/json.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lab/lab.hpp"
#include "system/check.hpp"

namespace nospof::lab {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr const char* default_root = "/var/lib/nospof";

// FNV-1a: the same in every process and every build, unlike std::hash.
std::uint32_t stable_hash(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

// Reads a file of ours; Boost.JSON has exceptions of several kinds for one that is damaged.
template <typename Take>
auto parse_file(const std::string& path, Take take) {
  const std::string text = read_file(path);
  try {
    return take(json::parse(text).as_object());
  } catch (const std::exception& e) {
    throw Error(fmt::format("{} is damaged: {}", path, e.what()));
  }
}

std::string text_of(const json::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

UniqueFd lock_file(const std::string& path, int operation) {
  UniqueFd fd = open_file(path, O_RDWR | O_CREAT, 0600);
  while (::flock(fd.get(), operation) < 0)
    if (errno != EINTR) check("lock " + path, -1);
  return fd;
}

}  // namespace

std::string state_root() {
  const char* chosen = ::getenv("NOSPOF_STATE_DIR");
  const std::string root = chosen != nullptr && *chosen != '\0' ? chosen : default_root;
  // Without symbolic links, so that a path means the same inside a host, whose /run is another one.
  return fs::weakly_canonical(fs::absolute(root)).string();
}

void write_record(const Layout& layout, const LabRecord& record) {
  json::object secrets;
  for (const auto& [name, value] : record.secrets) secrets[name] = value;
  const json::object object{
      {"name", record.name},
      {"topology_file", record.topology_file},
      {"topology_copy", record.topology_copy},
      {"cgroup", record.cgroup},
      {"limit_groups", json::array(record.limit_groups.begin(), record.limit_groups.end())},
      {"secrets", std::move(secrets)}};
  write_file(layout.record_file(), json::serialize(object) + "\n", 0600);
}

LabRecord read_record(const Layout& layout) {
  return parse_file(layout.record_file(), [](const json::object& object) {
    LabRecord record;
    record.name = text_of(object, "name");
    record.topology_file = text_of(object, "topology_file");
    record.topology_copy = text_of(object, "topology_copy");
    record.cgroup = text_of(object, "cgroup");
    for (const json::value& folder : object.at("limit_groups").as_array())
      record.limit_groups.emplace_back(folder.as_string());
    for (const auto& [name, value] : object.at("secrets").as_object())
      record.secrets[name] = std::string(value.as_string());
    return record;
  });
}

std::string lab_cgroup(const std::string& cgroup2, const std::string& root,
                       const std::string& name) {
  const std::string plain = fmt::format("{}/nospof/{}", cgroup2, name);
  return root == default_root ? plain : fmt::format("{}.{:08x}", plain, stable_hash(root));
}

void check_lab_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || name.size() > 40 || name.front() == '-' ||
      !std::all_of(name.begin(), name.end(), allowed))
    throw Error(fmt::format(
        "'{}' can't be the name of a lab: at most 40 of a-z, 0-9 and '-', not '-' first", name));
}

UniqueFd lock_root(const std::string& root) {
  fs::create_directories(root + "/labs");
  return lock_file(root + "/labs/.lock", LOCK_EX);
}

UniqueFd claim_folder(const Layout& layout) {
  const std::string& folder = layout.folder;
  if (::mkdir(folder.c_str(), 0711) < 0) {
    if (errno == EEXIST)
      throw Error(
          fmt::format("lab '{0}' is there already; end it with 'nospof lab down {0}' or "
                      "choose another name with --name",
                      fs::path(folder).filename().string()));
    check("create " + folder, -1);
  }
  // Daemons of many users must get through; whatever is secret has a mode of its own.
  check("chmod " + folder, ::chmod(folder.c_str(), 0711));
  return lock_file(layout.lock_file(), LOCK_SH);
}

UniqueFd join_folder(const Layout& layout) {
  return lock_file(layout.lock_file(), LOCK_SH);
}

bool is_folder_held(const Layout& layout) {
  const UniqueFd fd(::open(layout.lock_file().c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return false;
  return ::flock(fd.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

std::vector<std::string> lab_folders(const std::string& root) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root + "/labs", none))
    if (entry.is_directory(none)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<ProcessId> read_keeper(const Layout& layout) {
  if (!fs::exists(layout.keeper_file())) return std::nullopt;
  return parse_file(layout.keeper_file(), [](const json::object& object) {
    return ProcessId{static_cast<pid_t>(object.at("pid").as_int64()),
                     object.at("start_time").to_number<std::uint64_t>()};
  });
}

void write_keeper(const Layout& layout, const ProcessId& keeper) {
  const json::object object{{"pid", keeper.pid}, {"start_time", keeper.start_time}};
  write_file(layout.keeper_file(), json::serialize(object) + "\n", 0600);
}

}  // namespace nospof::lab
