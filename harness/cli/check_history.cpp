#include <array>
#include <cstdio>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/verbs.hpp"
#include "history/text.hpp"
#include "spec/reader.hpp"
#include "spec/units.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

history::StaleReads parse_stale(const std::string& text) {
  if (text == "any") return history::StaleReads::any;
  if (text == "own") return history::StaleReads::own;
  if (text == "allowed") return history::StaleReads::allowed;
  throw Error(fmt::format("--stale-reads {}: expected any, own or allowed", text));
}

history::Rules rules_of(const CheckHistoryArguments& arguments) {
  history::Rules rules;
  rules.stale = parse_stale(arguments.stale_reads);
  if (arguments.max_states) rules.limits.states = *arguments.max_states;
  if (!arguments.max_memory) return rules;
  const auto size = spec::parse_size(*arguments.max_memory);
  if (!size)
    throw Error(
        fmt::format("--max-memory {}: expected a size such as 512MiB", *arguments.max_memory));
  rules.limits.bytes = size->bytes;
  return rules;
}

boost::json::object problem_json(const std::string& file, const spec::SpecError& error) {
  const spec::Problem& problem = error.problems().front();
  return {{"file", file},
          {"exit_code", 2},
          {"error", problem.message},
          {"line", problem.mark.line},
          {"column", problem.mark.column}};
}

// Bad input outranks a violation, and that an undecided history.
int worse(int a, int b) {
  constexpr std::array<int, 4> ranks{0, 2, 3, 1};  // of the exit codes 0 to 3
  return ranks.at(static_cast<std::size_t>(a)) >= ranks.at(static_cast<std::size_t>(b)) ? a : b;
}

}  // namespace

int check_history_command(const CheckHistoryArguments& arguments) {
  const history::Rules rules = rules_of(arguments);
  const history::Format format = history::parse_format(arguments.format);
  int code = 0;
  boost::json::array files;
  for (const std::string& file : arguments.files) {
    try {
      const history::History history = history::read_history(file, format);
      const history::Judgement judgement = history::judge(history, rules);
      code = worse(code, history::exit_code(judgement.verdict));
      if (arguments.json)
        files.push_back(history::judgement_json(file, history, judgement));
      else
        fmt::print("{}", history::judgement_text(file, history, judgement));
    } catch (const spec::SpecError& error) {
      // Every file gets its say, in the order given.
      std::fflush(stdout);
      fmt::print(stderr, "{}\n", error.what());
      code = 2;
      if (arguments.json) files.push_back(problem_json(file, error));
    }
  }
  if (arguments.json)
    fmt::print("{}\n", boost::json::serialize(boost::json::object{
                           {"schema", 1}, {"exit_code", code}, {"files", std::move(files)}}));
  return code;
}

}  // namespace nospof::cli
