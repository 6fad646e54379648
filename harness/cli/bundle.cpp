#include "evidence/bundle.hpp"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "analysis/stack_certificate.hpp"
#include "cli/verbs.hpp"
#include "evidence/statement.hpp"
#include "report/report.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof::cli {

namespace {

// Before it is signed: else the bundle could never be verified.
void check_certificate(const std::string& file, const std::string& run_folder) {
  const verdict::RunRecord run = report::load_without_histories(run_folder);
  const std::string kept = run_folder + "/" + evidence::topology_in_bundle(run);
  const std::string topology = std::filesystem::exists(kept) ? kept : run.topology.file;
  const auto problems =
      analysis::verify_stack_certificate(read_file(file), spec::read_topology(topology));
  if (!problems.empty())
    throw Error(fmt::format(
        "--certificate {}: {}; a proof writes the certificate of its stack to RUN/certificate.json "
        "(docs/evidence.md); leave --certificate out to bundle the run without one",
        file, problems.front()));
}

}  // namespace

int bundle_command(const BundleArguments& arguments) {
  std::optional<evidence::PrivateKey> key;
  if (!arguments.certificate.empty())
    check_certificate(arguments.certificate, arguments.run_folder);
  if (!arguments.sign.empty()) key = evidence::read_private_key(arguments.sign);
  const evidence::Bundled bundled =
      evidence::write_bundle({arguments.run_folder, arguments.out, key ? &*key : nullptr,
                              arguments.certificate, std::string("nospof ") + NOSPOF_VERSION});
  fmt::print("{}: {} files, {} bytes, verdict {}, {}\n", arguments.out, bundled.files,
             bundled.bytes, bundled.verdict,
             key ? "signed by key " + key->public_key().id() : std::string("not signed"));
  return 0;
}

}  // namespace nospof::cli
