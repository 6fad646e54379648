#include "probes/tls_path_probe.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>

#include "probes/rounds.hpp"
#include "probes/tls_path_judge.hpp"
#include "system/check.hpp"
#include "system/lab_network.hpp"
#include "system/tls_look.hpp"

namespace nospof::probes {

namespace {

constexpr std::uint64_t rounds_between_thorough_ones = 10;
// Galera 4 keeps the descriptor of each handshake that it refuses for as long as it runs. A server
// of a protocol that is unknown here may be another such.
constexpr std::uint64_t rounds_between_thorough_ones_unknown = 30;

bool is_unknown(const TlsPathTarget& target) {
  return !target.ask_http && target.starttls.empty();
}

enum class Step { handshake, without_certificate, weak_offer, renegotiation };
constexpr std::size_t step_count = 4;
constexpr unsigned most_in_vain = 5;

// What such a look is there to find; a handshake finds several things.
TlsFinding finding_of(Step step) {
  switch (step) {
    case Step::without_certificate:
      return TlsFinding::no_client_certificate_demanded;
    case Step::weak_offer:
      return TlsFinding::weak_protocol;
    case Step::renegotiation:
      return TlsFinding::renegotiation;
    case Step::handshake:
      break;
  }
  return TlsFinding::untrusted;
}

// What a target's looks of that kind can tell; empty: it gets none.
std::string expected_of(const TlsPathTarget& target, Step step) {
  switch (step) {
    case Step::handshake:
      return "tls";
    case Step::without_certificate:
      return target.client_certificate ? "client-certificate" : "";
    case Step::weak_offer:
      return "no-weak-protocol";
    case Step::renegotiation:
      return "no-renegotiation";
  }
  return {};
}

// Of all targets, in their order, and of each the steps that it gets.
std::vector<kinds::Expectation> expectations(const TlsPathConfig& config) {
  std::vector<kinds::Expectation> all;
  for (const TlsPathTarget& target : config.targets)
    for (std::size_t i = 0; i < step_count; ++i)
      if (std::string expected = expected_of(target, static_cast<Step>(i)); !expected.empty())
        all.push_back({target.subject, std::move(expected)});
  return all;
}

std::string question_for(const TlsPathTarget& target) {
  return fmt::format(
      "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: nospof\r\nAccept: */*\r\nConnection: "
      "close\r\n\r\n",
      target.identity);
}

TlsLookAt look_for(const TlsPathTarget& target, Step step, bool ask) {
  TlsLookAt at;
  at.address = target.address;
  at.port = target.port;
  at.identity = target.identity;
  at.authority_file = target.authority_file;
  at.starttls = target.starttls;
  at.certificate_file = target.certificate_file;
  at.key_file = target.key_file;
  at.offer = TlsOffer::everything;
  if (ask) {
    at.then = TlsThen::ask;
    at.question = question_for(target);
  }
  switch (step) {
    case Step::handshake:
      break;
    case Step::without_certificate:
      at.certificate_file.clear();
      at.key_file.clear();
      break;
    case Step::weak_offer:
      at.offer = target.min_protocol == "TLSv1.3" ? TlsOffer::up_to_1_2 : TlsOffer::up_to_1_1;
      break;
    case Step::renegotiation:
      at.offer = TlsOffer::up_to_1_2;
      at.then = TlsThen::renegotiate;
      break;
  }
  return at;
}

/// One target: what is known about it, and the look that is under way.
class Path {
 public:
  /// `place`: of what is expected of it first, among the expectations of all targets. Moved behind
  /// what is expected of this one.
  Path(const TlsPathTarget& target, TlsContexts& contexts, std::size_t& place)
      : target_(target), contexts_(contexts) {
    for (std::size_t i = 0; i < step_count; ++i) {
      places_.at(i) = place;
      if (!expected_of(target, static_cast<Step>(i)).empty()) ++place;
    }
    for (std::size_t i = 0; i < tls_finding_count; ++i) {
      const auto finding = static_cast<TlsFinding>(i);
      watched_.emplace_back(tls_finding_name(finding), target.subject, is_violation(finding));
    }
  }

  void begin_round(std::uint64_t number, kinds::Round& round) {
    thorough_ = number % (is_unknown(target_) ? rounds_between_thorough_ones_unknown
                                              : rounds_between_thorough_ones) ==
                0;
    steps_ = {Step::handshake};
    begin_next(round);
  }
  bool looking() const { return look_.has_value(); }
  const TlsLook& look() const { return *look_; }
  /// Goes on, and to the next step when the look has ended.
  void advance(kinds::SampleSink& sink, Decisions& decisions, kinds::Round& round);
  void drop() { look_.reset(); }

 private:
  bool due(TlsFinding finding) const { return thorough_ || is_so(finding); }
  /// Of one that does not come in every round: also until it has told something, for example when
  /// nobody listened in the first round. Some servers never let it.
  bool due(Step step) const {
    return in_vain_.at(static_cast<std::size_t>(step)) < most_in_vain || due(finding_of(step));
  }
  bool is_so(TlsFinding finding) const {
    return watched_.at(static_cast<std::size_t>(finding)).so();
  }
  void begin_next(kinds::Round& round);
  std::vector<TlsJudgement> judge(const TlsShown& shown) const;
  void plan_more();

  const TlsPathTarget& target_;
  TlsContexts& contexts_;
  std::vector<Watched> watched_;                  ///< by TlsFinding
  std::array<std::size_t, step_count> places_{};  ///< by Step; of those that the target gets
  /// By Step: how often such a look told nothing since the server was last away; or that it did.
  std::array<unsigned, step_count> in_vain_{};
  bool thorough_ = false;
  std::vector<Step> steps_;    ///< the one under way and those to come
  std::int64_t begun_ns_ = 0;  ///< when the look under way began
  std::optional<TlsLook> look_;
};

void Path::begin_next(kinds::Round& round) {
  while (!steps_.empty()) {
    const Step step = steps_.front();
    const bool ask = target_.ask_http && (step == Step::without_certificate ||
                                          (step == Step::handshake && due(TlsFinding::truncated)));
    ++round.checked;
    begun_ns_ = monotonic_ns();
    try {
      look_.emplace(look_for(target_, step, ask), contexts_);
      return;
    } catch (const std::exception&) {
      // A file that is being replaced, or no descriptor left: this look tells nothing.
      ++round.undecided;
      steps_.erase(steps_.begin());
    }
  }
}

std::vector<TlsJudgement> Path::judge(const TlsShown& shown) const {
  switch (steps_.front()) {
    case Step::handshake:
      return judge_handshake(target_, shown, SystemClock().wall());
    case Step::without_certificate:
      return judge_without_certificate(target_, shown);
    case Step::weak_offer:
      return judge_weak_offer(target_, shown);
    case Step::renegotiation:
      return judge_renegotiation(shown);
  }
  return {};
}

// What is refused proves something only where a handshake is not.
void Path::plan_more() {
  if (target_.client_certificate && (!is_unknown(target_) || due(Step::without_certificate)))
    steps_.push_back(Step::without_certificate);
  if (due(Step::weak_offer)) steps_.push_back(Step::weak_offer);
  if (due(Step::renegotiation)) steps_.push_back(Step::renegotiation);
}

void Path::advance(kinds::SampleSink& sink, Decisions& decisions, kinds::Round& round) {
  const auto shown = look_->advance();
  if (!shown) return;
  look_.reset();
  const LookSpan span{begun_ns_, monotonic_ns()};
  const std::vector<TlsJudgement> judgements = judge(*shown);
  const auto step = static_cast<std::size_t>(steps_.front());
  if (judgements.empty()) {
    ++round.undecided;
    ++in_vain_.at(step);
    // Whoever comes back may be another.
    if (steps_.front() == Step::handshake) in_vain_.fill(0);
  } else {
    in_vain_.at(step) = most_in_vain;
    decisions.decided(places_.at(step));
  }
  for (const TlsJudgement& judgement : judgements)
    watched_.at(static_cast<std::size_t>(judgement.finding))
        .saw(judgement.so, span, judgement.detail, sink);
  if (steps_.front() == Step::handshake && shown->certificate) plan_more();
  steps_.erase(steps_.begin());
  begin_next(round);
}

class TlsPathRun {
 public:
  TlsPathRun(const TlsPathConfig& config, int stop_fd, kinds::SampleSink& sink)
      : stop_fd_(stop_fd), sink_(sink), decisions_(expectations(config), sink) {
    paths_.reserve(config.targets.size());
    std::size_t place = 0;
    for (const TlsPathTarget& target : config.targets)
      paths_.emplace_back(target, contexts_, place);
  }

  /// False when it was stopped in the middle.
  bool round();

 private:
  /// Waits for any of the looks under way; false when it is to stop.
  bool wait(std::vector<Path*>& ready);

  int stop_fd_;
  kinds::SampleSink& sink_;
  Decisions decisions_;
  TlsContexts contexts_;
  std::vector<Path> paths_;
  std::uint64_t rounds_ = 0;
};

bool TlsPathRun::round() {
  kinds::Round round;
  round.begin_ns = monotonic_ns();
  const std::uint64_t number = rounds_++;
  for (Path& path : paths_) path.begin_round(number, round);
  std::vector<Path*> ready;
  while (std::ranges::any_of(paths_, &Path::looking)) {
    if (!wait(ready)) {
      for (Path& path : paths_) path.drop();
      return false;
    }
    for (Path* path : ready) path->advance(sink_, decisions_, round);
  }
  round.end_ns = monotonic_ns();
  decisions_.tell();
  sink_.looked(round);
  return true;
}

bool TlsPathRun::wait(std::vector<Path*>& ready) {
  std::vector<Path*> looking;
  std::vector<pollfd> polled{{stop_fd_, POLLIN, 0}};
  MonoTime first = MonoTime::max();
  for (Path& path : paths_) {
    if (!path.looking()) continue;
    looking.push_back(&path);
    polled.push_back({path.look().fd(), path.look().events(), 0});
    first = std::min(first, path.look().deadline());
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      first - MonoTime(std::chrono::steady_clock::now()));
  ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  if (polled.front().revents != 0) return false;
  const MonoTime now = std::chrono::steady_clock::now();
  ready.clear();
  for (std::size_t i = 0; i < looking.size(); ++i)
    if (polled[i + 1].revents != 0 || looking[i]->look().deadline() <= now)
      ready.push_back(looking[i]);
  return true;
}

class TlsPathProbe final : public kinds::Probe {
 public:
  explicit TlsPathProbe(TlsPathConfig config) : config_(std::move(config)) {
    for (const TlsPathTarget& target : config_.targets) {
      require_lab_namespace_for(target.address);
      try_files(target);
    }
  }

  void run(int stop_fd, kinds::SampleSink& sink) override {
    TlsPathRun run(config_, stop_fd, sink);
    run_rounds(stop_fd, config_.every, [&run] { return run.round(); });
  }

 private:
  static void try_files(const TlsPathTarget& target) {
    try {
      check_tls_files(look_for(target, Step::handshake, false));
    } catch (const Error& error) {
      throw Error(fmt::format("tls-path probe: {}: {}", target.subject, error.what()));
    }
  }

  TlsPathConfig config_;
};

}  // namespace

std::unique_ptr<kinds::Probe> make_tls_path_probe(TlsPathConfig config) {
  return std::make_unique<TlsPathProbe>(std::move(config));
}

}  // namespace nospof::probes
