#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "agent/commands.hpp"
#include "agent/session.hpp"
#include "system/check.hpp"
#include "system/clock_identity.hpp"

namespace nospof::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t protocol_version = 1;
constexpr auto longest_lease = 600'000ms;
constexpr auto longest_duration = std::chrono::milliseconds(24h);
constexpr auto longest_wait = std::chrono::milliseconds(10min);
constexpr std::size_t most_words = 1024;
constexpr std::size_t most_targets = 256;
constexpr std::size_t most_slow_requests = 256;

std::string_view state_text(ActiveInjection::State state) {
  switch (state) {
    case ActiveInjection::State::in_force:
      return "in force";
    case ActiveInjection::State::healed:
      return "healed";
    case ActiveInjection::State::undo_failed:
      return "undo failed";
  }
  return "unknown";
}

json::object service_fields(const kinds::ServiceState& state) {
  json::array processes;
  for (const ProcessId& id : state.processes)
    processes.push_back({{"pid", id.pid}, {"start_time", id.start_time}});
  json::object fields{{"name", state.name},
                      {"wanted_up", state.wanted_up},
                      {"running", state.running},
                      {"pid", state.main_process ? state.main_process->pid : 0}};
  fields["processes"] = std::move(processes);
  return fields;
}

bool can_use_nftables() {
  try {
    has_nft_table("inet", "nospof");
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void Session::take_line(const LineSplitter::Line& line) {
  Id id;
  try {
    if (line.too_long) throw Error("line longer than 1 MiB");
    boost::system::error_code error;
    json::value value = json::parse(line.text, error);
    if (error) throw Error(fmt::format("not JSON: {}", error.message()));
    if (!value.is_object()) throw Error("a request must be a JSON object");
    json::object fields = std::move(value.as_object());
    const json::value* number = fields.if_contains("id");
    if (number == nullptr || !number->is_int64())
      throw Error("a request must have an integer 'id'");
    id = number->as_int64();
    Arguments arguments(std::move(fields));
    arguments.integer("id", *id, *id);
    const std::string op = arguments.text("op");
    take_request(id, op, std::move(arguments));
  } catch (const std::exception& e) {
    refuse(id, e.what());
  }
}

void Session::take_request(Id id, const std::string& op, Arguments arguments) {
  if (ending_) throw Error("the agent is ending and takes no more requests");
  if (op == "inject") return inject(id, arguments);
  if (op == "heal") return start_heal(id, arguments);
  if (op == "exec") return start_exec(id, arguments);
  if (op == "reach") return start_reach(id, arguments);
  if (op == "bye") {
    arguments.finish();
    bye_ = id;
    return end("bye");
  }
  answer(id, answer_at_once(op, arguments));
}

json::object Session::tell_clock() const {
  const ClockIdentity clock = own_clock();
  json::object fields{{"boot_id", clock.boot_id}, {"time_namespace", clock.time_namespace}};
  // Last, so that nothing lies between it and the answer.
  fields["mono_ns"] = clock_.now().time_since_epoch().count();
  return fields;
}

json::object Session::answer_at_once(const std::string& op, Arguments& arguments) {
  if (op == "hello") return hello(arguments);
  if (op == "lease") return lease(arguments);
  if (op == "check") return check_fault(arguments);
  if (op == "service") return service(arguments);
  if (op == "status") {
    arguments.finish();
    return status();
  }
  if (op == "clock") {
    arguments.finish();
    return tell_clock();
  }
  throw Error(
      fmt::format("unknown op '{}'; there are: hello, lease, check, inject, heal, status, exec, "
                  "reach, service, clock, bye",
                  op));
}

void Session::answer(Id id, json::object fields) {
  json::object message;
  message["id"] = id ? json::value(*id) : json::value(nullptr);
  message["ok"] = true;
  for (auto& field : fields) message[field.key()] = std::move(field.value());
  output_.send(message);
}

void Session::refuse(Id id, const std::string& error, json::object fields) {
  json::object message;
  message["id"] = id ? json::value(*id) : json::value(nullptr);
  message["ok"] = false;
  message["error"] = valid_utf8(error);
  for (auto& field : fields) message[field.key()] = std::move(field.value());
  output_.send(message);
}

void Session::start_slow(Id id, asio::awaitable<json::object> work) {
  if (slow_requests_ >= most_slow_requests)
    throw Error(fmt::format("{} requests are still under way; try again later", slow_requests_));
  ++slow_requests_;
  asio::co_spawn(context_, std::move(work),
                 [this, id](std::exception_ptr error, json::object fields) {
                   --slow_requests_;
                   try {
                     if (error) std::rethrow_exception(error);
                     answer(id, std::move(fields));
                   } catch (const std::exception& e) {
                     refuse(id, e.what());
                   }
                 });
}

json::object Session::hello(Arguments& arguments) {
  const std::int64_t version = arguments.integer("version", 0, 1'000'000);
  arguments.finish();
  if (version != protocol_version)
    throw Error(
        fmt::format("this agent speaks version {} of the protocol, not {}: run the same nospof "
                    "on both sides",
                    protocol_version, version));
  json::array faults;
  for (const spec::KindInfo& kind : registry_.catalogue().faults) faults.emplace_back(kind.name);
  const kinds::HostEnv& env = environment_.env();
  json::object capabilities{{"services", env.services != nullptr},
                            {"power", env.power != nullptr},
                            {"nftables", can_use_nftables()}};
  capabilities["faults"] = std::move(faults);
  json::object fields{{"version", protocol_version},
                      {"host", options_.host},
                      {"pid", ::getpid()},
                      {"understudy", understudy_.pid()}};
  fields["capabilities"] = std::move(capabilities);
  fields["recovered"] = recovered_;
  return fields;
}

json::object Session::lease(Arguments& arguments) {
  const auto ttl = arguments.milliseconds("ttl_ms", 50ms, longest_lease);
  arguments.finish();
  const bool first = !lease_until_;
  lease_until_ = std::chrono::steady_clock::now() + ttl;
  if (first) {
    spawn_task(watch_lease());
  } else {
    // Also a shorter lease than the last one counts from now.
    lease_timer_.cancel();
  }
  return {};
}

json::object Session::check_fault(Arguments& arguments) {
  const std::string kind = arguments.text("fault");
  const json::object parameters = arguments.object("parameters");
  arguments.finish();
  const auto fault = registry_.fault(kind).make(parameters);
  fault->prepare(environment_.env());
  return {};
}

void Session::inject(Id id, Arguments& arguments) {
  const std::string injection = arguments.text("injection");
  const std::string kind = arguments.text("fault");
  const json::object parameters = arguments.object("parameters");
  const auto duration = arguments.milliseconds("duration_ms", 1ms, longest_duration);
  const auto confirm = arguments.milliseconds("confirm_ms", 0ms, longest_wait);
  arguments.finish();
  if (!lease_until_) throw Error("refused to inject without a lease: send 'lease' first");
  if (used_ids_.contains(injection))
    throw Error(fmt::format("there was an injection '{}' before; use another id", injection));

  auto entry = std::make_shared<Entry>(context_.get_executor(), confirm);
  Steps steps(clock_);
  RecordKeeper& keeper = *this;
  try {
    auto fault = registry_.fault(kind).make(parameters);
    entry->life = std::make_unique<ActiveInjection>(injection, kind, std::move(fault),
                                                    environment_.env(), keeper, steps);
  } catch (const std::exception& e) {
    steps.add("check", false, e.what());
    return refuse(id, e.what(), {{"steps", steps.take()}});
  }
  remember(entry);
  if (!entry->life->failure().empty()) {
    const bool undone = entry->life->state() == ActiveInjection::State::healed;
    if (!undone) arm(entry, 1000ms, "undo tried again");
    return refuse(id, entry->life->failure(), {{"steps", steps.take()}, {"undone", undone}});
  }
  arm(entry, duration, "duration over");
  start_slow(id, confirm_injected(entry, std::move(steps)));
}

void Session::start_heal(Id id, Arguments& arguments) {
  std::string injection = arguments.text("injection");
  const auto within = arguments.milliseconds("confirm_ms", 0ms, longest_wait);
  arguments.finish();
  start_slow(id, heal(std::move(injection), within));
}

void Session::start_exec(Id id, Arguments& arguments) {
  std::vector<std::string> argv = arguments.texts("argv", most_words);
  const auto timeout = arguments.milliseconds("timeout_ms", 1ms, longest_wait);
  arguments.finish();
  start_slow(id, run_program(std::move(argv), timeout));
}

void Session::start_reach(Id id, Arguments& arguments) {
  std::vector<ReachTarget> targets;
  for (const json::value& value : arguments.array("targets", most_targets)) {
    if (!value.is_object()) throw Error("'targets' must be a list of objects");
    Arguments target(value.as_object());
    ReachTarget entry;
    entry.address = target.text("address");
    entry.port = static_cast<std::uint16_t>(target.integer("port", 1, 65535));
    target.finish();
    targets.push_back(std::move(entry));
  }
  const auto timeout = arguments.milliseconds("timeout_ms", 1ms, 60'000ms);
  arguments.finish();
  start_slow(id, try_targets(std::move(targets), timeout));
}

json::object Session::service(Arguments& arguments) {
  const auto wanted = arguments.optional_text("service");
  arguments.finish();
  const kinds::ServiceManager* services = environment_.env().services;
  if (services == nullptr) throw Error(fmt::format("{} has no service manager", options_.host));
  json::array list;
  if (wanted) {
    list.emplace_back(service_fields(services->state(*wanted)));
  } else {
    for (const std::string& name : services->list())
      list.emplace_back(service_fields(services->state(name)));
  }
  json::object fields;
  fields["services"] = std::move(list);
  return fields;
}

json::object Session::status() const {
  json::array list;
  for (const EntryPtr& entry : injections_) {
    const ActiveInjection& life = *entry->life;
    list.push_back({{"injection", life.id()},
                    {"fault", life.kind()},
                    {"state", state_text(life.state())},
                    {"confirmed", entry->seen_to_bite},
                    {"since_mono_ns", life.since().time_since_epoch().count()}});
  }
  json::object fields;
  fields["injections"] = std::move(list);
  fields["open_records"] = understudy_.open().size();
  fields["understudy"] = understudy_.pid();
  fields["lease_left_ms"] = nullptr;
  if (lease_until_)
    fields["lease_left_ms"] = std::chrono::floor<std::chrono::milliseconds>(
                                  *lease_until_ - std::chrono::steady_clock::now())
                                  .count();
  return fields;
}

}  // namespace nospof::agent
