#include "report/samples.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/verbs.hpp"
#include "kinds/sample_file.hpp"
#include "report/report.hpp"
#include "spec/units.hpp"
#include "system/check.hpp"
#include "system/utc.hpp"
#include "verdict/by_schedule.hpp"
#include "verdict/in_lab.hpp"

namespace nospof::cli {

namespace {

constexpr int exit_no_data = 3;
constexpr Nanoseconds default_settle = std::chrono::seconds(1);

// CLOCK_MONOTONIC: from the first on, and before the second.
struct Stretch {
  std::int64_t from_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t to_ns = std::numeric_limits<std::int64_t>::max();
  bool has(const kinds::Sample& sample) const {
    return sample.scheduled_ns >= from_ns && sample.scheduled_ns < to_ns;
  }
};

std::vector<std::string> probes_of(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".bin") names.push_back(entry.path().stem());
  if (error || names.empty())
    throw Error(
        fmt::format("{}: no samples; the run ended before it measured, or this is no run's "
                    "folder, such as runs/three-tier/20261120T133956Z",
                    folder));
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> chosen_probes(const SamplesArguments& arguments,
                                       const std::string& folder) {
  std::vector<std::string> names = probes_of(folder);
  if (arguments.probe.empty()) return names;
  if (std::ranges::find(names, arguments.probe) == names.end())
    throw Error(
        fmt::format("--probe {}: {} has only {}", arguments.probe, folder, fmt::join(names, ", ")));
  return {arguments.probe};
}

std::string file_of(const std::string& folder, const std::string& probe) {
  return fmt::format("{}/{}.bin", folder, probe);
}

// Of all samples; 0 when there is none.
std::int64_t first_due(const std::vector<std::string>& paths) {
  std::optional<std::int64_t> first;
  for (const std::string& path : paths) {
    kinds::SampleFileReader reader(path);
    while (const auto sample = reader.next())
      first = std::min(first.value_or(sample->scheduled_ns), sample->scheduled_ns);
  }
  return first.value_or(0);
}

// Of the samples in `path`; `first_ns` is when the first one of all probes was due.
std::int64_t parse_moment(const char* option, const std::string& text, const std::string& path,
                          std::int64_t first_ns) {
  std::int64_t mono_ns = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, mono_ns);
  if (error == std::errc{} && rest == end) return mono_ns;
  if (const auto after = spec::parse_duration(text)) return first_ns + after->count();
  const auto wall = parse_utc(text);
  if (!wall)
    throw Error(fmt::format(
        "{} {}: expected a time after the first sample such as 10s, a UTC time such as "
        "2026-11-20T13:39:56Z, or nanoseconds of CLOCK_MONOTONIC as in the run's events",
        option, text));
  const Nanoseconds offset = kinds::SampleFileReader(path).wall_minus_mono();
  if (offset == Nanoseconds(0))
    throw Error(
        fmt::format("{} {}: {} does not tell the wall-clock time; use a time after the "
                    "first sample such as 10s",
                    option, text, path));
  return (wall->time_since_epoch() - offset).count();
}

Stretch chosen_stretch(const SamplesArguments& arguments, const std::string& path,
                       std::int64_t first_ns) {
  Stretch stretch;
  if (arguments.from) stretch.from_ns = parse_moment("--from", *arguments.from, path, first_ns);
  if (arguments.to) stretch.to_ns = parse_moment("--to", *arguments.to, path, first_ns);
  if (stretch.from_ns >= stretch.to_ns)
    throw Error(fmt::format("--from {} is not before --to {}", arguments.from.value_or(""),
                            arguments.to.value_or("")));
  return stretch;
}

// What the run itself judges by, where its events tell.
struct JudgedBy {
  Nanoseconds settle = default_settle;
  Nanoseconds clock{0};  // uncertainty of the prober's
};

JudgedBy judged_by(const std::string& run_folder, const std::string& probe) {
  JudgedBy by;
  if (!std::filesystem::exists(run_folder + "/events.ndjson")) return by;
  const verdict::RunRecord run = report::load_events(run_folder);
  if (!run.started) return by;
  by.settle = run.settle;
  for (int lab = 1; lab <= verdict::labs_of(run); ++lab)
    if (probe == (lab == 1 ? run.probe.name : fmt::format("{}-{}", run.probe.name, lab)))
      by.clock = verdict::lab_record(run, lab).clocks.worst(run.probe.from).uncertainty;
  return by;
}

struct Printed {
  std::uint64_t samples = 0;
  bool torn = false;
};

Printed print_csv(const std::string& path, const Stretch& stretch, const std::string& probe) {
  kinds::SampleFileReader reader(path);
  Printed printed;
  while (const auto sample = reader.next()) {
    if (!stretch.has(*sample)) continue;
    ++printed.samples;
    fmt::print("{}", kinds::csv_line(*sample, reader.wall_minus_mono(), probe));
  }
  printed.torn = reader.torn();
  return printed;
}

// Goes through the file twice, rather than have all of it in memory to sort it. `before`: the
// table.
Printed print_table(const std::string& path, const Stretch& stretch, const std::string& probe,
                    const JudgedBy& by, const char* before) {
  verdict::Overtaking overtaking;
  kinds::SampleFileReader first(path);
  Printed printed;
  while (const auto sample = first.next()) {
    if (!stretch.has(*sample)) continue;
    ++printed.samples;
    overtaking.add(*sample);
  }
  printed.torn = first.torn();
  if (printed.samples == 0) return printed;

  kinds::SampleFileReader second(path);
  report::SampleSummary summary(
      {probe, second.period(), second.wall_minus_mono(), by.settle, by.clock});
  verdict::BySchedule by_schedule(overtaking.most(),
                                  [&](const kinds::Sample& sample) { summary.add(sample); });
  // A run that goes on has added more meanwhile.
  for (std::uint64_t left = printed.samples; left > 0;) {
    const auto sample = second.next();
    if (!sample) break;
    if (!stretch.has(*sample)) continue;
    by_schedule.add(*sample);
    --left;
  }
  by_schedule.finish();
  fmt::print("{}{}", before, summary.table());
  return printed;
}

}  // namespace

int samples_command(const SamplesArguments& arguments) {
  // Whoever reads may have enough after some lines, as head has.
  std::signal(SIGPIPE, SIG_DFL);
  const std::string folder = arguments.run_folder + "/samples";
  const std::vector<std::string> probes = chosen_probes(arguments, folder);
  std::vector<std::string> paths;
  for (const std::string& probe : probes) paths.push_back(file_of(folder, probe));
  const std::int64_t first_ns = arguments.from || arguments.to ? first_due(paths) : 0;
  std::vector<Stretch> stretches;
  for (const std::string& path : paths)
    stretches.push_back(chosen_stretch(arguments, path, first_ns));
  if (arguments.csv) fmt::print("{}", kinds::csv_header());
  bool any = false;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Printed printed =
        arguments.csv ? print_csv(paths[i], stretches[i], probes[i])
                      : print_table(paths[i], stretches[i], probes[i],
                                    judged_by(arguments.run_folder, probes[i]), any ? "\n" : "");
    check("write to stdout", std::fflush(stdout));
    if (printed.torn)
      fmt::print(stderr,
                 "{}: the last record is torn and left out; the run was killed, or goes on\n",
                 paths[i]);
    if (printed.samples == 0)
      fmt::print(stderr, "{}: no sample{}\n", paths[i],
                 arguments.from || arguments.to ? " was due between --from and --to" : "");
    any = any || printed.samples > 0;
  }
  return any ? 0 : exit_no_data;
}

}  // namespace nospof::cli
