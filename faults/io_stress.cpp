#include "faults/io_stress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "faults/host_filesystem.hpp"
#include "faults/parameters.hpp"
#include "faults/size_parameter.hpp"
#include "faults/stressors.hpp"
#include "system/check.hpp"

namespace nospof::faults {

namespace {

using namespace std::chrono_literals;

constexpr const char* kind_name = "io-stress";
constexpr std::int64_t most_workers = 16;
constexpr std::size_t block_size = 256UL << 10U;
constexpr std::uint64_t largest = 1ULL << 30U;
constexpr auto least_look = 100ms;

struct Settings {
  std::string path;
  std::int64_t workers = 1;
  std::uint64_t bytes = 16ULL << 20U;  ///< of each worker's file
};

// Overwrites a file block by block and waits for the device after each: what a database does.
void write_again_and_again(const std::string& folder, std::uint64_t bytes,
                           const DriverControl& control) {
  const UniqueFd file = nameless_file(folder);
  const std::string block(block_size, 'x');
  for (std::uint64_t at = 0; !control.stopping(); at = (at + block_size) % bytes) {
    const ssize_t n = ::pwrite(file.get(), block.data(), block.size(), static_cast<off_t>(at));
    if (n < 0 || ::fdatasync(file.get()) < 0) {
      control.board().failure = errno;
      return;
    }
    control.board().amount += n;
  }
}

class IoStressInjection final : public kinds::Injection {
 public:
  IoStressInjection(Settings settings, DriverPlace place, const Clock& clock)
      : settings_(std::move(settings)), stressors_(std::move(place)), clock_(clock) {}

  std::vector<kinds::UndoRecord> undo() const override { return stressors_.undo(); }

  void inject() override {
    stressors_.start(kind_name, static_cast<std::size_t>(settings_.workers),
                     [this](const DriverControl& control) {
                       write_again_and_again(settings_.path, settings_.bytes, control);
                     });
  }

  kinds::Confirmation confirm() override {
    if (stressors_.failure() != 0)
      return {unable, SystemError("write in " + settings_.path, stressors_.failure()).what()};
    const std::size_t alive = stressors_.alive();
    if (alive < stressors_.count())
      return {unable, fmt::format("{} of {} workers have ended: {}", stressors_.count() - alive,
                                  stressors_.count(), stressors_.end())};
    const auto now = clock_.now();
    const std::int64_t written = stressors_.amount();
    if (!since_) {
      since_ = now;
      before_ = written;
      return {not_yet, "first look at what they have written"};
    }
    const auto apart = std::chrono::duration_cast<std::chrono::milliseconds>(now - *since_);
    const std::int64_t since_then = written - before_;
    const std::string evidence = fmt::format(
        "{} workers wrote {} to {} in {} ms, each block waited for", alive,
        human_size(static_cast<std::uint64_t>(since_then)), settings_.path, apart.count());
    const bool busy = since_then >= static_cast<std::int64_t>(block_size);
    return {apart >= least_look && busy ? confirmed : not_yet, evidence};
  }

  void release() override { stressors_.stop(); }

  kinds::Confirmation confirm_healed() override {
    const std::size_t alive = stressors_.alive();
    if (alive > 0) return {not_yet, fmt::format("{} workers still live", alive)};
    return {confirmed, "no worker lives; their files are gone with them"};
  }

 private:
  using enum kinds::Confirmation::Outcome;
  Settings settings_;
  Stressors stressors_;
  const Clock& clock_;
  std::optional<MonoTime> since_;
  std::int64_t before_ = 0;
};

class IoStress final : public kinds::Fault {
 public:
  explicit IoStress(Settings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<kinds::Injection> prepare(kinds::HostEnv& env) const override {
    Settings settings = settings_;
    settings.path = own_folder(kind_name, settings_.path, env);
    const std::uint64_t bytes = settings.bytes * static_cast<std::uint64_t>(settings.workers);
    const Space space = space_of(settings.path);
    if (bytes > space.free / 2)
      throw Error(
          fmt::format("{}: its files of {} would take more than half of what is free in {} "
                      "({}); to fill it use disk-fill",
                      kind_name, human_size(bytes), settings.path, human_size(space.free)));
    require_memory_behind(kind_name, settings.path, bytes);
    return std::make_unique<IoStressInjection>(std::move(settings), stressor_place(kind_name, env),
                                               clock_of(env));
  }

 private:
  Settings settings_;
};

class IoStressKind final : public kinds::FaultKind {
 public:
  const spec::KindInfo& info() const override { return info_; }

  kinds::Plan plan(const std::vector<std::string>& targets, const std::string& service,
                   const spec::Parameters& parameters,
                   const kinds::StackView& stack) const override {
    const PlanReader given(info_, parameters);
    const std::string path = given.text("path");
    const std::int64_t workers = given.integer("workers");
    const std::string size = given.text("size");
    if (workers < 1 || workers > most_workers)
      throw Error(
          fmt::format("{}: parameter 'workers' must be from 1 to {}", kind_name, most_workers));
    checked_size(size);
    return plan_stress(
        info_, targets, service, stack, {{"path", path}, {"workers", workers}, {"size", size}},
        fmt::format("{} processes that overwrite {} each, waiting for the device, in "
                    "{}",
                    workers, size, path.empty() ? "the data folder" : path));
  }

  std::unique_ptr<kinds::Fault> make(const json::object& parameters) const override {
    PlacementReader reader(info_.name, parameters);
    Settings settings;
    settings.path = reader.text_or_empty("path");
    if (!settings.path.empty() && settings.path.front() != '/')
      reader.refuse("path", "must be an absolute path");
    settings.workers = reader.integer_or("workers", 1, 1, most_workers);
    settings.bytes = checked_size(reader.text_or("size", "16MiB"));
    reader.done();
    return std::make_unique<IoStress>(std::move(settings));
  }

 private:
  static std::uint64_t checked_size(const std::string& text) {
    const std::uint64_t bytes = size_parameter(kind_name, "size", text);
    if (bytes < block_size || bytes > largest)
      throw Error(fmt::format("{}: parameter 'size' must be from 256KiB to 1GiB", kind_name));
    return bytes / block_size * block_size;
  }

  spec::KindInfo info_{
      .name = kind_name,
      .summary = "Other work keeps a file system of a host busy.",
      .target = spec::TargetType::host,
      .parameters = {{"path",
                      spec::ParameterType::text,
                      false,
                      "",
                      {},
                      "A folder on the file system that is meant; left out: the data folder."},
                     {"workers",
                      spec::ParameterType::integer,
                      false,
                      "1",
                      {},
                      "Number of processes that write, at most 16."},
                     {"size",
                      spec::ParameterType::text,
                      false,
                      "16MiB",
                      {},
                      "Size of the file that each of them overwrites, from 256KiB to 1GiB."}},
      .prove_variants = {},
      .needs = {"root", "cgroup2"}};
};

}  // namespace

std::unique_ptr<kinds::FaultKind> make_io_stress() {
  return std::make_unique<IoStressKind>();
}

}  // namespace nospof::faults
