#include "evidence/bundle.hpp"

#include <algorithm>
#include <filesystem>

#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>

#include "evidence/archive.hpp"
#include "evidence/dsse.hpp"
#include "evidence/staging.hpp"
#include "evidence/statement.hpp"
#include "report/report.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "verdict/judge.hpp"

namespace nospof::evidence {

namespace {

// Not what is drawn from the rest and can be drawn again, nor what is hidden or half written.
bool of_the_record(const std::string& name) {
  static constexpr const char* drawn[] = {"junit.xml", "summary.md", result_name, envelope_name};
  const std::string last = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  if (last.starts_with('.') || last.ends_with(".tmp")) return false;
  if (name.find('/') != std::string::npos) return true;
  return !last.ends_with(".html") && !last.ends_with(".tar") &&
         std::ranges::find(drawn, name) == std::end(drawn);
}

// Runs of before the topology was kept with them.
void stage_topology(const verdict::RunRecord& run, Staging& staging) {
  const std::string name = topology_in_bundle(run);
  if (staging.find(name) == nullptr) {
    spec::Topology now;
    try {
      now = spec::read_topology(run.topology.file);
    } catch (const spec::SpecError& e) {
      throw Error(fmt::format("the run kept no copy of its topology, and {} cannot be read: {}",
                              run.topology.file, e.what()));
    }
    if (now.sha256 != run.topology.sha256)
      throw Error(
          fmt::format("the run kept no copy of its topology, and {} or one of its templates "
                      "has been changed since; put back what it was and try again",
                      run.topology.file));
    staging.add_text(name, read_file(now.file));
    for (const spec::Service& service : now.services)
      for (const std::string& file : service.files)
        if (staging.find(topology_folder + file) == nullptr)
          staging.add_text(topology_folder + file, read_file(now.folder + "/" + file));
  }
  if (spec::read_topology(staging.folder() + "/" + name).sha256 != run.topology.sha256)
    throw Error("the topology beside the run is not the one that the run names");
}

void stage_certificate(const std::string& path, Staging& staging) {
  if (path.empty()) return;
  if (staging.find(certificate_name) != nullptr)
    throw Error(
        fmt::format("--certificate {}: the run has a {} of its own; leave --certificate out", path,
                    certificate_name));
  staging.add_file(certificate_name, open_file(path, O_RDONLY).get());
}

void check_staged_certificate(const BundleRequest& request, const verdict::RunRecord& run,
                              const Staging& staging) {
  if (!request.check_certificate || staging.find(certificate_name) == nullptr) return;
  const std::string& folder = staging.folder();
  const auto problems =
      request.check_certificate(read_file(folder + "/" + certificate_name),
                                spec::read_topology(folder + "/" + topology_in_bundle(run)));
  if (problems.empty()) return;
  if (!request.certificate.empty())
    throw Error(fmt::format(
        "--certificate {}: {}; a proof writes the certificate of its stack to RUN/certificate.json "
        "(docs/evidence.md); leave --certificate out to bundle the run without one",
        request.certificate, problems.front()));
  throw Error(fmt::format(
      "{}/{}: {}; it is not what this version of nospof knows of the topology, so a bundle with it "
      "would not be verified; bundle it with the version that ran it, or move the file away to "
      "bundle the run without one",
      request.run_folder, certificate_name, problems.front()));
}

}  // namespace

Bundled write_bundle(const BundleRequest& request) {
  if (std::filesystem::exists(request.out))
    throw Error(fmt::format("{} exists already, and evidence is never overwritten", request.out));
  Staging staging;
  stage_folder(request.run_folder, of_the_record, staging);
  if (staging.find("events.ndjson") == nullptr)
    throw Error(
        fmt::format("{}: no events.ndjson; this is no run's folder, such as "
                    "runs/three-tier/20261120T133956Z",
                    request.run_folder));
  const verdict::RunRecord run = report::load_run(staging.folder());
  if (!run.started)
    throw Error(fmt::format("{}: the run was never begun, so there is nothing to state",
                            request.run_folder));
  stage_topology(run, staging);
  stage_certificate(request.certificate, staging);
  check_staged_certificate(request, run, staging);
  const verdict::RunResult result = verdict::judge(run);
  staging.add_text(result_name, report::result_json(run, result));
  const StatementInput input{run, result, staging.files(), request.bundled_by};
  const std::string statement = boost::json::serialize(statement_of(input));
  staging.add_text(envelope_name, envelope_text(seal(statement_type, statement, request.key)));
  write_archive(staging, request.out);

  Bundled bundled{staging.files().size(), 0, verdict::verdict_name(result.verdict),
                  result.exit_code};
  for (const StagedFile& file : staging.files()) bundled.bytes += file.size;
  return bundled;
}

}  // namespace nospof::evidence
