#include "faults/disk_fill.hpp"

#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "faults/driver.hpp"
#include "faults/host_filesystem.hpp"
#include "faults/parameters.hpp"
#include "faults/size_parameter.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "disk-fill";
constexpr std::int64_t largest_step = 64LL << 20U;
constexpr std::int64_t smallest_step = 4096;
// What others free is taken again that soon.
constexpr auto refill_every = 20ms;
// File systems count in blocks and keep a little for themselves.
constexpr std::uint64_t slack = 1ULL << 20U;

// Takes all but `leave` bytes, in steps that get smaller as it gets full.
void fill(int file, const std::string& folder, std::uint64_t leave, DriverBoard& board) {
  std::int64_t step = largest_step;
  while (step >= smallest_step) {
    const std::int64_t size = board.amount;
    if (leave > 0) {
      const std::uint64_t free = space_of(folder).free;
      const std::int64_t spare = static_cast<std::int64_t>(free) - static_cast<std::int64_t>(leave);
      if (spare < step) {
        step /= 2;
        continue;
      }
    }
    if (::fallocate(file, 0, size, step) == 0) {
      board.amount = size + step;
    } else if (errno == ENOSPC || errno == EDQUOT) {
      step /= 2;
    } else if (errno != EINTR) {
      board.failure = errno;
      return;
    }
  }
  board.rounds += 1;
}

// Whether a file of 64 KiB can't be written.
bool is_full(const std::string& folder) {
  constexpr std::size_t size = 65536;
  static const std::array<char, size> block{};
  const UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return errno == ENOSPC || errno == EDQUOT;
  const ssize_t n = ::write(file.get(), block.data(), block.size());
  return n < 0 ? errno == ENOSPC || errno == EDQUOT : static_cast<std::size_t>(n) < size;
}

class DiskFillInjection final : public kinds::Injection {
 public:
  DiskFillInjection(std::string folder, std::uint64_t leave, Space before)
      : folder_(std::move(folder)), leave_(leave), before_(before) {}

  // The kernel frees the space with the driver, and the driver dies with the agent.
  std::vector<kinds::UndoRecord> undo() const override { return {}; }

  void inject() override {
    if (driver_.started()) throw Error(fmt::format("{}: is in force already", kind_name));
    driver_ = Driver({}, false, [this](const DriverControl& control) {
      const UniqueFd file = nameless_file(folder_);
      while (control.board().failure == 0) {
        fill(file.get(), folder_, leave_, control.board());
        control.sleep(refill_every);
      }
    });
  }

  kinds::Confirmation confirm() override {
    const DriverBoard& board = driver_.board();
    if (board.failure != 0)
      return {unable, SystemError("allocate space in " + folder_, board.failure).what()};
    if (!driver_.alive())
      return {unable, fmt::format("what fills {} has ended: {}", folder_, driver_.end())};
    const Space now = space_of(folder_);
    const std::string evidence =
        fmt::format("{} of {} in {} left, {} taken", human_size(now.free), human_size(now.size),
                    folder_, human_size(static_cast<std::uint64_t>(board.amount.load())));
    if (board.rounds == 0 || now.free > leave_ + slack) return {not_yet, evidence};
    if (leave_ > 0) return {confirmed, evidence};
    if (!is_full(folder_)) return {not_yet, evidence + "; 64 KiB could still be written"};
    return {confirmed, evidence + "; 64 KiB could not be written"};
  }

  void release() override {
    if (driver_.started()) taken_ = static_cast<std::uint64_t>(driver_.board().amount.load());
    driver_.stop();
  }

  // Others may have used what became free: half of it must still be there.
  kinds::Confirmation confirm_healed() override {
    if (driver_.alive()) return {not_yet, fmt::format("{} is still being filled", folder_)};
    const Space now = space_of(folder_);
    const std::string evidence =
        fmt::format("{} of {} in {} free, before {}; {} given back", human_size(now.free),
                    human_size(now.size), folder_, human_size(before_.free), human_size(taken_));
    return {now.free >= taken_ / 2 ? confirmed : not_yet, evidence};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  std::string folder_;
  std::uint64_t leave_;
  Space before_;
  std::uint64_t taken_ = 0;
  Driver driver_;
};

class DiskFill final : public kinds::Fault {
 public:
  DiskFill(std::string path, std::uint64_t leave) : path_(std::move(path)), leave_(leave) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    std::string folder = own_folder(kind_name, path_, env);
    const Space before = space_of(folder);
    if (before.free <= leave_ + slack)
      throw Error(fmt::format("{}: {} on host '{}' has only {} left already", kind_name, folder,
                              env.host, human_size(before.free)));
    require_memory_behind(kind_name, folder, before.free - leave_);
    return std::make_unique<DiskFillInjection>(std::move(folder), leave_, before);
  }

 private:
  std::string path_;
  std::uint64_t leave_;
};

class DiskFillKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    refuse_service(info_, service);
    const PlanReader given(info_, parameters);
    const std::string path = given.text("path");
    const std::string leave = given.text("leave");
    const std::uint64_t bytes = size_parameter(info_.name, "leave", leave);
    kinds::Plan plan;
    for (const kinds::StackHost* host : resolve_targets(info_, targets, stack)) {
      kinds::Placement placement;
      placement.host = host->name;
      placement.parameters = {{"path", path}, {"leave", leave}};
      placement.effect = fmt::format(
          "fills {} of {}{}", path.empty() ? "the file system of the data folder" : path,
          host->name, bytes == 0 ? " completely" : fmt::format(" but for {}", leave));
      placement.undo = "the kernel frees the space when the agent lets go of it";
      plan.placements.push_back(std::move(placement));
      plan.blast_radius.push_back(host->name);
    }
    // A large file system in memory takes a while to be filled.
    plan.confirm_within = 5s;
    return plan;
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    std::string path = reader.text_or_empty("path");
    const std::uint64_t leave = size_parameter(info_.name, "leave", reader.text_or("leave", "0B"));
    if (!path.empty() && path.front() != '/') reader.refuse("path", "must be an absolute path");
    reader.done();
    return std::make_unique<DiskFill>(std::move(path), leave);
  }

 private:
  spec::KindInfo info_{
      .name = kind_name,
      .summary = "A file system of a host gets full.",
      .target = spec::TargetType::host,
      .parameters = {{"path",
                      spec::ParameterType::text,
                      false,
                      "",
                      {},
                      "A folder on the file system that is meant; left out: the data folder."},
                     {"leave",
                      spec::ParameterType::text,
                      false,
                      "0B",
                      {},
                      "Bytes that stay free, such as 10MiB."}},
      .prove_variants = {spec::ProveVariant{}},
      .needs = {"root", "temporary-file"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_disk_fill() {
  return std::make_unique<DiskFillKind>();
}

}  // namespace nospof::faults
