#include "cli/cli.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/stack_verbs.hpp"
#include "cli/verbs.hpp"
#include "spec/problems.hpp"
#include "spec/reader.hpp"
#include "system/check.hpp"

namespace nospof::cli {

namespace {

// What was chosen on the command line, run after parsing.
using Verb = std::function<int()>;

constexpr const char* footer =
    "Exit codes: 0 pass; 1 a SPOF or violation was found; 2 bad input; 3 inconclusive; 4 a needed\n"
    "capability is missing; 5 healing incomplete; 130/143 interrupted and healed; 141 whoever "
    "read\n"
    "the output closed it.";

void add_files_verbs(CLI::App& app, Verb& chosen, const kinds::Registry& registry) {
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* validate = app.add_subcommand("validate", "Check topology and experiment files");
  validate->footer(done_or_bad_input);
  validate->add_option("FILE", *files)->required();
  validate->callback([&chosen, files, &registry] {
    chosen = [files, &registry] { return validate_command(*files, registry); };
  });

  auto kind = std::make_shared<std::string>("topology");
  CLI::App* schema = app.add_subcommand("schema", "Print the JSON Schema of a kind of file");
  schema->footer(done_or_bad_input);
  schema->add_option("KIND", *kind, "topology or experiment")->capture_default_str();
  schema->callback([&chosen, kind, &registry] {
    chosen = [kind, &registry] { return schema_command(*kind, registry.catalogue()); };
  });

  auto fault = std::make_shared<std::string>();
  CLI::App* faults = app.add_subcommand("faults", "List the faults, and what works here");
  faults->footer(done_or_bad_input);
  faults->add_option("KIND", *fault, "only this one");
  faults->callback([&chosen, fault, &registry] {
    chosen = [fault, &registry] { return faults_command(*fault, registry); };
  });

  auto examined = std::make_shared<std::string>();
  CLI::App* doctor =
      app.add_subcommand("doctor", "Test what this machine can do, and say what is missing");
  doctor->footer("Exit codes: 0 nothing is missing; 2 bad input; 4 something is.");
  doctor->add_option("TOPOLOGY", *examined, "also whether its services can run here");
  doctor->callback([&chosen, examined, &registry] {
    chosen = [examined, &registry] { return doctor_command(*examined, registry); };
  });

  auto run_folder = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("all");
  CLI::App* report =
      app.add_subcommand("report", "Draw a run's reports again, also of a killed run");
  report->add_option("RUN", *run_folder, "a run's folder")->required();
  report->add_option("--format", *format, "all, table, json, junit or markdown")
      ->capture_default_str();
  report->callback([&chosen, run_folder, format] {
    chosen = [run_folder, format] { return report_command(*run_folder, *format); };
  });
}

void add_samples_verb(CLI::App& app, Verb& chosen) {
  auto a = std::make_shared<SamplesArguments>();
  CLI::App* samples =
      app.add_subcommand("samples", "Show what a run's probe measured, also of a killed run");
  samples->footer("Exit codes: 0 done; 2 bad input; 3 there is no sample.");
  samples->add_option("RUN", a->run_folder, "a run's folder")->required();
  samples->add_flag("--csv", a->csv, "every sample as a line, under a header line");
  samples->add_option("--probe", a->probe,
                      "whose samples: https-2; those of all, one after the other, unless given");
  samples->add_option("--from", a->from,
                      "due from then on: after the first sample (10s), UTC "
                      "(2026-11-20T13:39:56Z), or as in the events (mono_ns)");
  samples->add_option("--to", a->to, "and due before that");
  samples->callback([&chosen, a] { chosen = [a] { return samples_command(*a); }; });
}

void add_history_verb(CLI::App& app, Verb& chosen) {
  auto a = std::make_shared<CheckHistoryArguments>();
  CLI::App* check = app.add_subcommand(
      "check-history", "Check that histories of clients are linearizable, or that no row was lost");
  check->footer(
      "Exit codes: 0 linearizable, nothing lost; 1 not; 2 a file cannot be read; 3 undecided.");
  check->add_option("FILE", a->files)->required();
  check->add_option("--format", a->format, "auto, jepsen-log, edn or json")->capture_default_str();
  check
      ->add_option(
          "--stale-reads", a->stale_reads,
          "which of a ledger are violations: any, own (of a session's own writes), allowed")
      ->capture_default_str();
  check->add_option("--max-states", a->max_states, "give up a register after so many: undecided")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 60U));
  check->add_option("--max-memory", a->max_memory, "give up a register beyond that: 1GiB");
  check->add_flag("--json", a->json, "the result for programs");
  check->callback([&chosen, a] { chosen = [a] { return check_history_command(*a); }; });
}

constexpr const char* no_observe_help =
    "only send the workload; do not watch TLS, clear text, firewalls, VIPs, alerts and "
    "acknowledged writes";

void add_run_verbs(CLI::App& app, Verb& chosen, const std::vector<std::string>& argv,
                   const kinds::Registry& registry) {
  auto prove = std::make_shared<ProveArguments>();
  prove->argv = argv;
  CLI::App* verb =
      app.add_subcommand("prove", "Break every component in turn and say whether a SPOF remains");
  verb->add_option("TOPOLOGY", prove->topology_file)->required();
  verb->add_option("--only", prove->only,
                   "cells to run, a shell pattern each time: 'db1/*', '*/process-kill'")
      ->allow_extra_args(false);
  verb->add_option("--skip", prove->skip, "cells to leave out, likewise")->allow_extra_args(false);
  verb->add_option("--plan", prove->plan, "run the cells of a plan that `nospof plan` saved");
  verb->add_flag("--list", prove->list, "print the cells and stop");
  verb->add_option("--budget", prove->budget, "largest outage that still counts as survived: 10s");
  verb->add_option("--lab", prove->lab, "use this lab, which is up, and leave it up");
  verb->add_flag("--keep-lab", prove->keep_lab, "leave the run's own lab up at the end");
  verb->add_option(
          "--labs", prove->labs,
          "labs side by side that share the cells, 1 to 16; 0: as many as there is room for")
      ->check(CLI::Range(0, 16))
      ->default_str("0");
  verb->add_option("--min-idle", prove->min_idle,
                   "percent of the CPU time: where less is idle, a cell that fails is inconclusive "
                   "and tried once more")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  verb->add_flag("--no-observe", prove->no_observe, no_observe_help);
  verb->add_flag("--confirm", prove->confirm, "faults may hit machines that are no lab");
  verb->add_option("--runs", prove->runs, "folder for runs")->capture_default_str();
  verb->add_option("--sign", prove->sign,
                   "make RUN/evidence.tar, signed with the private key in this file");
  verb->callback([&chosen, prove, &registry] {
    chosen = [prove, &registry] { return prove_command(*prove, registry); };
  });

  auto run = std::make_shared<RunArguments>();
  run->argv = argv;
  CLI::App* experiments = app.add_subcommand("run", "Run experiments");
  experiments->add_option("FILE", run->files)->required();
  experiments->add_flag("--dry-run", run->dry_run,
                        "print targets, blast radius and undo; do nothing");
  experiments->add_flag("--no-observe", run->no_observe, no_observe_help);
  experiments->add_flag("--confirm", run->confirm, "faults may hit machines that are no lab");
  experiments->add_option("--lab", run->lab, "use this lab, which is up, and leave it up");
  experiments->add_option("--runs", run->runs, "folder for runs")->capture_default_str();
  experiments->callback([&chosen, run, &registry] {
    chosen = [run, &registry] { return run_command(*run, registry); };
  });
}

void add_evidence_verbs(CLI::App& app, Verb& chosen, const kinds::Registry& registry) {
  auto prefix = std::make_shared<std::string>();
  CLI::App* keygen = app.add_subcommand("keygen", "Make a pair of keys to sign evidence with");
  keygen->footer(done_or_bad_input);
  keygen->add_option("--out", *prefix, "writes PREFIX.pem and PREFIX.pub.pem")
      ->type_name("PREFIX")
      ->required();
  keygen->callback([&chosen, prefix] { chosen = [prefix] { return keygen_command(*prefix); }; });

  auto a = std::make_shared<BundleArguments>();
  CLI::App* bundle = app.add_subcommand("bundle", "Make one file of a run that others can verify");
  bundle->footer(done_or_bad_input);
  bundle->add_option("RUN", a->run_folder, "a run's folder")->required();
  bundle->add_option("--out", a->out, "the file to make")->required();
  bundle->add_option("--sign", a->sign, "file with the private key that signs it");
  bundle->add_option("--certificate", a->certificate, "of the static analysis, to go with it");
  bundle->callback([&chosen, a] { chosen = [a] { return bundle_command(*a); }; });

  auto file = std::make_shared<std::string>();
  auto key = std::make_shared<std::string>();
  CLI::App* verify = app.add_subcommand(
      "verify", "Check a bundle's signature and files, and that its verdict follows from them");
  verify->footer("Exit codes: 0 verified; 1 not, with the reasons; 2 it cannot be read.");
  verify->add_option("BUNDLE", *file, "the file, or the folder that it was unpacked to")
      ->required();
  verify->add_option("--key", *key, "file with the signer's public key")->required();
  verify->callback([&chosen, file, key, &registry] {
    chosen = [file, key, &registry] { return verify_command(*file, *key, registry); };
  });
}

struct LabArguments {
  std::string target, name, host, service;
  std::vector<std::string> argv;
  int lines = 50;
};

void add_lab_verbs(CLI::App& app, Verb& chosen) {
  CLI::App* lab = app.add_subcommand("lab", "A topology deployed on this machine, in namespaces");
  lab->require_subcommand(1);
  auto a = std::make_shared<LabArguments>();

  CLI::App* up = lab->add_subcommand("up", "Bring a topology up");
  up->footer(
      "Exit codes: 0 it is up; 2 bad input; 3 it did not come up; 4 a needed capability is "
      "missing.");
  up->add_option("TOPOLOGY", a->target)->required();
  up->add_option("--name", a->name, "name of the lab; the topology's unless given");
  up->callback([&chosen, a] { chosen = [a] { return lab_up_command(a->target, a->name); }; });

  CLI::App* status = lab->add_subcommand("status", "Show labs, or the hosts of one");
  status->footer(done_or_bad_input);
  status->add_option("LAB", a->target, "a lab's name or its topology file");
  status->callback([&chosen, a] { chosen = [a] { return lab_status_command(a->target); }; });

  CLI::App* exec = lab->add_subcommand("exec", "Run a command on a host of a lab");
  exec->footer("Exit codes: the command's own; 2 bad input.");
  exec->add_option("LAB", a->target)->required();
  exec->add_option("HOST", a->host)->required();
  exec->add_option("COMMAND", a->argv)->required();
  exec->positionals_at_end(false);
  exec->prefix_command(false);
  exec->callback(
      [&chosen, a] { chosen = [a] { return lab_exec_command(a->target, a->host, a->argv); }; });

  CLI::App* logs = lab->add_subcommand("logs", "Show the logs of a host's daemons");
  logs->footer(done_or_bad_input);
  logs->add_option("LAB", a->target)->required();
  logs->add_option("HOST", a->host)->required();
  logs->add_option("SERVICE", a->service);
  logs->add_option("--lines", a->lines)->capture_default_str();
  logs->callback([&chosen, a] {
    chosen = [a] { return lab_logs_command(a->target, a->host, a->service, a->lines); };
  });

  CLI::App* down = lab->add_subcommand("down", "End a lab and remove everything of it");
  down->footer("Exit codes: 0 it is gone; 2 bad input; 5 something of it is left.");
  down->add_option("LAB", a->target, "a lab's name or its topology file")->required();
  down->callback([&chosen, a] { chosen = [a] { return lab_down_command(a->target); }; });

  CLI::App* keeper = app.add_subcommand("lab-keeper", "")->group("");
  keeper->add_option("FOLDER", a->target)->required();
  keeper->callback([&chosen, a] { chosen = [a] { return lab_keeper_command(a->target); }; });
}

void add_host_verbs(CLI::App& app, Verb& chosen, const kinds::Registry& registry) {
  auto lab = std::make_shared<std::string>();
  CLI::App* recover =
      app.add_subcommand("recover", "Take back whatever dead agents and labs left behind");
  recover->footer("Exit codes: 0 nothing is left behind; 2 bad input; 5 something is.");
  recover->add_option("LAB", *lab, "only this lab");
  recover->callback([&chosen, lab] { chosen = [lab] { return recover_command(*lab); }; });

  CLI::App* status =
      app.add_subcommand("status", "List what is in force on each host, and who holds it");
  status->footer(
      "Exit codes: 0 all were asked; 2 bad input; 5 one could not be asked, or is dead: run "
      "nospof recover.");
  status->add_option("LAB", *lab, "only this lab");
  status->callback([&chosen, lab] { chosen = [lab] { return status_command(*lab); }; });

  auto agent = std::make_shared<AgentArguments>();
  CLI::App* verb = app.add_subcommand("agent", "")->group("");
  verb->add_option("--host", agent->host)->required();
  verb->add_option("--journal", agent->journal)->required();
  verb->add_option("--runit", agent->runit_folder);
  verb->add_option("--cgroup", agent->cgroup_folder);
  verb->add_option("--data", agent->data_folder);
  verb->add_option("--power", agent->power_lab);
  verb->add_flag("--recover", agent->recover);
  verb->add_flag("--status", agent->status);
  verb->callback([&chosen, agent, &registry] {
    chosen = [agent, &registry] { return agent_command(*agent, registry); };
  });
  app.add_subcommand("prober", "")->group("")->callback([&chosen, &registry] {
    chosen = [&registry] { return prober_command(registry); };
  });
}

bool is_unknown_verb(const CLI::App& app, const std::string& word) {
  const auto all = app.get_subcommands(nullptr);
  return !word.empty() && word[0] != '-' &&
         std::none_of(all.begin(), all.end(),
                      [&](const CLI::App* verb) { return verb->check_name(word); });
}

int unknown_verb(const CLI::App& app, const std::string& word) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands(nullptr))
    if (!verb->get_group().empty()) verbs.push_back(verb->get_name());
  fmt::print(stderr, "nospof: there is no command {}{}\nRun nospof --help for all of them.\n",
             spec::quote(word), spec::did_you_mean(word, verbs));
  return 2;
}

}  // namespace

void refuse_own_input(const std::string& out, const std::string& in) {
  std::error_code none;
  if (!out.empty() && std::filesystem::equivalent(out, in, none))
    throw Error(fmt::format("{} is what was read; name another file to write to", out));
}

int main(int argc, char** argv, const kinds::Registry& registry) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("nospof: proves that no single point of failure remains, or shows which one does");
  app.name("nospof");
  app.footer(footer);
  app.set_version_flag("--version", std::string("nospof ") + NOSPOF_VERSION);
  app.require_subcommand(1);
  Verb chosen;
  add_run_verbs(app, chosen, {argv, argv + argc}, registry);
  add_lab_verbs(app, chosen);
  add_files_verbs(app, chosen, registry);
  add_samples_verb(app, chosen);
  add_evidence_verbs(app, chosen, registry);
  add_history_verb(app, chosen);
  add_stack_verbs(app, chosen, registry);
  add_host_verbs(app, chosen, registry);
  if (const std::string word = argc > 1 ? argv[1] : ""; is_unknown_verb(app, word))
    return unknown_verb(app, word);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return chosen();
  } catch (const spec::SpecError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  } catch (const MissingCapability& e) {
    fmt::print(stderr, "nospof: {}\n", e.what());
    return 4;
  } catch (const std::exception& e) {
    // As any program whose output goes to `head`: 128 and SIGPIPE.
    const auto* of_system = dynamic_cast<const std::system_error*>(&e);
    if (of_system != nullptr && of_system->code() == std::errc::broken_pipe) return 141;
    fmt::print(stderr, "nospof: {}\n", e.what());
    return 2;
  }
}

}  // namespace nospof::cli
