#include "verdict/evidence.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace nospof::verdict {

namespace {

constexpr const char* witnesses = "witnesses";

// An `inject` step is stamped when it is done, and its first victims may fall before that: the
// fault could bite from the moment on at which its undo records were written.
std::int64_t beginning_of(const CellRecord& cell, const Step& inject) {
  std::int64_t begun_ns = inject.at_ns;
  for (const Step& step : cell.steps)
    if (step.step == "undo-written" && step.injection == inject.injection &&
        step.host == inject.host && step.at_ns <= inject.at_ns)
      begun_ns = step.at_ns;
  return begun_ns;
}

std::vector<InjectionMark> find_injections(const CellRecord& cell) {
  std::vector<InjectionMark> marks;
  for (const Step& step : cell.steps) {
    if (step.step != "inject" || !step.ok) continue;
    const std::int64_t begun_ns = beginning_of(cell, step);
    const auto known = std::ranges::find(marks, step.injection, &InjectionMark::injection);
    if (known == marks.end())
      marks.push_back({step.injection, begun_ns});
    else
      known->at_ns = std::min(known->at_ns, begun_ns);
  }
  std::ranges::sort(marks, {}, &InjectionMark::at_ns);
  return marks;
}

// The last step of that name on each host.
std::map<std::string, const Step*> last_words(const CellRecord& cell, const std::string& injection,
                                              const std::string& name) {
  std::map<std::string, const Step*> words;
  for (const Step& step : cell.steps)
    if (step.injection == injection && step.step == name) words[step.host] = &step;
  return words;
}

bool is_seen(const Step* from_outside, const std::string& host) {
  if (from_outside == nullptr) return false;
  const auto& hosts = from_outside->of_hosts;
  return !hosts || std::ranges::find(*hosts, host) != hosts->end();
}

void prove_one(const CellRecord& cell, const std::string& injection, const std::string& name,
               Proof& proof) {
  const auto words = last_words(cell, injection, name);
  const auto doubt = [&proof](const std::string& host, const std::string& what) {
    proof.holds = false;
    if (proof.why_not.empty()) proof.why_not = fmt::format("{}: {}", host, what);
  };
  const Step* from_outside = nullptr;
  for (const auto& [host, step] : words) {
    if (step->outcome == "confirmed") {
      if (host == witnesses) from_outside = step;
      proof.last_ns = std::max(proof.last_ns.value_or(step->at_ns), step->at_ns);
    } else if (step->outcome != "unable") {
      doubt(host, step->detail);
    }
  }
  for (const Step& hit : cell.steps) {
    if (hit.injection != injection || hit.step != "inject" || !hit.ok) continue;
    const auto word = words.find(hit.host);
    if (word == words.end())
      doubt(hit.host, "never measured");
    else if (word->second->outcome == "unable" && !is_seen(from_outside, hit.host))
      doubt(hit.host, word->second->detail);
  }
}

Proof prove(const CellRecord& cell, const std::vector<InjectionMark>& injections,
            const std::string& name) {
  Proof proof;
  proof.holds = !injections.empty();
  for (const InjectionMark& mark : injections) prove_one(cell, mark.injection, name, proof);
  return proof;
}

}  // namespace

std::optional<std::int64_t> Evidence::injected_ns() const {
  if (injections.empty()) return std::nullopt;
  return injections.front().at_ns;
}

Evidence evidence_of(const CellRecord& cell) {
  Evidence evidence;
  evidence.injections = find_injections(cell);
  evidence.confirmed = prove(cell, evidence.injections, "confirm");
  evidence.healed = prove(cell, evidence.injections, "confirm-healed");
  const auto injected = evidence.injected_ns();
  for (const PhaseMark& mark : cell.phases) {
    if (mark.phase != "baseline" || (injected && mark.at_ns > *injected)) continue;
    evidence.baseline_from_ns = mark.at_ns;
    evidence.has_baseline = true;
  }
  return evidence;
}

Nanoseconds injection_clock(const RunRecord& run, const CellRecord& cell, std::int64_t at_ns) {
  Nanoseconds worst{0};
  for (const Step& step : cell.steps)
    if (!step.clock.empty())
      worst = std::max(worst, run.clocks.at_own(step.clock, at_ns).uncertainty);
  return worst;
}

}  // namespace nospof::verdict
