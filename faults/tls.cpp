#include "faults/tls.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "faults/tls_injection.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* wrong_name = "wrong-name.invalid";
// A service that is reloaded starts new processes; a whole restart of a database takes longer.
constexpr auto confirm_within = 6'000ms;
constexpr auto healed_within = 12'000ms;

// What is wrong with the certificate that is to be signed.
kinds::CertificateWish wish_for(TlsMode mode, WallTime now) {
  kinds::CertificateWish wish;
  switch (mode) {
    case TlsMode::expired:
      wish.not_before = now - 30 * 24h;
      wish.not_after = now - 24h;
      break;
    case TlsMode::not_yet_valid:
      wish.not_before = now + 24h;
      wish.not_after = now + 30 * 24h;
      break;
    case TlsMode::wrong_name:
      wish.only_name = wrong_name;
      break;
    case TlsMode::unknown_ca:
      wish.unknown_authority = true;
      break;
    case TlsMode::replaced_key:
    case TlsMode::missing_intermediate:
    case TlsMode::weak_protocol:
      break;
  }
  return wish;
}

bool needs_signature(TlsMode mode) {
  return mode != TlsMode::missing_intermediate && mode != TlsMode::weak_protocol;
}

const char* effect_of(TlsMode mode) {
  switch (mode) {
    case TlsMode::expired:
      return "shows a certificate that expired yesterday";
    case TlsMode::not_yet_valid:
      return "shows a certificate that is valid from tomorrow on";
    case TlsMode::wrong_name:
      return "shows a certificate for wrong-name.invalid only";
    case TlsMode::unknown_ca:
      return "shows a certificate of an authority that nobody knows";
    case TlsMode::replaced_key:
      return "shows a valid certificate with another key";
    case TlsMode::missing_intermediate:
      return "shows its certificate without the intermediate one";
    case TlsMode::weak_protocol:
      return "takes TLS 1.0 or 1.1";
  }
  return "";
}

// What a client that verifies says of it.
std::vector<std::string> seen_by_clients(TlsMode mode) {
  switch (mode) {
    case TlsMode::expired:
      return {"tls-expired"};
    case TlsMode::wrong_name:
      return {"tls-wrong-identity"};
    case TlsMode::not_yet_valid:
    case TlsMode::unknown_ca:
    case TlsMode::missing_intermediate:
      return {"tls-untrusted", "tls-expired"};
    case TlsMode::replaced_key:
    case TlsMode::weak_protocol:
      break;
  }
  return {};
}

class TlsKind final : public kinds::FaultKind {
 public:
  TlsKind() {
    using spec::ParameterType;
    info_.name = "tls";
    info_.summary = "A service shows a bad certificate, or takes a weak protocol.";
    info_.target = spec::TargetType::service;
    info_.parameters = {
        {"mode", ParameterType::text, true, "", tls_mode_names(), "What is wrong."},
        {"certificate",
         ParameterType::text,
         false,
         "",
         {},
         "Path on the host of the bad certificate (PEM); without it the stack's authority signs "
         "one."},
        {"key", ParameterType::text, false, "", {}, "Path on the host of its key (PEM)."},
        {"port",
         ParameterType::integer,
         false,
         "",
         {},
         "Where the certificate is looked at; without it the port of the service's TLS hop."},
        {"file",
         ParameterType::text,
         false,
         "",
         {},
         "For weak-protocol: the file of the service that is changed."},
        {"search",
         ParameterType::text_list,
         false,
         "",
         {},
         "For weak-protocol: texts that stand in the file."},
        {"replace",
         ParameterType::text_list,
         false,
         "",
         {},
         "For weak-protocol: what comes in the place of each."}};
    info_.prove_variants = {{"expired", {{"mode", std::string("expired")}}}};
    info_.prove_requires = spec::Requirement::tls_hop;
  }

  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const TlsMode mode = tls_mode(given.text("mode"));
    check_given(given, mode);
    kinds::Plan plan;
    plan.confirm_within = confirm_within;
    plan.healed_within = healed_within;
    plan.causes = seen_by_clients(mode);
    for (const kinds::StackHost* host : resolve_service_targets(info_, targets, service, stack)) {
      const kinds::StackService* known = stack.service(host->name, service);
      if (known == nullptr || !known->tls)
        throw Error(
            fmt::format("tls: service '{}' of host '{}' has no certificate ('tls' in the "
                        "topology)",
                        service, host->name));
      plan.placements.push_back(placement(mode, given, *host, *known, stack));
      plan.blast_radius.push_back(host->name);
    }
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    TlsSettings settings;
    settings.mode = tls_mode(reader.text("mode"));
    settings.service = reader.text("service");
    settings.at.address = reader.text("address");
    settings.at.port = static_cast<int>(reader.integer_or("port", 0, 1, 65535));
    settings.at.identity = reader.text("identity");
    settings.at.starttls = reader.text_or_empty("starttls");
    settings.at.authority_file = reader.text("authority_file");
    settings.certificate = reader.text("certificate_file");
    settings.key = reader.text("key_file");
    settings.bundle = reader.text_or_empty("bundle_file");
    settings.reload = kinds::reload_from_json(reader.object("reload"));
    settings.bad_chain = reader.text_or_empty("bad_chain");
    settings.bad_key = reader.text_or_empty("bad_key");
    settings.bad_chain_file = reader.text_or_empty("bad_chain_file");
    settings.bad_key_file = reader.text_or_empty("bad_key_file");
    if (settings.mode == TlsMode::weak_protocol) {
      settings.config_file = reader.text("config_file");
      settings.replacements =
          replacements(info_.name, reader.texts_or_none("search"), reader.texts_or_none("replace"));
    }
    reader.done();
    const bool has_bad = (!settings.bad_chain.empty() && !settings.bad_key.empty()) ||
                         (!settings.bad_chain_file.empty() && !settings.bad_key_file.empty());
    if (needs_signature(settings.mode) && !has_bad)
      throw Error(
          "tls: nobody here can sign a bad certificate with the stack's authority; give "
          "'certificate' and 'key', paths on the host of one that was prepared");
    return std::make_unique<Tls>(std::move(settings));
  }

 private:
  static void check_given(const PlanReader& given, TlsMode mode) {
    if (given.given("certificate") != given.given("key"))
      throw Error("tls: give both 'certificate' and 'key', or none of them");
    if (given.given("certificate") && !needs_signature(mode))
      throw Error(
          fmt::format("tls: mode {} takes no 'certificate' and 'key'", tls_mode_name(mode)));
    const bool replaces = given.given("file") || given.given("search") || given.given("replace");
    if (mode != TlsMode::weak_protocol && replaces)
      throw Error("tls: 'file', 'search' and 'replace' belong to mode weak-protocol");
    if (mode != TlsMode::weak_protocol) return;
    if (!given.given("file")) throw Error("tls: mode weak-protocol needs 'file'");
    replacements("tls", given.texts("search"), given.texts("replace"));
  }

  static kinds::Placement placement(TlsMode mode, const PlanReader& given,
                                    const kinds::StackHost& host,
                                    const kinds::StackService& service,
                                    const kinds::StackView& stack) {
    const kinds::StackTls& tls = *service.tls;
    const auto port = given.given("port") ? given.integer("port") : tls.port;
    if (port < 1 || port > 65535)
      throw Error(fmt::format("tls: no port to look at {} of host '{}'; give 'port'", service.name,
                              host.name));
    kinds::Placement placement;
    placement.host = host.name;
    placement.parameters = {{"mode", tls_mode_name(mode)},
                            {"service", service.name},
                            {"address", host.address},
                            {"port", port},
                            {"identity", tls.identity},
                            {"starttls", tls.starttls},
                            {"authority_file", tls.authority_file},
                            {"certificate_file", tls.certificate},
                            {"key_file", tls.key},
                            {"bundle_file", tls.bundle}};
    placement.parameters["reload"] = kinds::reload_json(service.reload);
    if (mode == TlsMode::weak_protocol) {
      placement.parameters["config_file"] = service_file("tls", service, given.text("file"));
      const auto search = given.texts("search");
      const auto replace = given.texts("replace");
      placement.parameters["search"] = json::array(search.begin(), search.end());
      placement.parameters["replace"] = json::array(replace.begin(), replace.end());
    } else if (given.given("certificate")) {
      placement.parameters["bad_chain_file"] = given.text("certificate");
      placement.parameters["bad_key_file"] = given.text("key");
    } else if (needs_signature(mode) && stack.signer) {
      const auto bad =
          stack.signer->sign(host.name, service.name, wish_for(mode, SystemClock().wall()));
      placement.parameters["bad_chain"] = bad.chain;
      placement.parameters["bad_key"] = bad.key;
    }
    const std::string reload = kinds::describe_reload(service.reload, service.name);
    placement.effect = fmt::format("{} on {} {} on port {}; {}", service.name, host.name,
                                   effect_of(mode), port, reload);
    placement.undo = fmt::format("the files of {} as they were; {}", service.name, reload);
    return placement;
  }

  spec::KindInfo info_;
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_tls() {
  return std::make_unique<TlsKind>();
}

}  // namespace nospof::faults
