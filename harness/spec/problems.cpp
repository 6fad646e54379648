#include "spec/problems.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace nospof::spec {

namespace {

std::string all_lines(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.text();
  }
  return text;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts, case aside.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  const std::size_t width = right.size() + 1;
  std::vector<std::size_t> before(width);
  std::vector<std::size_t> above(width);
  std::vector<std::size_t> row(width);
  for (std::size_t j = 0; j < width; ++j) above[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j < width; ++j) {
      const char a = lower(left[i - 1]);
      const char b = lower(right[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a == b ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && a == lower(right[j - 2]) && lower(left[i - 2]) == b;
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[right.size()];
}

}  // namespace

std::string Problem::text() const {
  if (mark.line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, mark.line, mark.column, message);
}

SpecError::SpecError(std::vector<Problem> problems)
    : Error(all_lines(problems)), problems_(std::move(problems)) {}

void Problems::add(const std::string& file, Mark mark, std::string message) {
  const auto same = [&](const Problem& known) {
    return known.file == file && known.mark.line == mark.line && known.mark.column == mark.column &&
           known.message == message;
  };
  if (std::ranges::any_of(problems_, same)) return;
  if (problems_.size() < most) {
    problems_.push_back({file, mark, std::move(message)});
  } else {
    ++left_out_;
  }
}

void Problems::raise() const {
  if (problems_.empty()) return;
  std::vector<std::string> files;
  for (const Problem& problem : problems_) {
    if (std::ranges::find(files, problem.file) == files.end()) files.push_back(problem.file);
  }
  const auto place = [&](const Problem& problem) {
    return std::tuple(std::ranges::find(files, problem.file), problem.mark.line,
                      problem.mark.column);
  };
  std::vector<Problem> sorted = problems_;
  std::ranges::stable_sort(sorted, {}, place);
  if (left_out_ > 0) {
    sorted.push_back({files.front(), {}, fmt::format("{} more problems not shown", left_out_)});
  }
  throw SpecError(std::move(sorted));
}

std::string quote(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string result = "'";
  std::size_t used = 0;
  for (; used < text.size() && used < longest; ++used) {
    const auto byte = static_cast<unsigned char>(text[used]);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += text[used];
    }
  }
  // A character of several bytes must not be cut in two.
  if (used < text.size()) {
    while (used < text.size() && (static_cast<unsigned char>(text[used]) & 0xc0) == 0x80) {
      result += text[used++];
    }
    if (used < text.size()) result += "...";
  }
  return result + "'";
}

std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 64;
  if (found.empty() || found.size() > longest) return {};
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest) continue;
    const std::size_t distance = edit_distance(found, candidate);
    const std::size_t near = std::max<std::size_t>(1, std::max(found.size(), candidate.size()) / 3);
    if (distance > near || distance >= candidate.size()) continue;
    if (nearest == nullptr || distance < least) {
      nearest = &candidate;
      least = distance;
    }
  }
  return nearest == nullptr ? std::string() : "; did you mean " + quote(*nearest) + "?";
}

std::string either(const std::vector<std::string>& items) {
  if (items.empty()) return "none";
  std::string text = items.front();
  for (std::size_t i = 1; i < items.size(); ++i) {
    text += (i + 1 == items.size() ? " or " : ", ") + items[i];
  }
  return text;
}

}  // namespace nospof::spec
