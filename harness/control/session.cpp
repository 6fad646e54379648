#include "control/session.hpp"

#include <algorithm>
#include <random>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "control/campaign.hpp"
#include "control/parallel.hpp"
#include "spec/pattern.hpp"
#include "system/check.hpp"
#include "system/tls_shown.hpp"

namespace nospof::control {

namespace {
using namespace std::chrono_literals;

// A lease outlives a short stall of the controller, and still ends well within the 5 s after its
// death.
constexpr auto lease_ttl = 3000ms;
constexpr auto lease_every = 500ms;
constexpr auto default_deadline = 5000ms;
// Who is asked for the time.
const std::string agent_process = "agent";
const std::string prober_process = "prober";

bool is_template(const std::string& word) {
  return word.find("{{") != std::string::npos || word.find("{%") != std::string::npos;
}

std::vector<ProbeOrder> one_order(const std::string& kind, json::object config) {
  std::vector<ProbeOrder> orders;
  orders.push_back({kind, kind, std::move(config)});
  return orders;
}

// For people: a page of statistics in a line of its own tells them nothing.
std::string first_line(const std::string& text) {
  constexpr std::size_t enough = 100;
  const std::string line = text.substr(0, text.find('\n'));
  if (line.size() <= enough) return line;
  std::size_t end = enough;
  const auto goes_on = [&] { return (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80U; };
  while (end > 0 && goes_on()) --end;  // no character of UTF-8 in two
  return line.substr(0, end) + "...";
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// 16 hexadecimal digits.
std::string random_marker() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}
}  // namespace

Session::Session(asio::io_context& context, Interruption& interruption, lab::Lab& lab,
                 Recorder& recorder, const Clock& clock)
    : context_(context),
      interruption_(interruption),
      lab_(lab),
      recorder_(recorder),
      clock_(clock),
      clocks_(recorder, clock),
      transport_(hosts::lab_transport(lab)),
      marker_(random_marker()) {}

Session::~Session() = default;

asio::awaitable<void> Session::open(const spec::Workload& workload, Nanoseconds settle,
                                    bool observe) {
  // Rendering starts a process per host: done now, never while a fault is in force.
  for (const spec::Role& role : topology().roles)
    for (const std::string& host : role.among) words(host, role.check.exec);
  for (const spec::RedundancyCheck& check : topology().redundancy)
    for (const std::string& host : check.on) words(host, check.check.exec);
  stack();  // and the commands that reload services

  std::vector<asio::awaitable<void>> starts;
  const auto connect = [this](std::string host) -> asio::awaitable<void> { co_await agent(host); };
  starts.push_back(connect(hosts::power_host));
  for (const spec::Host& host : topology().hosts) starts.push_back(connect(host.name));
  co_await in_parallel(context_, std::move(starts));

  const Nanoseconds period(static_cast<std::int64_t>(1e9 / workload.rate.per_second));
  live_ = std::make_unique<verdict::LiveView>(period.count(), settle.count());
  recorder_.open_samples(period);
  ProberEvents events;
  prober_host_ = workload.from;
  events.samples = [this](const std::string&, const std::vector<kinds::Sample>& samples) {
    take_samples(samples);
  };
  events.lateness = [this](const std::string&, std::int64_t worst_ns) {
    recorder_.event("lateness", {{"worst_ns", worst_ns}});
  };
  prober_ = std::make_unique<ProberClient>(context_, transport_->start(workload.from, {"prober"}),
                                           workload.from, std::move(events));
  co_await prober_->start(one_order("https", prober_config(workload)), true);
  co_await read_prober_clock();
  if (observe) co_await start_observers();
}

// Recorded as they were timed; looked at live on this machine's clock.
void Session::take_samples(const std::vector<kinds::Sample>& samples) {
  for (kinds::Sample sample : samples) {
    recorder_.add_sample(sample);
    for (std::int64_t* at_ns : {&sample.scheduled_ns, &sample.started_ns, &sample.finished_ns})
      *at_ns = clocks_.to_own(prober_host_, *at_ns);
    live_->add(sample);
  }
  recorder_.flush_samples();
}

asio::awaitable<void> Session::read_prober_clock() {
  ProberClient* prober = prober_.get();
  const ClockBook::Ask ask = [prober](std::chrono::milliseconds within) {
    return prober->clock(within);
  };
  co_await clocks_.read(prober_host_, prober_process, ask);
}

asio::awaitable<void> Session::read_clocks() {
  std::vector<std::string> others;
  for (const auto& [host, client] : agents_)
    if (!clocks_.is_own(host)) others.push_back(host);
  for (const std::string& host : others) {
    // Agents that are gone are kept until the session ends: asking one that just went is safe.
    const auto found = agents_.find(host);
    if (found != agents_.end() && !found->second->gone()) co_await read_clock(host, *found->second);
  }
  if (prober_ && prober_failure().empty() && !clocks_.is_own(prober_host_))
    co_await read_prober_clock();
}

asio::awaitable<void> Session::read_clock(const std::string& host, hosts::AgentClient& agent) {
  const ClockBook::Ask ask = [&agent](std::chrono::milliseconds within) {
    return agent.request("clock", {}, within);
  };
  co_await clocks_.read(host, agent_process, ask);
}

asio::awaitable<void> Session::start_observers() {
  Deployment deployment;
  deployment.marker = marker_;
  deployment.authority_file = [this](const std::string& authority) {
    return lab_.authority_file(authority);
  };
  deployment.certificate = [this](const std::string& host, const std::string& service) {
    const lab::HostLayout paths = lab_.host_layout(host);
    const std::string file = paths.certificate(service);
    return DeployedCertificate{file, paths.key(service),
                               certificate_of_pem(read_file(file), file).key};
  };
  const std::vector<Observer> observers = observers_of(topology(), deployment);
  json::array list;
  for (const Observer& observer : observers)
    list.push_back(
        {{"probe", observer.probe.name}, {"kind", observer.probe.kind}, {"host", observer.host}});
  recorder_.event("observers", {{"observers", std::move(list)}});
  observers_ =
      std::make_unique<ObserverTeam>(context_, interruption_, *transport_, recorder_, clocks_);
  co_await observers_->start(observers);
}

json::object Session::prober_config(const spec::Workload& workload) const {
  json::object config{
      {"url", workload.url},
      {"authority_file", lab_.authority_file(workload.authority)},
      {"rate_per_second", workload.rate.per_second},
      {"connection", workload.connection == spec::ConnectionMode::fresh ? "fresh" : "keep-alive"},
      {"timeout_ns", workload.timeout.count()},
      {"slow_ns", workload.slow.count()},
      {"expect_status", workload.expect_status},
      {"expect_body", workload.expect_body},
      {"marker", marker_},
  };
  if (const spec::Vip* vip = topology().find_vip(workload.vip)) config["address"] = vip->address;
  return config;
}

asio::awaitable<std::vector<std::string>> Session::close() {
  std::vector<std::string> problems;
  if (observers_) co_await observers_->stop();
  observers_.reset();
  if (prober_) co_await prober_->stop(500ms);
  prober_.reset();
  std::vector<asio::awaitable<void>> ends;
  const auto end = [&problems](hosts::AgentClient& client,
                               std::string host) -> asio::awaitable<void> {
    try {
      co_await client.close();
      if (client.exit_code() != 0)
        problems.push_back(
            fmt::format("{}: the agent ended with {} instead of 0", host, client.exit_code()));
    } catch (const std::exception& e) {
      problems.push_back(fmt::format("{}: {}", host, e.what()));
    }
  };
  for (auto& [host, client] : agents_)
    if (!client->gone()) ends.push_back(end(*client, host));
  co_await in_parallel(context_, std::move(ends));
  agents_.clear();
  recorder_.flush_samples();
  co_return problems;
}

asio::awaitable<hosts::AgentClient*> Session::agent(const std::string& host) {
  // Several may ask for the same host at once: one connects, the others wait for it.
  while (connecting_.contains(host)) co_await interruption_.sleep_through(5ms);
  const auto found = agents_.find(host);
  if (found != agents_.end() && !found->second->gone()) co_return found->second.get();
  if (found != agents_.end()) {
    gone_agents_.push_back(std::move(found->second));
    agents_.erase(found);
  }
  connecting_.insert(host);
  std::exception_ptr error;
  hosts::AgentClient* raw = nullptr;
  try {
    std::unique_ptr<hosts::AgentClient> client = co_await connect(host);
    raw = client.get();
    agents_[host] = std::move(client);
  } catch (...) {
    error = std::current_exception();
  }
  connecting_.erase(host);
  if (error) std::rethrow_exception(error);
  co_return raw;
}

asio::awaitable<std::unique_ptr<hosts::AgentClient>> Session::connect(const std::string& host) {
  auto client = std::make_unique<hosts::AgentClient>(
      context_.get_executor(), transport_->start(host, hosts::lab_agent_arguments(lab_, host)),
      host);
  client->on_event([this, host](const json::object& event) {
    json::object fields = event;
    fields["host"] = host;
    fields["agent_event"] = text_of(event, "event");
    fields.erase("event");
    recorder_.event("agent", std::move(fields));
  });
  json::object hello;
  hello["version"] = 1;
  co_await client->request("hello", std::move(hello), default_deadline);
  co_await read_clock(host, *client);
  json::object lease;
  lease["ttl_ms"] = std::chrono::milliseconds(lease_ttl).count();
  co_await client->request("lease", std::move(lease), default_deadline);
  client->start_lease(lease_ttl, lease_every);
  co_return client;
}

asio::awaitable<json::object> Session::ask(const std::string& host, std::string op,
                                           json::object arguments,
                                           std::chrono::milliseconds deadline) {
  hosts::AgentClient* client = co_await agent(host);
  co_return co_await client->request(std::move(op), std::move(arguments), deadline);
}

const std::vector<std::string>& Session::words(const std::string& host,
                                               const std::vector<std::string>& templates) {
  const auto key = std::make_pair(host, templates);
  const auto found = rendered_.find(key);
  if (found != rendered_.end()) return found->second;
  return rendered_[key] = std::ranges::any_of(templates, is_template)
                              ? lab_.render_words(host, templates)
                              : templates;
}

asio::awaitable<Session::CheckOutcome> Session::run_check(const std::string& host,
                                                          const spec::Check& check) {
  const std::vector<std::string>& argv = words(host, check.exec);
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(check.timeout);
  json::object request;
  request["argv"] = json::array(argv.begin(), argv.end());
  request["timeout_ms"] = timeout.count();
  CheckOutcome outcome;
  try {
    const json::object answer = co_await ask(host, "exec", std::move(request), timeout + 2000ms);
    const std::string output = text_of(answer, "stdout");
    if (answer.at("timed_out").as_bool()) {
      outcome.detail = "no answer in time";
    } else if (const auto code = answer.at("exit_code").to_number<int>(); code != 0) {
      outcome.detail = fmt::format("exit code {}: {}", code, first_line(text_of(answer, "stderr")));
    } else if (!check.stdout_matches.empty() && !spec::found_in(output, check.stdout_matches)) {
      outcome.detail = fmt::format("answered '{}'", first_line(output));
    } else {
      outcome.holds = true;
    }
  } catch (const std::exception& e) {
    outcome.detail = e.what();
  }
  co_return outcome;
}

asio::awaitable<std::vector<std::string>> Session::find_role(const spec::Role& role) {
  std::vector<std::string> holders;
  std::vector<asio::awaitable<void>> checks;
  const auto check = [&](std::string host) -> asio::awaitable<void> {
    if ((co_await run_check(host, role.check)).holds) holders.push_back(host);
  };
  for (const std::string& host : role.among) checks.push_back(check(host));
  co_await in_parallel(context_, std::move(checks));
  std::ranges::sort(holders);
  co_return holders;
}

asio::awaitable<std::string> Session::missing_services(const std::string& host) {
  std::string missing;
  try {
    const json::object answer = co_await ask(host, "service", {}, default_deadline);
    for (const json::value& entry : answer.at("services").as_array()) {
      const json::object& service = entry.as_object();
      if (!service.at("running").as_bool())
        missing += fmt::format("{}{} on {} is not running", missing.empty() ? "" : ", ",
                               text_of(service, "name"), host);
    }
  } catch (const std::exception& e) {
    missing = e.what();
  }
  co_return missing;
}

asio::awaitable<Redundancy> Session::redundancy() {
  Missing all;
  for (const spec::Host& host : topology().hosts)
    if (!host.observer) all.hosts.insert(host.name);
  for (const spec::RedundancyCheck& item : topology().redundancy) all.checks.insert(&item);
  co_return co_await redundancy_of(std::move(all));
}

asio::awaitable<Redundancy> Session::redundancy_of(Missing asked) {
  Redundancy state;
  std::vector<std::string> missing;
  std::vector<asio::awaitable<void>> tasks;
  std::map<const spec::RedundancyCheck*, std::pair<int, std::string>> holding;
  const auto services = [&](std::string host) -> asio::awaitable<void> {
    const std::string text = co_await missing_services(host);
    if (text.empty()) co_return;
    missing.push_back(text);
    state.missing.hosts.insert(host);
  };
  const auto check = [&](const spec::RedundancyCheck* item,
                         std::string host) -> asio::awaitable<void> {
    const CheckOutcome outcome = co_await run_check(host, item->check);
    auto& [count, detail] = holding[item];
    count += outcome.holds ? 1 : 0;
    if (!outcome.holds)
      detail += fmt::format("{}{}: {}", detail.empty() ? "" : ", ", host, outcome.detail);
  };
  for (const std::string& host : asked.hosts) tasks.push_back(services(host));
  for (const spec::RedundancyCheck* item : asked.checks)
    for (const std::string& host : item->on) tasks.push_back(check(item, host));
  co_await in_parallel(context_, std::move(tasks));
  for (const auto& [item, held] : holding) {
    const int needed = item->needs > 0 ? item->needs : static_cast<int>(item->on.size());
    if (held.first >= needed) continue;
    missing.push_back(
        fmt::format("{}: {} of {} ({})", item->name, held.first, needed, held.second));
    state.missing.checks.insert(item);
  }
  state.ok = missing.empty();
  const std::size_t checks = topology().redundancy.size();
  state.detail = !state.ok ? fmt::format("{}", fmt::join(missing, "; "))
                           : fmt::format("all services running, {} checks hold", checks);
  co_return state;
}

const std::string& Session::prober_failure() const {
  static const std::string none = "the prober does not run";
  return prober_ ? prober_->failure() : none;
}

kinds::StackView Session::stack() {
  kinds::StackView view =
      stack_view(topology(), [this](const std::string& host) { return lab_.mac(host); });
  for (kinds::StackService& service : view.services) {
    const lab::HostLayout paths = lab_.host_layout(service.host);
    service.folder = paths.etc;
    service.reload.command = words(service.host, service.reload.command);
    if (!service.tls) continue;
    service.tls->certificate = paths.certificate(service.name);
    service.tls->key = paths.key(service.name);
    service.tls->bundle = paths.bundle(service.name);
    service.tls->authority_file = paths.authority(service.tls->authority);
  }
  view.signer = hosts::lab_signer(lab_);
  return view;
}

}  // namespace nospof::control
