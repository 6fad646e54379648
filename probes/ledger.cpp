#include "probes/ledger.hpp"

#include "probes/ledger_config.hpp"
#include "probes/ledger_run.hpp"
#include "probes/probe_kind.hpp"
#include "spec/units.hpp"

namespace nospof::probes {

namespace {

class LedgerProbe final : public kinds::Probe {
 public:
  explicit LedgerProbe(LedgerConfig config) : pages_(std::move(config)) {}
  void run(int stop_fd, kinds::SampleSink& sink) override {
    LedgerRun(pages_, stop_fd, sink).run();
  }

 private:
  LedgerPages pages_;
};

spec::KindInfo ledger_info() {
  using spec::ParameterType;
  const LedgerConfig defaults;
  const auto text = [](const char* name, bool required, const char* what) {
    return spec::ParameterInfo{name, ParameterType::text, required, "", {}, what};
  };
  const auto number = [](const char* name, int otherwise, const char* what) {
    return spec::ParameterInfo{name, ParameterType::integer, false, std::to_string(otherwise), {},
                               what};
  };
  const auto duration = [](const char* name, Nanoseconds otherwise, const char* what) {
    return spec::ParameterInfo{
        name, ParameterType::duration, false, spec::format_duration(otherwise), {}, what};
  };
  spec::KindInfo info;
  info.name = "ledger";
  info.summary = "writes that were acknowledged must stay, and registers be linearizable";
  info.parameters = {
      text("write-url", true, "page that writes and reads back; {id} and {token} are replaced"),
      text("read-url", true, "page that tells what is stored; {ids} is replaced"),
      text("address", false, "IP address for the URLs' host"),
      text("authority-file", false, "PEM file of the authorities to trust"),
      number("expect-status", defaults.expect_status, "HTTP status of a good answer"),
      text("marker", false,
           "at the head of every id and token, 8 to 32 characters; a random one if not given"),
      number("sessions", defaults.sessions, "clients that write and read"),
      duration("every", defaults.every, "from one operation of a session to its next"),
      duration("timeout", defaults.timeout, "time that one operation may take"),
      duration("audit-every", defaults.audit_every, "from one audit to the next"),
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_ledger() {
  return std::make_unique<SimpleKind>(ledger_info(), [](const kinds::json::object& config) {
    return std::make_unique<LedgerProbe>(parse_ledger_config(config));
  });
}

}  // namespace nospof::probes
