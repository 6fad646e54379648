#include "faults/clock_skew.hpp"

#include <fmt/format.h>

#include "faults/parameters.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

constexpr const char* kind_name = "clock-skew";

// Linux has one CLOCK_REALTIME for the whole machine: a time namespace shifts CLOCK_MONOTONIC and
// CLOCK_BOOTTIME only, for processes started in it. Setting the machine's clock would hit every
// host of a lab, the probes and nospof itself. A library preloaded into one daemon needs that
// daemon started anew, twice, and reaches no statically linked one: that would test the library.
constexpr const char* why_never =
    "the wall clock can't be shifted for one host: Linux keeps one for the whole machine, "
    "and a time namespace shifts only CLOCK_MONOTONIC and CLOCK_BOOTTIME. To see what a wrong "
    "clock does to certificates use a certificate that is expired or not yet valid";

[[noreturn]] void refuse() {
  throw MissingCapability(fmt::format("{}: {}", kind_name, why_never));
}

class ClockSkewKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }
  std::string never_possible() const override { return why_never; }

  kinds::Plan plan(const std::vector<std::string>&, const std::string&, const spec::Parameters&,
                   const kinds::StackView&) const override {
    refuse();
  }
  std::unique_ptr<kinds::Fault> make(const json::object&) const override { refuse(); }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "Not possible: Linux has one wall clock for all hosts of a lab.",
                       .target = spec::TargetType::host,
                       .parameters = {},
                       .prove_variants = {},
                       .needs = {"root"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_clock_skew() {
  return std::make_unique<ClockSkewKind>();
}

}  // namespace nospof::faults
