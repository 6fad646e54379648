#include "evidence/verify.hpp"

#include <filesystem>
#include <set>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "evidence/archive.hpp"
#include "evidence/claim.hpp"
#include "evidence/compare.hpp"
#include "evidence/dsse.hpp"
#include "evidence/staging.hpp"
#include "evidence/statement.hpp"
#include "report/report.hpp"
#include "report/text.hpp"
#include "spec/reader.hpp"
#include "system/fd.hpp"
#include "verdict/judge.hpp"

namespace nospof::evidence {

namespace json = boost::json;

namespace {

bool any_name(const std::string&) {
  return true;
}

const json::object* object_at(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::string text_at(const json::object* object, const char* key) {
  const json::value* value = object == nullptr ? nullptr : object->if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

class Verifier {
 public:
  Verifier(const std::string& path, const PublicKey& key, const Checks& checks)
      : path_(path), key_(key), checks_(checks) {
    found_.key_id = key.id();
  }

  Verification run() {
    if (attempt([&] { stage(); }) && attempt([&] { open_envelope(); })) {
      check_files();
      if (found_.good()) {
        attempt([&] { judge_again(); });
      } else {
        found_.notes.emplace_back(
            "the verdict was not examined: what it rests on is not what was signed");
      }
    }
    for (auto* lines : {&found_.failures, &found_.notes, &found_.not_covered})
      for (std::string& line : *lines) line = report::plain_text(line);
    found_.claim = report::plain_text(found_.claim);
    found_.topology = report::plain_text(found_.topology);
    found_.topology_sha256 = report::plain_text(found_.topology_sha256);
    return std::move(found_);
  }

 private:
  void fail(std::string what) { found_.failures.push_back(std::move(what)); }

  // False, with a failure, when it threw something that the bundle is to blame for.
  template <typename Step>
  bool attempt(Step step) {
    try {
      step();
      return true;
    } catch (const NoBundle&) {
      throw;
    } catch (const Error& e) {
      fail(e.what());
    }
    return false;
  }

  void stage() {
    std::error_code unknown;  // whatever it is, opening it will tell
    if (!std::filesystem::is_directory(path_, unknown)) return stage_archive(path_, staging_);
    stage_folder(path_, any_name, staging_);
    if (!std::filesystem::exists(envelope_path()))
      throw NoBundle(fmt::format("{}: no {}; this is no bundle of evidence, nor one unpacked{}",
                                 path_, envelope_name,
                                 std::filesystem::exists(path_ + "/evidence.tar")
                                     ? fmt::format("; there is {}/evidence.tar", path_)
                                     : std::string()));
    if (std::filesystem::file_size(envelope_path()) > most_envelope_bytes)
      throw Error(fmt::format("{}: more than {} MiB", envelope_name, most_envelope_bytes >> 20U));
  }
  std::string envelope_path() const { return staging_.folder() + "/" + envelope_name; }

  void open_envelope() {
    Envelope envelope;
    try {
      envelope = parse_envelope(read_file(envelope_path()));
    } catch (const Error& e) {
      throw Error(fmt::format("{}: {}", envelope_name, e.what()));
    }
    if (envelope.payload_type != statement_type)
      fail(fmt::format("{}: the payload's type is '{}' instead of {}", envelope_name,
                       envelope.payload_type, statement_type));
    check_signature(envelope);
    payload_ = std::move(envelope.payload);
    boost::system::error_code error;
    json::value value = json::parse(payload_, error);
    if (error || !value.is_object())
      throw Error(fmt::format("{}: the statement is no JSON object", envelope_name));
    stated_ = std::move(value.get_object());
  }

  void check_signature(const Envelope& envelope) {
    if (envelope.signatures.size() != 1)
      return fail(envelope.signatures.empty()
                      ? fmt::format("{}: it is not signed", envelope_name)
                      : fmt::format("{}: it has {} signatures instead of one", envelope_name,
                                    envelope.signatures.size()));
    const EnvelopeSignature& signature = envelope.signatures.front();
    if (signature.key_id != found_.key_id)
      fail(fmt::format("{}: it names the key {}, but the one given is {}", envelope_name,
                       signature.key_id, found_.key_id));
    if (!key_.verifies(pae(envelope.payload_type, envelope.payload), signature.bytes))
      fail(
          fmt::format("{}: the signature is not of the given key over this statement: another key "
                      "signed it, or it was changed since",
                      envelope_name));
  }

  void check_files() {
    std::set<std::string> named;
    const json::value* subjects = stated_.if_contains("subject");
    if (subjects == nullptr || !subjects->is_array())
      return fail("the statement names no files: 'subject' is missing or is no list");
    for (const json::value& subject : subjects->get_array()) {
      const json::object* object = subject.if_object();
      const std::string name = text_at(object, "name");
      const json::object* digest = object == nullptr ? nullptr : object_at(*object, "digest");
      if (name.empty() || digest == nullptr || !named.insert(name).second) {
        fail(fmt::format("the statement's subject '{}' has no name or digest, or stands twice",
                         name));
        continue;
      }
      const StagedFile* file = staging_.find(name);
      if (file == nullptr)
        fail(fmt::format("{}: is missing", name));
      else if (file->sha256 != text_at(digest, "sha256"))
        fail(fmt::format("{}: was changed: its SHA-256 is {}, but {} is stated", name, file->sha256,
                         text_at(digest, "sha256")));
    }
    for (const StagedFile& file : staging_.files())
      if (!named.contains(file.name))
        fail(fmt::format("{}: nobody vouches for it: the statement does not name it", file.name));
    found_.files = named.size();
  }

  void judge_again() {
    if (staging_.find("events.ndjson") == nullptr) return fail("events.ndjson: is missing");
    const verdict::RunRecord run = report::load_run(staging_.folder());
    const verdict::RunResult result = verdict::judge(run);
    const json::object* predicate = object_at(stated_, "predicate");
    const json::object* about = predicate == nullptr ? nullptr : object_at(*predicate, "nospof");
    const json::object* tool = about == nullptr ? nullptr : object_at(*about, "tool");
    const std::string bundled_by = text_at(tool, "bundled_by");
    Comparison comparison;
    comparison.additions = bundled_by != checks_.version;
    if (comparison.additions)
      found_.notes.push_back(fmt::format(
          "it was made by '{}' and is verified by {}: if something does not follow, try with the "
          "version that made it",
          bundled_by, checks_.version));
    compare_statement(statement_of({run, result, staging_.files(), bundled_by}), comparison);
    compare_result(report::result_json(run, result), comparison);
    check_topology(run);
    found_.topology = run.topology.name;
    found_.topology_sha256 = run.topology.sha256;
    found_.verdict = verdict::verdict_name(result.verdict);
    found_.exit_code = result.exit_code;
    found_.claim = claim_text(run, result);
    found_.not_covered = not_covered(run, result);
  }

  void compare_statement(const json::object& follows, const Comparison& comparison) {
    if (json::serialize(follows) == payload_) return;
    const auto found = differences(stated_, follows, comparison);
    for (const std::string& difference : found) fail("the statement: " + difference);
    if (found.empty() && !comparison.additions)
      fail("the statement: it is not written as nospof writes it");
  }

  void compare_result(const std::string& follows, const Comparison& comparison) {
    if (staging_.find(result_name) == nullptr)
      return fail(fmt::format("{}: is missing", result_name));
    const std::string text = read_file(staging_.folder() + "/" + result_name);
    if (text == follows) return;
    boost::system::error_code error;
    json::value stated = json::parse(text, error);
    if (error || !stated.is_object())
      return fail(fmt::format("{}: it is no JSON object", result_name));
    json::value other = json::parse(follows);
    // Says who drew it, and is no result.
    stated.get_object().erase("judged_by");
    other.get_object().erase("judged_by");
    const auto found = differences(stated, other, comparison);
    for (const std::string& difference : found)
      fail(fmt::format("{}: {}", result_name, difference));
    if (found.empty() && !comparison.additions)
      fail(fmt::format("{}: it is not written as nospof writes it", result_name));
  }

  void check_topology(const verdict::RunRecord& run) {
    const std::string name = topology_in_bundle(run);
    if (staging_.find(name) == nullptr) return fail(fmt::format("{}: is missing", name));
    spec::Topology topology;
    try {
      topology = spec::read_topology(staging_.folder() + "/" + name);
    } catch (const spec::SpecError& e) {
      return fail(
          fmt::format("{}: this version cannot read it: {}", name, e.problems().front().message));
    }
    if (topology.sha256 != run.topology.sha256)
      fail(fmt::format("{}: with its templates it has the hash {}, but the run was on {}", name,
                       topology.sha256, run.topology.sha256));
    check_plan(topology, run);
    check_certificate(topology);
  }

  void check_plan(const spec::Topology& topology, const verdict::RunRecord& run) {
    if (run.mode != verdict::Mode::prove || !checks_.plan) return;
    if (run.tool != checks_.version) {
      found_.notes.push_back(
          fmt::format("whether it has every cell of the topology was not examined: '{}' planned "
                      "it, and {} may know other faults",
                      run.tool, checks_.version));
      return;
    }
    for (const std::string& problem : checks_.plan(topology, run)) fail("the plan: " + problem);
  }

  void check_certificate(const spec::Topology& topology) {
    if (staging_.find(certificate_name) == nullptr) return;
    if (!checks_.certificate)
      return fail(fmt::format("{}: this version cannot check it", certificate_name));
    const std::string text = read_file(staging_.folder() + "/" + certificate_name);
    for (const std::string& problem : checks_.certificate(text, topology))
      fail(fmt::format("{}: {}", certificate_name, problem));
  }

  const std::string& path_;
  const PublicKey& key_;
  const Checks& checks_;
  Staging staging_;
  Verification found_;
  std::string payload_;
  json::object stated_;
};

}  // namespace

Verification verify_bundle(const std::string& path, const PublicKey& key, const Checks& checks) {
  return Verifier(path, key, checks).run();
}

}  // namespace nospof::evidence
