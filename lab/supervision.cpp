#include "lab/supervision.hpp"

#include <fmt/format.h>

#include "lab/accounts.hpp"
#include "system/check.hpp"
#include "system/process.hpp"

namespace nospof::lab {

namespace {

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
cd / || exit 1
cgroup={cgroup}
[ -d "$cgroup" ] || mkdir -p "$cgroup" || exit 1
echo 0 >"$cgroup/cgroup.procs" || exit 1
)",
                  fmt::arg("log", shell_quote(log_file)), fmt::arg("cgroup", shell_quote(cgroup)));
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
    decision = fmt::format(R"(case $end in
  {restarted})
    say "restarts in {delay} s"
    sleep {delay}
    exit 0 ;;
esac
)",
                           fmt::arg("restarted", restarted),
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
case $code in
  -1) case $signal in 1|2|13|15) end=clean ;; *) end=signal ;; esac ;;
  0) end=clean ;;
  *) end=code ;;
esac
if anyone_left; then
  signal_rest {stop}
  signal_rest CONT
  if ! wait_for_rest '0.01 0.01 0.02 0.02 0.05 0.05 0.1 0.2 0.5 0.5 0.5 1 1 1'; then
    echo 1 >"$cgroup/cgroup.kill"
    wait_for_rest '0.01 0.05 0.1 0.2 0.5 1 2' || say 'some of its processes cannot be killed'
  fi
fi
wanted_down() {{
  read -r state <supervise/stat
  case $state in *'want down'*) return 0 ;; esac
  return 1
}}
wanted_down && exit 0
{decision}say 'stays down'
# Not before runsv knows may this script end: it would start the service again.
printf d >supervise/control
for pause in 0.01 0.01 0.02 0.05 0.1 0.2 0.5 1 1 1; do
  wanted_down && exit 0
  sleep "$pause"
done
)",
      fmt::arg("log", shell_quote(log_file)), fmt::arg("cgroup", shell_quote(cgroup)),
      fmt::arg("name", shell_quote("[nospof] " + service.name)),
      fmt::arg("stop", stop_signal_name(service)), fmt::arg("decision", decision));
}

std::string stop_script(const ServicePlan& service) {
  return fmt::format(R"(#!/bin/sh
read -r pid <supervise/pid && kill -s {} "$pid"
)",
                     stop_signal_name(service));
}

}  // namespace nospof::lab
