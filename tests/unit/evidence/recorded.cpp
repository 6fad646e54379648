#include "tests/unit/evidence/recorded.hpp"

#include <filesystem>
#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "evidence/archive.hpp"
#include "evidence/bundle.hpp"
#include "evidence/dsse.hpp"
#include "system/fd.hpp"
#include "system/hex.hpp"
#include "tests/support/places.hpp"

namespace nospof::test {

namespace json = boost::json;

evidence::PrivateKey signer() {
  return evidence::PrivateKey::from_raw(
      bytes_of_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
}

Recorded::Recorded() {
  std::filesystem::copy(std::string(source_folder) + "/tests/unit/evidence/run", run(),
                        std::filesystem::copy_options::recursive);
}

void Recorded::replace_in(const std::string& file, const std::string& what,
                          const std::string& with) {
  const std::string path = run() + "/" + file;
  std::string text = read_file(path);
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error(path + " has no " + what);
  write_file(path, text.replace(at, what.size(), with));
}

std::string Recorded::bundle(const std::string& certificate) {
  const evidence::PrivateKey key = signer();
  const std::string out = folder_ / ("bundle-" + std::to_string(++bundles_));
  evidence::write_bundle({run(), out, &key, certificate, version});
  return read_file(out);
}

evidence::Verification Recorded::verify(const std::string& bytes, const evidence::Checks& checks) {
  const std::string path = folder_ / "verified";
  write_file(path, bytes);
  return evidence::verify_bundle(path, signer().public_key(), checks);
}

json::object& Parts::about() {
  return statement.at("predicate").as_object().at("nospof").as_object();
}

json::object& Parts::result() {
  return about().at("result").as_object();
}

void Parts::restate_files() {
  json::array subject;
  for (const auto& [name, text] : files)
    subject.push_back({{"name", name}, {"digest", {{"sha256", sha256_of(text)}}}});
  statement["subject"] = std::move(subject);
}

Parts parts_of(const std::string& bundle) {
  const TemporaryFolder folder;
  write_file(folder / "bundle", bundle);
  evidence::Staging staging;
  evidence::stage_archive(folder / "bundle", staging);
  Parts parts;
  for (const evidence::StagedFile& file : staging.files())
    parts.files[file.name] = read_file(staging.folder() + "/" + file.name);
  const auto envelope =
      evidence::parse_envelope(read_file(staging.folder() + "/" + evidence::envelope_name));
  parts.statement = json::parse(envelope.payload).as_object();
  return parts;
}

std::string bundle_of(const Parts& parts, const evidence::PrivateKey& key) {
  const TemporaryFolder folder;
  evidence::Staging staging;
  for (const auto& [name, text] : parts.files) staging.add_text(name, text);
  staging.add_text(evidence::envelope_name,
                   evidence::envelope_text(evidence::seal(evidence::statement_type,
                                                          json::serialize(parts.statement), &key)));
  evidence::write_archive(staging, folder / "bundle");
  return read_file(folder / "bundle");
}

}  // namespace nospof::test
