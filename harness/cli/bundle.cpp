#include "evidence/bundle.hpp"

#include <optional>

#include <fmt/format.h>

#include "analysis/stack_certificate.hpp"
#include "cli/verbs.hpp"

namespace nospof::cli {

int bundle_command(const BundleArguments& arguments) {
  std::optional<evidence::PrivateKey> key;
  if (!arguments.sign.empty()) key = evidence::read_private_key(arguments.sign);
  const evidence::Bundled bundled = evidence::write_bundle(
      {arguments.run_folder, arguments.out, key ? &*key : nullptr, arguments.certificate,
       std::string("nospof ") + NOSPOF_VERSION, analysis::verify_stack_certificate});
  fmt::print("{}: {} files, {} bytes, verdict {}, {}\n", arguments.out, bundled.files,
             bundled.bytes, bundled.verdict,
             key ? "signed by key " + key->public_key().id() : std::string("not signed"));
  return 0;
}

}  // namespace nospof::cli
