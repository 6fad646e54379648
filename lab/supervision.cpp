#include "lab/supervision.hpp"

#include <fmt/format.h>

#include "lab/accounts.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::lab {

namespace {

using namespace std::chrono_literals;

constexpr const char* search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string quote_all(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + shell_quote(word);
  return text;
}

// "env -i PATH=... 'NAME=value' ...": a daemon sees what systemd would give it, nothing of ours;
// not even the signals that whoever started us ignores.
std::string clean_environment(const ServicePlan& service, const Account& account) {
  std::map<std::string, std::string> variables{{"PATH", search_path},
                                               {"HOME", account.home},
                                               {"USER", account.name},
                                               {"LOGNAME", account.name},
                                               {"LANG", "C"}};
  for (const auto& [name, value] : service.environment) variables[name] = value;
  std::string text = "env -i --default-signal";
  for (const auto& [name, value] : variables) text += " " + shell_quote(name + "=" + value);
  return text;
}

// By number, with all groups of the user, as systemd does it; chpst alone would drop the others.
std::string user_option(const Account& account) {
  if (account.uid == 0) return {};
  std::string text = fmt::format(" -u :{}:{}", account.uid, account.gid);
  for (const gid_t group : account.groups)
    if (group != account.gid) text += fmt::format(":{}", group);
  return text;
}

// Which ends are followed by a restart: systemd.service(5), table of Restart=.
const char* restarted_ends(spec::RestartPolicy policy) {
  switch (policy) {
    case spec::RestartPolicy::no:
      return "";
    case spec::RestartPolicy::on_failure:
      return "code|signal";
    case spec::RestartPolicy::on_abnormal:
    case spec::RestartPolicy::on_abort:
      // They differ in time-outs and watchdogs only, which runit does not have.
      return "signal";
    case spec::RestartPolicy::always:
      return "clean|code|signal";
  }
  throw Error("unknown restart policy");
}

// The name as /bin/sh's kill takes it.
std::string stop_signal_name(const ServicePlan& service) {
  const auto number = signal_number(service.stop_signal);
  if (!number)
    throw Error(fmt::format("service '{}': stop signal '{}' is unknown", service.name,
                            service.stop_signal));
  return signal_name(*number);
}

std::string seconds(spec::Duration duration) {
  return fmt::format("{:.3f}", std::chrono::duration<double>(duration).count());
}

// What the finish script does to the processes that the main one left behind.
std::string ending_of_rest(const ServicePlan& service) {
  constexpr const char* kill_rest = R"(echo 1 >"$cgroup/cgroup.kill"
    wait_for_rest '0.01 0.05 0.1 0.2 0.5 1 2' || say 'some of its processes cannot be killed'
)";
  switch (service.kill_mode) {
    case spec::KillMode::process:
      return {};
    case spec::KillMode::mixed:
      return fmt::format("if anyone_left; then\n    {}fi\n", kill_rest);
    case spec::KillMode::control_group:
      break;
  }
  return fmt::format(R"(if anyone_left; then
  signal_rest {}
  signal_rest CONT
  if ! wait_for_rest '0.01 0.01 0.02 0.02 0.05 0.05 0.1 0.2 0.5 0.5 0.5 1 1 1'; then
    {}  fi
fi
)",
                     stop_signal_name(service), kill_rest);
}

bool has_start_limit(const ServicePlan& service) {
  return service.start_limit_burst > 0 && service.start_limit_interval >= 10ms;
}

constexpr const char* note_start = R"(read -r up _ </proc/uptime
echo "${up%.*}${up#*.}" >>starts
)";

// The run script notes each start; those within the interval count, in hundredths of a second.
std::string start_limit(const ServicePlan& service) {
  const auto interval =
      std::chrono::duration_cast<std::chrono::milliseconds>(service.start_limit_interval) / 10;
  if (!has_start_limit(service)) return {};
  return fmt::format(R"sh(recent=0
    while read -r at; do
      [ "$((now - at))" -ge {interval} ] || recent=$((recent + 1))
    done <starts
    if [ "$recent" -ge {burst} ]; then
      stay_down 'started {burst} times within {seconds} s: stays down'
    fi
    )sh",
                     fmt::arg("interval", interval.count()),
                     fmt::arg("burst", service.start_limit_burst),
                     fmt::arg("seconds", seconds(service.start_limit_interval)));
}

}  // namespace

std::string shell_quote(const std::string& word) {
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'')
      text += "'\\''";
    else
      text += c;
  }
  return text + "'";
}

std::string run_script(const ServicePlan& service, const std::string& log_file,
                       const std::string& cgroup) {
  const Account account = find_account(service.user);
  const Account root = find_account("root");
  std::string text =
      fmt::format(R"(#!/bin/sh
exec </dev/null >>{log} 2>&1
umask 022
ulimit -S -c 0
{note_start}cd / || exit 1
cgroup={cgroup}
[ -d "$cgroup" ] || mkdir -p "$cgroup" || exit 1
echo 0 >"$cgroup/cgroup.procs" || exit 1
)",
                  fmt::arg("log", shell_quote(log_file)), fmt::arg("cgroup", shell_quote(cgroup)),
                  fmt::arg("note_start", has_start_limit(service) ? note_start : ""));
  for (const auto& words : service.prepare)
    text += fmt::format(
        "{} chpst -- {} || {{ code=$?; echo {}\"$code\"; exit \"$code\"; }}\n",
        clean_environment(service, root), quote_all(words),
        shell_quote(fmt::format("[nospof] {}: '{}' before the start failed with exit code ",
                                service.name, words.empty() ? "" : words.front())));
  // -P: a session of its own, so that a daemon that signals its process group does not hit runsv.
  text += fmt::format("exec {} chpst -P{} -- {}\n", clean_environment(service, account),
                      user_option(account), quote_all(service.command));
  return text;
}

std::string finish_script(const ServicePlan& service, const std::string& log_file,
                          const std::string& cgroup) {
  const std::string restarted = restarted_ends(service.restart);
  std::string decision;
  if (!restarted.empty())
    decision =
        fmt::format(R"(case $end in
  {restarted})
    {limit}say "restarts in {delay} s"
    true >restarting
    sleep {delay}
    rm -f restarting
    exit 0 ;;
esac
)",
                    fmt::arg("restarted", restarted), fmt::arg("limit", start_limit(service)),
                    fmt::arg("delay", seconds(service.restart_delay)));
  return fmt::format(
      R"(#!/bin/sh
# $1: exit code of the main process, -1 when a signal ended it; $2: that signal.
exec </dev/null >>{log} 2>&1
cgroup={cgroup}
say() {{ echo {name}": main process ended (exit code $code, signal $signal): $1"; }}
anyone_left() {{ [ -e "$cgroup/cgroup.procs" ] && read -r pid <"$cgroup/cgroup.procs"; }}
signal_rest() {{
  while read -r pid; do kill -s "$1" "$pid" 2>/dev/null; done <"$cgroup/cgroup.procs"
}}
wait_for_rest() {{
  for pause in $1; do
    anyone_left || return 0
    sleep "$pause"
  done
  ! anyone_left
}}
code=$1
signal=$2
rm -f restarting
case $code in
  -1) case $signal in 1|2|13|15) end=clean ;; *) end=signal ;; esac ;;
  0) end=clean ;;
  *) end=code ;;
esac
read -r up _ </proc/uptime
now=${{up%.*}}${{up#*.}}
{ending}wanted_down() {{
  read -r state <supervise/stat
  case $state in *'want down'*) return 0 ;; esac
  return 1
}}
# Not before runsv knows may this script end: it would start the service again.
stay_down() {{
  rm -f starts
  say "$1"
  printf d >supervise/control
  for pause in 0.01 0.01 0.02 0.05 0.1 0.2 0.5 1 1 1; do
    wanted_down && exit 0
    sleep "$pause"
  done
  exit 0
}}
wanted_down && exit 0
{decision}stay_down 'stays down'
)",
      fmt::arg("log", shell_quote(log_file)), fmt::arg("cgroup", shell_quote(cgroup)),
      fmt::arg("name", shell_quote("[nospof] " + service.name)),
      fmt::arg("ending", ending_of_rest(service)), fmt::arg("decision", decision));
}

std::string stop_script(const ServicePlan& service) {
  return fmt::format(R"(#!/bin/sh
read -r pid <supervise/pid && kill -s {} "$pid"
)",
                     stop_signal_name(service));
}

}  // namespace nospof::lab
