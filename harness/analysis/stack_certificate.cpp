#include "analysis/stack_certificate.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "analysis/certificate.hpp"
#include "analysis/stack_model.hpp"
#include "analysis/user_path.hpp"
#include "system/check.hpp"

namespace nospof::analysis {

namespace json = boost::json;

namespace {

constexpr const char* kind = "nospof-stack-certificate";
constexpr int schema = 1;

bool tells_users(const spec::Topology& topology) {
  return !topology.functions.empty() || !user_path(topology).empty();
}

// The entries of the file by function; throws Error when it is no such file.
std::vector<std::pair<std::string, const json::value*>> entries_of(const json::value& file) {
  const json::object* object = file.if_object();
  const json::value* said = object != nullptr ? object->if_contains("kind") : nullptr;
  if (said == nullptr || *said != kind) throw Error(fmt::format("'kind' is not '{}'", kind));
  const json::value* version = object->if_contains("schema");
  if (version == nullptr || !version->is_int64() || version->get_int64() != schema)
    throw Error(fmt::format("'schema' is not {}", schema));
  const json::value* functions = object->if_contains("functions");
  if (functions == nullptr || !functions->is_array()) throw Error("'functions' is no list");
  if (object->size() != 3) throw Error("there is more in it than kind, schema and functions");
  std::vector<std::pair<std::string, const json::value*>> entries;
  for (const json::value& entry : functions->get_array()) {
    const json::object* pair = entry.if_object();
    const json::value* name = pair != nullptr ? pair->if_contains("function") : nullptr;
    const json::value* certificate = pair != nullptr ? pair->if_contains("certificate") : nullptr;
    if (name == nullptr || !name->is_string() || certificate == nullptr || pair->size() != 2)
      throw Error("an entry of 'functions' is not made of a function and its certificate");
    entries.emplace_back(std::string(name->get_string()), certificate);
  }
  return entries;
}

std::vector<std::string> check(const json::value& file, const spec::Topology& topology) {
  std::vector<StackModel> models;
  if (tells_users(topology)) models = compile_all(topology, Scope::claim);
  const auto entries = entries_of(file);
  std::vector<std::string> problems;
  for (const StackModel& model : models) {
    const std::string& function = model.function.name;
    std::size_t found = 0;
    for (const auto& [name, certificate] : entries) {
      if (name != function) continue;
      ++found;
      const Certificate claimed = parse_certificate(json::serialize(*certificate), function);
      for (const std::string& problem : verify(model.tree, claimed))
        problems.push_back(fmt::format("{}: {}", function, problem));
    }
    if (found != 1)
      problems.push_back(
          fmt::format("the function {} has {} certificates instead of one", function, found));
  }
  if (entries.size() > models.size())
    problems.push_back(fmt::format("it has {} certificates, the topology {} functions",
                                   entries.size(), models.size()));
  return problems;
}

}  // namespace

std::string stack_certificate(const spec::Topology& topology) {
  if (!tells_users(topology)) return {};
  json::array functions;
  for (const StackModel& model : compile_all(topology, Scope::claim))
    functions.push_back(json::object{{"function", model.function.name},
                                     {"certificate", certificate_json(certify(model.tree))}});
  return json::serialize(
             json::object{{"kind", kind}, {"schema", schema}, {"functions", functions}}) +
         "\n";
}

std::vector<std::string> verify_stack_certificate(const std::string& text,
                                                  const spec::Topology& topology) {
  boost::system::error_code error;
  const json::value file = json::parse(text, error);
  if (error) return {"it is no JSON: " + error.message()};
  try {
    return check(file, topology);
  } catch (const Error& problem) {
    return {problem.what()};
  }
}

}  // namespace nospof::analysis
