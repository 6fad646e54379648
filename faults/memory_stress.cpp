#include "faults/memory_stress.hpp"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults/host_filesystem.hpp"
#include "faults/parameters.hpp"
#include "faults/size_parameter.hpp"
#include "faults/stressors.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "memory-stress";
constexpr std::uint64_t step = 4ULL << 20U;
constexpr double nearly_all = 0.95;

struct Settings {
  std::uint64_t bytes = 0;  ///< 0: so much that `share` of the host's limit is in use
  double share = 0.9;
};

// Should memory run out, the kernel is to take the one that takes it, not a service.
void be_first_to_go() {
  const UniqueFd file = open_file("/proc/self/oom_score_adj", O_WRONLY);
  write_all(file.get(), "1000", "/proc/self/oom_score_adj");
}

// The thread sanitizer would take as much again to note who wrote to each page.
[[gnu::no_sanitize_thread]] void write_each_page(volatile char* begin, std::uint64_t from,
                                                 std::uint64_t to, std::size_t page) {
  for (std::uint64_t i = from; i < to; i += page) begin[i] = 1;
}

void hold_memory(std::uint64_t bytes, const DriverControl& control) {
  be_first_to_go();
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    control.board().failure = errno;
    return;
  }
  auto* const begin = static_cast<volatile char*>(memory);
  for (std::uint64_t at = 0; at < bytes && !control.stopping(); at += step) {
    const std::uint64_t end = std::min(bytes, at + step);
    write_each_page(begin, at, end, page);
    control.board().amount = static_cast<std::int64_t>(end);
  }
  while (control.sleep(100ms)) {
  }
}

class MemoryStressInjection final : public kinds::Injection {
 public:
  MemoryStressInjection(std::uint64_t bytes, std::string group, DriverPlace place)
      : bytes_(bytes), group_(std::move(group)), stressors_(std::move(place)) {}

  std::vector<kinds::UndoRecord> undo() const override { return stressors_.undo(); }

  void inject() override {
    stressors_.start(kind_name, 1, [bytes = bytes_](const DriverControl& control) {
      hold_memory(bytes, control);
    });
  }

  kinds::Confirmation confirm() override {
    if (stressors_.failure() != 0)
      return {unable, SystemError("map memory", stressors_.failure()).what()};
    const auto held = static_cast<std::uint64_t>(stressors_.amount());
    const std::string evidence =
        fmt::format("{} of {} held{}", human_size(held), human_size(bytes_), usage());
    if (stressors_.alive() == 0)
      return {unable, fmt::format("{}; then its holder ended: {}", evidence, stressors_.end())};
    const bool enough = static_cast<double>(held) >= nearly_all * static_cast<double>(bytes_);
    return {enough ? confirmed : not_yet, evidence};
  }

  void release() override { stressors_.stop(); }

  kinds::Confirmation confirm_healed() override {
    if (stressors_.alive() > 0) return {not_yet, "the process that holds the memory lives"};
    return {confirmed, "the process that held the memory is gone" + usage()};
  }

 private:
  using enum kinds::Confirmation::Outcome;

  std::string usage() const {
    if (group_.empty()) return {};
    return fmt::format("; the host uses {}, {} of its processes were killed for want of memory",
                       human_size(static_cast<std::uint64_t>(memory_usage(group_))),
                       memory_oom_kills(group_));
  }

  std::uint64_t bytes_;
  std::string group_;
  Stressors stressors_;
};

class MemoryStress final : public kinds::Fault {
 public:
  explicit MemoryStress(Settings settings) : settings_(settings) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    DriverPlace place = stressor_place(kind_name, env);
    const std::string group = place.groups.memory;
    const std::int64_t limit = group.empty() ? -1 : memory_limit(group);
    if (limit < 0)
      throw Error(
          fmt::format("{}: host '{}' has no limit on its memory, so the machine's own would "
                      "be taken; set 'limits.memory' of that host in the topology",
                      kind_name, env.host));
    std::uint64_t bytes = settings_.bytes;
    if (bytes == 0) {
      const auto wanted = static_cast<std::int64_t>(settings_.share * static_cast<double>(limit));
      const std::int64_t used = memory_usage(group);
      if (wanted - used < static_cast<std::int64_t>(step))
        throw Error(fmt::format("{}: host '{}' uses {} of its {} already", kind_name, env.host,
                                human_size(static_cast<std::uint64_t>(used)),
                                human_size(static_cast<std::uint64_t>(limit))));
      bytes = static_cast<std::uint64_t>(wanted - used);
    }
    const std::uint64_t available = available_memory();
    if (std::min(bytes, static_cast<std::uint64_t>(limit)) > available / 2)
      throw Error(
          fmt::format("{}: {} would be more than half of what this machine has left ({}); "
                      "the host's limit is too large for it",
                      kind_name, human_size(bytes), human_size(available)));
    return std::make_unique<MemoryStressInjection>(bytes, group, std::move(place));
  }

 private:
  Settings settings_;
};

class MemoryStressKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const std::string size = given.text("size");
    const double share = given.share("share");
    if (!size.empty() && given.given("share"))
      throw Error(fmt::format("{}: give 'size' or 'share', not both", kind_name));
    if (!size.empty() && size_parameter(info_.name, "size", size) == 0)
      throw Error(fmt::format("{}: parameter 'size' must be above 0", kind_name));
    if (share < 0.01)
      throw Error(fmt::format("{}: parameter 'share' must be at least 1%", kind_name));
    return plan_stress(info_, targets, service, stack, {{"size", size}, {"share", share}},
                       size.empty()
                           ? fmt::format("a process that takes memory until {:.0f} % of the "
                                         "host's limit is in use",
                                         share * 100)
                           : fmt::format("a process that takes {} of memory", size));
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    const std::string size = reader.text_or_empty("size");
    if (!size.empty()) settings.bytes = size_parameter(info_.name, "size", size);
    settings.share = reader.number_or("share", 0.9, 0.01, 1);
    reader.done();
    return std::make_unique<MemoryStress>(settings);
  }

 private:
  spec::KindInfo info_{.name = kind_name,
                       .summary = "Other work takes the memory of a host, within its limit.",
                       .target = spec::TargetType::host,
                       .parameters = {{"size",
                                       spec::ParameterType::text,
                                       false,
                                       "",
                                       {},
                                       "Bytes to take, such as 64MiB; left out: as 'share' says."},
                                      {"share",
                                       spec::ParameterType::percent,
                                       false,
                                       "90%",
                                       {},
                                       "Share of the host's limit that is to be in use, from 1%."}},
                       .prove_variants = {},
                       .needs = {"root", "cgroup-memory"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_memory_stress() {
  return std::make_unique<MemoryStressKind>();
}

}  // namespace nospof::faults
