// Experiment files, as users write them, with a kind of fault for each type of parameter that there
// is: their own code has no part in reading them.

#include <string>

#include "spec/reader.hpp"
#include "tests/fuzz/targets.hpp"

namespace {

using namespace nospof;

spec::Catalogue some_kinds() {
  using spec::ParameterType;
  spec::KindInfo kill{"process-kill", "A signal.", spec::TargetType::service, {}, {}};
  kill.parameters = {{"signal", ParameterType::text, false, "KILL", {}, "Its name."},
                     {"scope", ParameterType::text, false, "all", {"main", "all"}, "Which."},
                     {"hold", ParameterType::boolean, false, "true", {}, "Whether it stays down."}};
  spec::KindInfo partition{"partition", "Cut off.", spec::TargetType::host, {}, {}};
  partition.parameters = {
      {"from", ParameterType::text_list, false, "", {}, "The other side.", true},
      {"ports", ParameterType::text_list, false, "", {}, "Which."},
      {"direction", ParameterType::text, false, "both", {"both", "in", "out"}, "Which way."}};
  spec::KindInfo netem{"netem", "A bad link.", spec::TargetType::host, {}, {}};
  netem.parameters = {{"delay", ParameterType::duration, false, "0", {}, "Delay."},
                      {"loss", ParameterType::percent, true, "", {}, "Loss."},
                      {"rate", ParameterType::bandwidth, false, "", {}, "Bits per second."},
                      {"packets", ParameterType::rate, false, "", {}, "Packets per second."},
                      {"limit", ParameterType::integer, false, "1000", {}, "Packets."}};
  spec::Catalogue catalogue;
  catalogue.faults = {kill, partition, netem};
  catalogue.probes = {{"https", "Requests a page.", spec::TargetType::host, {}, {}}};
  catalogue.outcomes = {"ok", "reset", "tls-untrusted"};
  return catalogue;
}

}  // namespace

namespace nospof::fuzz {

void experiment(std::string_view bytes) {
  static const spec::Catalogue catalogue = some_kinds();
  try {
    spec::read_experiment_text(std::string(bytes),
                               NOSPOF_SOURCE_FOLDER "/tests/malformed/fuzzed.yaml", catalogue);
  } catch (const spec::SpecError&) {
  }
}

}  // namespace nospof::fuzz
