#include "lab/kept_host.hpp"

#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "lab/service_state.hpp"
#include "system/cgroup.hpp"
#include "system/check.hpp"

namespace nospof::lab {

namespace {
// A boot takes some 20 ms; a machine that needs a thousand times that has a problem to be told.
constexpr std::chrono::seconds boot_deadline{20};
}  // namespace

KeptHost::KeptHost(const LabRecipe& lab, const HostRecipe& recipe, Netlink& net, const Clock& clock)
    : lab_(lab), recipe_(recipe), net_(net), clock_(clock) {}

void KeptHost::boot() {
  trouble_.clear();
  report_text_.clear();
  boot_started_ = clock_.now();
  try {
    booting_ = start_boot(lab_, recipe_, net_, switch_bridge);
    check("fcntl", ::fcntl(booting_.report.get(), F_SETFL, O_NONBLOCK));
    state_ = State::booting;
  } catch (const std::exception& e) {
    fail(e.what());
  }
}

void KeptHost::cut_power() {
  if (state_ == State::off || state_ == State::dying) return;
  net_.delete_link(recipe_.port);
  kill();
}

void KeptHost::kill() {
  if (state_ == State::off || state_ == State::dying) return;
  // A frozen process dies only when its cgroup lets it: SIGKILL does that by itself in cgroup2.
  kill_cgroup(recipe_.cgroup);
  booting_.init.signal(SIGKILL);
  state_ = State::dying;
}

void KeptHost::shut_down(Nanoseconds grace) {
  if (state_ != State::on) return;
  const HostLayout& layout = recipe_.plan.layout;
  for (const ServicePlan& service : recipe_.plan.services) {
    const std::string control = layout.service_folder(service.name) + "/supervise/control";
    // Without a supervisor there is nobody to stop it in order; it goes with the power.
    const UniqueFd fd(::open(control.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (fd) write_all(fd.get(), "d", control);
  }
  stop_started_ = clock_.now();
  stop_until_ = stop_started_ + grace;
  last_shutdown_.clear();
  state_ = State::stopping;
}

void KeptHost::watch_shutdown() {
  std::string left;
  for (const ServicePlan& service : recipe_.plan.services) {
    const auto state = read_service(recipe_.plan.layout.service_folder(service.name));
    if (!state.settled_down) left += (left.empty() ? "" : ", ") + service.name;
  }
  if (!left.empty() && clock_.now() < stop_until_) return;
  const double seconds = std::chrono::duration<double>(clock_.now() - stop_started_).count();
  last_shutdown_ =
      left.empty()
          ? fmt::format("all {} services ended in order within {:.3f} s",
                        recipe_.plan.services.size(), seconds)
          : fmt::format("after {:.3f} s these had not ended and were killed: {}", seconds, left);
  cut_power();
}

void KeptHost::freeze(bool frozen) {
  if (state_ == State::on || !frozen) freeze_cgroup(recipe_.cgroup, frozen);
}

void KeptHost::connect(bool connected) {
  // Out of the bridge altogether: a port that is only disabled forwards again when its link flaps.
  if (net_.has_link(recipe_.port) && net_.is_port(recipe_.port) != connected)
    net_.set_master(recipe_.port, connected ? switch_bridge : "");
}

KeptHost::Condition KeptHost::condition() const {
  Condition condition;
  condition.boots = boots_;
  condition.last_shutdown = last_shutdown_;
  if (state_ != State::on && state_ != State::stopping) return condition;
  condition.frozen = is_cgroup_frozen(recipe_.cgroup);
  condition.connected = net_.is_port(recipe_.port);
  condition.processes = cgroup_members(recipe_.cgroup).size();
  condition.cpu_us = cgroup_cpu_us(recipe_.cgroup);
  return condition;
}

void KeptHost::step() {
  if (state_ == State::stopping) watch_shutdown();
  if (state_ == State::booting) read_report();
  if (state_ == State::booting && clock_.now() - boot_started_ > boot_deadline)
    fail(fmt::format("its boot did not end within {} s", boot_deadline.count()));
  if (state_ == State::off) return;
  const bool alive = booting_.init.running();
  if (!alive && state_ == State::stopping) cut_power();
  if (!alive && state_ != State::dying) {
    const std::string how = describe_wait_status(booting_.init.status().value_or(0));
    fail(fmt::format("its pid 1 ended by itself ({})", how));
  }
  if (!alive && !is_cgroup_populated(recipe_.cgroup)) {
    booting_ = BootingHost();
    state_ = State::off;
  }
}

void KeptHost::add_to(std::vector<pollfd>& waiting) const {
  if (booting_.report) waiting.push_back({booting_.report.get(), POLLIN, 0});
  if (state_ != State::off) waiting.push_back({booting_.init.pidfd(), POLLIN, 0});
}

void KeptHost::read_report() {
  std::array<char, 1024> block{};
  ssize_t n = 0;
  while ((n = ::read(booting_.report.get(), block.data(), block.size())) > 0)
    report_text_.append(block.data(), static_cast<std::size_t>(n));
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  booting_.report.reset();
  if (!report_text_.empty()) {
    fail(report_text_);
  } else if (booting_.init.running()) {
    boot_time_ = clock_.now() - boot_started_;
    state_ = State::on;
    ++boots_;
  }
}

void KeptHost::fail(const std::string& why) {
  trouble_ = why;
  if (state_ != State::off) cut_power();
}

}  // namespace nospof::lab
