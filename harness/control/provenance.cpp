#include "control/provenance.hpp"

#include <filesystem>
#include <set>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <sys/utsname.h>

#include "spec/reader.hpp"
#include "system/capabilities.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::control {

namespace fs = std::filesystem;
namespace json = boost::json;

void keep_topology(const spec::Topology& topology, const std::string& folder) {
  const std::string copy = folder + "/topology";
  const std::string file = fs::path(topology.file).filename();
  std::set<std::string> names{file};
  for (const spec::Service& service : topology.services)
    names.insert(service.files.begin(), service.files.end());
  for (const std::string& name : names) {
    const std::string text = read_file(name == file ? topology.file : topology.folder + "/" + name);
    const fs::path target = fs::path(copy) / name;
    fs::create_directories(target.parent_path());
    write_file(target, text);
  }
  std::string kept;
  try {
    kept = spec::read_topology(copy + "/" + file).sha256;
  } catch (const spec::SpecError&) {
    // As below: it was valid when it was read first.
  }
  if (kept != topology.sha256)
    throw Error(
        fmt::format("{} or one of its templates was changed just now; begin again", topology.file));
}

json::object machine_event() {
  utsname name{};
  check("uname", ::uname(&name));
  json::array capabilities;
  for (const Capability& each : find_capabilities()) {
    json::object entry{{"name", each.name}, {"present", each.present}};
    if (!each.present) entry["missing"] = each.missing;
    capabilities.push_back(std::move(entry));
  }
  return {{"kernel", fmt::format("{} {} {}", name.sysname, name.release, name.machine)},
          {"capabilities", std::move(capabilities)}};
}

}  // namespace nospof::control
