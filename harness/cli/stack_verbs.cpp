#include "cli/stack_verbs.hpp"

#include <CLI/CLI.hpp>

#include "cli/analyze.hpp"
#include "cli/verbs.hpp"

namespace nospof::cli {

namespace {

void add_analyze_verb(CLI::App& app, std::function<int()>& chosen) {
  auto a = std::make_shared<AnalyzeArguments>();
  CLI::App* analyze = app.add_subcommand(
      "analyze", "Find what fails together: of a topology, or of a fault tree in a file");
  analyze->footer(
      "Exit codes: 0 no error was found; 1 one was, such as a single point of failure; 2 bad "
      "input;\n"
      "3 undecided, or a fault tree without minimal cut sets.");
  analyze->add_option("TOPOLOGY", a->topology_file, "a topology");
  analyze->add_option("--mef", a->mef_file, "instead: a fault tree in the Open-PSA format");
  analyze->add_option("--top", a->top, "which gate of it; the one that no other uses unless given");
  analyze->add_option("--order", a->order, "of a fault tree: cut sets of so many events at most")
      ->default_str("2")
      ->check(CLI::Range(1, 100));
  analyze->add_option("--list", a->listed, "cut sets of an order that are written out")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000'000}));
  analyze->add_flag("--count", a->count, "of a fault tree: also how many there are of any order");
  analyze->add_option("--certificate", a->certificate_file,
                      "write one there: path sets that anybody can check");
  analyze->add_flag("--json", a->json, "the result for programs");
  analyze->add_flag("--sarif", a->sarif, "findings with their lines, as SARIF 2.1.0");
  analyze->add_flag("--dot", a->dot, "draw the tree for Graphviz instead");
  analyze->add_flag("--mermaid", a->mermaid, "draw the tree for Mermaid instead");
  analyze->add_option("--function", a->function,
                      "whose tree of a topology is drawn, written or certified; the first one's");
  analyze->add_option("--mef-out", a->mef_out, "write that tree there, in the Open-PSA format");
  analyze->callback([&chosen, a] { chosen = [a] { return analyze_command(*a); }; });
}

}  // namespace

void add_stack_verbs(CLI::App& app, std::function<int()>& chosen, const kinds::Registry& registry) {
  add_analyze_verb(app, chosen);

  auto p = std::make_shared<PlanArguments>();
  CLI::App* plan = app.add_subcommand(
      "plan", "The cells of a proof: what is expected of each, and how long it takes");
  plan->footer(done_or_bad_input);
  plan->add_option("TOPOLOGY", p->topology_file)->required();
  plan->add_option("--out", p->out, "save it, for `nospof prove --plan`");
  plan->add_flag("--json", p->json, "the plan for programs");
  plan->callback(
      [&chosen, p, &registry] { chosen = [p, &registry] { return plan_command(*p, registry); }; });

  auto c = std::make_shared<CompareArguments>();
  CLI::App* compare =
      app.add_subcommand("compare", "What redundancy costs and buys: two topologies side by side");
  compare->footer(done_or_bad_input);
  compare->add_option("A", c->a, "a topology")->required();
  compare->add_option("B", c->b, "another one")->required();
  compare->add_option("--years", c->years, "what is paid once is spread over so many")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 100.0));
  compare->add_flag("--json", c->json, "the result for programs");
  compare->callback([&chosen, c] { chosen = [c] { return compare_command(*c); }; });

  auto i = std::make_shared<ImportArguments>();
  CLI::App* skeleton = app.add_subcommand(
      "import", "Make the skeleton of a topology from what describes a stack elsewhere");
  skeleton->footer(done_or_bad_input);
  skeleton->add_option("FILE", i->file)->required();
  skeleton->add_option("--from", i->from, "compose, ansible or containerlab")->required();
  skeleton->add_option("--out", i->out, "write it there; a file that exists is left alone");
  skeleton->callback([&chosen, i] { chosen = [i] { return import_command(*i); }; });
}

}  // namespace nospof::cli
