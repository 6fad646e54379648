#include "probes/monitoring.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <poll.h>

#include "probes/http_get.hpp"
#include "probes/lasting.hpp"
#include "probes/monitoring_config.hpp"
#include "probes/probe_kind.hpp"
#include "probes/prometheus_answer.hpp"
#include "probes/rounds.hpp"
#include "spec/units.hpp"

namespace nospof::probes {

namespace {

using Subjects = std::map<std::string, std::string>;

constexpr std::uint64_t rounds_per_coverage = 10;
constexpr std::string_view firing_query = R"(ALERTS{alertstate="firing"})";

std::string alert_subject(const PrometheusSeries& series, const std::string& host_label) {
  std::string place = series.label(host_label);
  if (place.empty()) place = series.label("instance");
  const std::string name = series.label("alertname");
  return place.empty() ? name : name + " " + place;
}

std::string alert_detail(const PrometheusSeries& series) {
  std::string detail;
  for (const auto& [name, value] : series.labels) {
    if (name == "__name__" || name == "alertname" || name == "alertstate") continue;
    detail += fmt::format("{}{}=\"{}\"", detail.empty() ? "" : ", ", name, value);
  }
  return detail;
}

class MonitoringRun {
 public:
  MonitoringRun(const MonitoringConfig& config, const HttpClient& client, int stop_fd,
                kinds::SampleSink& sink)
      : config_(config),
        client_(client),
        stop_fd_(stop_fd),
        sink_(sink),
        coverage_query_(fmt::format("count by ({}) ({})", config.host_label, config.hosts_query)),
        unmonitored_("unmonitored", true, config.unmonitored_after.count()),
        decisions_(expectations(config), sink) {}

  void run() {
    run_rounds(stop_fd_, config_.every, [this, number = std::uint64_t{0}]() mutable {
      look(number++ % rounds_per_coverage == 0 || !decisions_.all_decided());
      return true;
    });
  }

 private:
  struct Answer {
    std::vector<PrometheusSeries> series;
    LookTime time;
  };

  static std::vector<kinds::Expectation> expectations(const MonitoringConfig& config) {
    std::vector<kinds::Expectation> all;
    for (const std::string& host : config.expect_hosts) all.push_back({host, "monitored"});
    return all;
  }

  bool stopped() const {
    pollfd polled{stop_fd_, POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }

  void look(bool with_coverage) {
    kinds::Round round;
    round.begin_ns = monotonic_ns();
    if (const auto answer = ask(firing_query, round)) look_at_alerts(*answer);
    if (with_coverage && !config_.expect_hosts.empty()) {
      if (const auto answer = ask(coverage_query_, round)) {
        look_at_coverage(*answer);
      } else {
        unmonitored_.unknown();
      }
    }
    // Whoever is told to stop has not looked at what it was about to.
    if (round.undecided != 0 && stopped()) return;
    round.end_ns = monotonic_ns();
    sink_.looked(round);
  }

  std::optional<Answer> ask(std::string_view query, kinds::Round& round) const {
    Answer answer;
    answer.time.asked_ns = monotonic_ns();
    const auto said = client_.get(prometheus_query_target(query),
                                  std::chrono::steady_clock::now() + config_.timeout, stop_fd_);
    answer.time.answered_ns = monotonic_ns();
    ++round.checked;
    auto series = said && said->status == 200 ? parse_prometheus_answer(said->body) : std::nullopt;
    if (!series) {
      ++round.undecided;
      return std::nullopt;
    }
    answer.series = std::move(*series);
    round.checked += answer.series.size();
    return answer;
  }

  void look_at_alerts(const Answer& answer) {
    Subjects firing;
    for (const PrometheusSeries& series : answer.series)
      firing.emplace(alert_subject(series, config_.host_label), alert_detail(series));
    tell(alerts_.look(firing, answer.time));
  }

  void look_at_coverage(const Answer& answer) {
    Subjects missing;
    for (std::size_t place = 0; place < config_.expect_hosts.size(); ++place) {
      const std::string& host = config_.expect_hosts[place];
      const bool watched = std::ranges::any_of(answer.series, [&](const PrometheusSeries& series) {
        return series.label(config_.host_label) == host;
      });
      if (watched) {
        decisions_.decided(place);
      } else {
        missing.emplace(host, fmt::format("no series of {} with {}=\"{}\"", config_.hosts_query,
                                          config_.host_label, host));
      }
    }
    const std::vector<kinds::Finding> told = unmonitored_.look(missing, answer.time);
    for (const kinds::Finding& finding : told)
      decisions_.decided(static_cast<std::size_t>(
          std::ranges::find(config_.expect_hosts, finding.subject) - config_.expect_hosts.begin()));
    tell(told);
    decisions_.tell();
  }

  void tell(const std::vector<kinds::Finding>& findings) {
    for (const kinds::Finding& finding : findings) sink_.found(finding);
  }

  const MonitoringConfig& config_;
  const HttpClient& client_;
  int stop_fd_;
  kinds::SampleSink& sink_;
  std::string coverage_query_;
  LastingFindings alerts_{"alert", false};
  LastingFindings unmonitored_;
  Decisions decisions_;  ///< by host of expect_hosts
};

class MonitoringProbe final : public kinds::Probe {
 public:
  explicit MonitoringProbe(MonitoringConfig config)
      : config_(std::move(config)), client_(config_.url, config_.address, config_.authority_file) {}

  void run(int stop_fd, kinds::SampleSink& sink) override {
    MonitoringRun(config_, client_, stop_fd, sink).run();
  }

 private:
  MonitoringConfig config_;
  HttpClient client_;
};

spec::KindInfo monitoring_info() {
  using spec::ParameterType;
  const MonitoringConfig defaults;
  spec::KindInfo info;
  info.name = "monitoring";
  info.summary = "which alerts of a Prometheus server fire, and whether it watches every host";
  info.parameters = {
      {"url", ParameterType::text, true, "", {}, "base of the server's API"},
      {"address", ParameterType::text, false, "", {}, "IP address for the URL's host"},
      {"authority-file",
       ParameterType::text,
       false,
       "",
       {},
       "PEM file of the authorities to trust"},
      {"every",
       ParameterType::duration,
       false,
       spec::format_duration(defaults.every),
       {},
       "time between rounds"},
      {"timeout",
       ParameterType::duration,
       false,
       spec::format_duration(defaults.timeout),
       {},
       "time that one question may take"},
      {"expect-hosts", ParameterType::text_list, false, "", {}, "hosts that must be watched"},
      {"host-label",
       ParameterType::text,
       false,
       defaults.host_label,
       {},
       "label that has a host's name"},
      {"hosts-query",
       ParameterType::text,
       false,
       defaults.hosts_query,
       {},
       "PromQL: a series for every host that is watched"},
      {"unmonitored-after",
       ParameterType::duration,
       false,
       spec::format_duration(defaults.unmonitored_after),
       {},
       "how long a host may be without a series"},
  };
  return info;
}

}  // namespace

std::unique_ptr<kinds::ProbeKind> make_monitoring() {
  return std::make_unique<SimpleKind>(monitoring_info(), [](const kinds::json::object& config) {
    return std::make_unique<MonitoringProbe>(parse_monitoring_config(config));
  });
}

}  // namespace nospof::probes
