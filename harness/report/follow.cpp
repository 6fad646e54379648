#include "report/follow.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "kinds/sample_file.hpp"
#include "report/events.hpp"
#include "report/histories.hpp"
#include "report/report.hpp"
#include "system/check.hpp"
#include "system/fd.hpp"
#include "verdict/clocks.hpp"

namespace nospof::report {

namespace {

std::string read_from(const std::string& path, std::int64_t offset) {
  const UniqueFd file = open_file(path, O_RDONLY);
  std::string text;
  std::string block(std::size_t{1} << 20U, '\0');
  for (;;) {
    const ssize_t n =
        check("read " + path, ::pread(file.get(), block.data(), block.size(),
                                      offset + static_cast<std::int64_t>(text.size())));
    if (n == 0) return text;
    text.append(block, 0, static_cast<std::size_t>(n));
  }
}

void read_samples(const std::string& run_folder, const std::string& file, verdict::LabRecord& lab,
                  std::vector<std::string>& damage) {
  const std::string path = fmt::format("{}/samples/{}", run_folder, file);
  if (!std::filesystem::exists(path)) return;
  try {
    kinds::SampleFile read = kinds::read_sample_file(path);
    lab.samples = std::move(read.samples);
    if (read.torn) damage.push_back(fmt::format("samples/{}: the last record is torn", file));
  } catch (const Error& e) {
    damage.push_back(e.what());
  }
}

}  // namespace

RunFollower::RunFollower(std::string run_folder) : folder_(std::move(run_folder)) {}

verdict::RunRecord RunFollower::events() {
  const std::string path = folder_ + "/events.ndjson";
  if (!std::filesystem::exists(path))
    throw Error(
        fmt::format("{}: no events.ndjson; this is no run's folder, such as "
                    "runs/three-tier/20261120T133956Z",
                    folder_));
  const std::string text = read_from(path, read_);
  const std::size_t whole = text.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view lines = std::string_view(text).substr(0, whole);
  take_events(lines, lines_ + 1, path, run_);
  read_ += static_cast<std::int64_t>(whole);
  lines_ += static_cast<int>(std::ranges::count(lines, '\n'));
  verdict::RunRecord run = run_;
  if (whole < text.size())
    run.damage.push_back(fmt::format("events.ndjson:{}: the last line is torn", lines_ + 1));
  verdict::map_event_times(run);
  return run;
}

verdict::RunRecord RunFollower::record() {
  verdict::RunRecord run = events();
  if (!run.started || run.probe.name.empty()) return run;
  read_samples(folder_, run.probe.name + ".bin", run, run.damage);
  for (std::size_t i = 0; i < run.other_labs.size(); ++i)
    read_samples(folder_, fmt::format("{}-{}.bin", run.probe.name, i + 2), run.other_labs[i],
                 run.damage);
  verdict::map_sample_times(run);
  return run;
}

verdict::RunRecord load_events(const std::string& run_folder) {
  return RunFollower(run_folder).events();
}

verdict::RunRecord load_without_histories(const std::string& run_folder) {
  return RunFollower(run_folder).record();
}

verdict::RunRecord load_run(const std::string& run_folder) {
  verdict::RunRecord run = load_without_histories(run_folder);
  load_histories(run_folder, run);
  return run;
}

}  // namespace nospof::report
