#include "system/machine_load.hpp"

#include <array>
#include <charconv>

#include "system/check.hpp"
#include "system/fd.hpp"

namespace nospof {

namespace {

// The next number, past what comes before it on the same line.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  const std::size_t begin = rest.find_first_of("0123456789\n");
  if (begin == std::string_view::npos || rest[begin] == '\n') return std::nullopt;
  rest.remove_prefix(begin);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return number;
}

std::optional<std::string> text_of(const char* path) {
  try {
    return read_file(path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<CpuTimes> parse_cpu_times(std::string_view proc_stat) {
  if (!proc_stat.starts_with("cpu ")) return std::nullopt;
  std::string_view rest = proc_stat.substr(4);
  // user, nice, system, idle, iowait, irq, softirq, steal; a guest's time is in the first two.
  std::array<std::uint64_t, 8> times{};
  for (std::uint64_t& time : times) {
    const auto number = take_number(rest);
    if (!number) return std::nullopt;
    time = *number;
  }
  CpuTimes sum;
  sum.idle = times[1] + times[3] + times[4];
  for (const std::uint64_t time : times) sum.busy += time;
  sum.busy -= sum.idle;
  return sum;
}

std::optional<std::uint64_t> parse_available_memory(std::string_view proc_meminfo) {
  constexpr std::string_view name = "MemAvailable:";
  const std::size_t place = proc_meminfo.find(name);
  if (place == std::string_view::npos) return std::nullopt;
  std::string_view rest = proc_meminfo.substr(place + name.size());
  const auto kibibytes = take_number(rest);
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<CpuTimes> cpu_times() {
  const auto text = text_of("/proc/stat");
  return text ? parse_cpu_times(*text) : std::nullopt;
}

std::optional<std::uint64_t> available_memory() {
  const auto text = text_of("/proc/meminfo");
  return text ? parse_available_memory(*text) : std::nullopt;
}

std::optional<double> idle_share(const CpuTimes& from, const CpuTimes& to) {
  // The idle time of a CPU may go back a little when the kernel corrects it.
  if (to.idle < from.idle || to.busy < from.busy) return std::nullopt;
  const double idle = static_cast<double>(to.idle - from.idle);
  const double all = idle + static_cast<double>(to.busy - from.busy);
  if (all <= 0) return std::nullopt;
  return idle / all;
}

}  // namespace nospof
