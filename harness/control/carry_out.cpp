#include "control/carry_out.hpp"

#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "control/lab_share.hpp"
#include "control/runner.hpp"
#include "system/machine_load.hpp"
#include "verdict/excuse.hpp"

namespace nospof::control {

namespace {
using namespace std::chrono_literals;

constexpr Nanoseconds measure_for = 2s;
constexpr Nanoseconds look_every = 50ms;

// One lab's way to a watcher that is not used to several at once.
class InTurn final : public Watcher {
 public:
  InTurn(Watcher& watcher, std::mutex& mutex, int lab)
      : watcher_(watcher), mutex_(mutex), lab_(lab) {}

  void note(const std::string& line) override {
    const std::lock_guard lock(mutex_);
    watcher_.note(fmt::format("lab {}: {}", lab_, line));
  }
  void cell(const CellProgress& progress) override {
    CellProgress told = progress;
    told.lab = lab_;
    const std::lock_guard lock(mutex_);
    watcher_.cell(told);
  }
  void cell_done(const CellSummary& summary) override {
    CellSummary told = summary;
    told.lab = lab_;
    const std::lock_guard lock(mutex_);
    watcher_.cell_done(told);
  }

 private:
  Watcher& watcher_;
  std::mutex& mutex_;
  int lab_;
};

// One lab at work.
class Worker {
 public:
  Worker(const Proof& proof, LabShare& share, int lab, Recorder& recorder, Watcher& watcher)
      : proof_(proof),
        share_(share),
        lab_(lab),
        watcher_(watcher),
        memory_before_(available_memory()),
        conductor_(proof.options, recorder, proof.clock, watcher) {}

  LabEnd work() {
    const spec::Topology& topology = proof_.options.topology;
    LabEnd end = conductor_.conduct(topology.workload, topology.prove.settle,
                                    [this](Conductor&) { return body(); });
    arrive();  // in case that it never did
    if (end.signal_number != 0) share_.give_up();
    share_.leave(lab_);
    return end;
  }

 private:
  asio::awaitable<void> body() {
    {
      Runner runner(session(), proof_.registry, watcher_);
      co_await runner.wait_until_whole();
    }
    if (!share_.is_decided()) co_await decide();
    arrive();
    while (!share_.all_arrived()) co_await session().interruption().sleep(look_every);
    bool go_on = true;
    while (go_on) {
      const std::optional<CellGroup> group = share_.take(lab_);
      if (!group) co_return;
      for (std::size_t n = 0; n < group->cells.size() && go_on; ++n) {
        const bool is_last = n + 1 == group->cells.size() && share_.empty();
        go_on = co_await one_cell(group->cells[n], is_last);
      }
      if (go_on && share_.give_way()) {
        watcher_.note(
            fmt::format("the machine has no room for so many labs: in several cells in a row less "
                        "than {:.1f} % of its CPU time was idle; this one is taken down, the "
                        "others do what is left",
                        least_idle() * 100));
        co_return;
      }
    }
  }

  // False: there is no lab to go on in.
  asio::awaitable<bool> one_cell(std::size_t index, bool is_last) {
    const Cell& cell = proof_.cells[index];
    const std::int64_t begun = session().now_ns();
    const int beside = share_.beside();
    CellEnd end;
    {
      Runner runner(session(), proof_.registry, watcher_, beside);
      end = co_await runner.run_cell(cell, proof_.budget, index + 1, proof_.cells.size());
    }
    if (!end.healing_complete) conductor_.healing_failed();
    if (beside == share_.beside()) share_.cell_ended(end.cpu_idle && *end.cpu_idle < least_idle());
    CellSummary summary;
    summary.number = index + 1;
    summary.total = proof_.cells.size();
    summary.cell = cell.id;
    summary.folder = session().recorder().folder();
    summary.detail = end.detail;
    summary.elapsed_ns = session().now_ns() - begun;
    watcher_.cell_done(summary);
    if (end.stack_is_whole || is_last) co_return true;
    const bool renewed = co_await in_fresh_lab(end.detail);
    if (!renewed)
      conductor_.stop_early(fmt::format("the lab {} did not become whole again after {}: {}",
                                        proof_.options.lab, cell.id, end.detail));
    co_return renewed;
  }

  // False: the lab is not ours to renew. One that does not come up may have met with a bad moment
  // of the machine, and all cells that are left depend on it: it gets a second try.
  asio::awaitable<bool> in_fresh_lab(std::string why) {
    for (int tries = 1;; ++tries) {
      try {
        if (!co_await conductor_.renew(why)) co_return false;
        Runner runner(session(), proof_.registry, watcher_);
        co_await runner.wait_until_whole();
        co_return true;
      } catch (const MissingCapability&) {
        throw;
      } catch (const Interrupted&) {
        throw;
      } catch (const std::exception& e) {
        if (tries == 2) throw;
        why = fmt::format("the fresh lab was of no use: {}", e.what());
      }
    }
  }

  asio::awaitable<void> decide() {
    const auto from = cpu_times();
    co_await session().interruption().sleep(measure_for);
    const auto to = cpu_times();
    const auto memory = available_memory();
    const auto idle = from && to ? idle_share(*from, *to) : std::nullopt;
    if (!idle || !memory || !memory_before_) {
      share_.decide(1);
      watcher_.note("1 lab: the machine does not tell how busy it is; --labs N says how many");
      co_return;
    }
    const Room room{static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L)), *idle,
                    *memory_before_ - std::min(*memory, *memory_before_), *memory};
    const LabCount count =
        labs_for(room, group_cells(proof_.cells, proof_.options.topology).size());
    watcher_.note(fmt::format("{} lab{} side by side: {}", count.labs, count.labs == 1 ? "" : "s",
                              count.why));
    share_.decide(count.labs);
  }

  void arrive() {
    if (arrived_) return;
    arrived_ = true;
    share_.decide(1);  // unless it was
    share_.arrive();
  }
  Session& session() { return conductor_.session(); }
  double least_idle() const { return verdict::no_room * proof_.options.min_idle; }

  const Proof& proof_;
  LabShare& share_;
  int lab_;
  Watcher& watcher_;
  std::optional<std::uint64_t> memory_before_;
  Conductor conductor_;
  bool arrived_ = false;
};

void add(const LabEnd& end, LabEnd& sum) {
  if (sum.signal_number == 0) sum.signal_number = end.signal_number;
  sum.healing_complete = sum.healing_complete && end.healing_complete;
  if (!sum.missing) sum.missing = end.missing;
}

class CarryOut {
 public:
  explicit CarryOut(const Proof& proof) : proof_(proof) {
    recorders_.push_back(proof.recorder.in_lab(1));
  }

  LabEnd all() {
    const std::vector<CellGroup> groups = group_cells(proof_.cells, proof_.options.topology);
    int labs = proof_.options.labs;
    if (labs == 0 && most_labs_for(groups.size()) == 1) labs = 1;
    if (labs > 1) proof_.watcher.note(fmt::format("{} labs side by side, as asked for", labs));
    LabEnd sum = labs == 1 ? alone(groups) : side_by_side(groups, labs);
    if (!may_try_again(sum, labs)) return sum;
    const std::vector<std::size_t> open = left_open(labs != 1);
    if (open.empty()) return sum;
    proof_.watcher.note(fmt::format("{} of {} cells are tried again, in a lab alone", open.size(),
                                    proof_.cells.size()));
    const LabEnd end = alone(groups_with(groups, open));
    add(end, sum);
    sum.failure = end.failure;
    sum.threw = end.threw;
    return sum;
  }

 private:
  bool may_try_again(const LabEnd& end, int labs) const {
    const RunOptions& options = proof_.options;
    const bool ended_early = labs == 1 && !end.failure.empty();
    return options.to_repeat && options.lab.empty() && !options.keep_lab && !end.missing &&
           end.signal_number == 0 && end.healing_complete && !ended_early;
  }

  // What cannot be told from the record so far is no reason to lose it: the run ends as it would.
  std::vector<std::size_t> left_open(bool had_several_labs) {
    try {
      return proof_.options.to_repeat(proof_.recorder.folder(), had_several_labs);
    } catch (const std::exception& e) {
      proof_.watcher.note(fmt::format("no cell is tried again: {}", e.what()));
      return {};
    }
  }

  LabEnd alone(std::vector<CellGroup> groups) {
    LabShare share(std::move(groups), 1);
    return Worker(proof_, share, 1, recorders_.front(), proof_.watcher).work();
  }

  /// `labs` 0 becomes how many there are.
  LabEnd side_by_side(const std::vector<CellGroup>& groups, int& labs) {
    LabShare share(groups, labs);
    std::deque<LabEnd> ends;
    {
      std::vector<std::jthread> threads;
      const auto begin = [&](int lab) {
        while (recorders_.size() < static_cast<std::size_t>(lab))
          recorders_.push_back(proof_.recorder.in_lab(static_cast<int>(recorders_.size()) + 1));
        Recorder& recorder = recorders_[static_cast<std::size_t>(lab) - 1];
        LabEnd& end = ends.emplace_back();
        threads.emplace_back([this, &share, &recorder, &end, lab] {
          InTurn watcher(proof_.watcher, mutex_, lab);
          end = work_in(share, lab, recorder, watcher);
        });
      };
      begin(1);
      labs = share.wait_until_decided();
      for (int lab = 2; lab <= labs; ++lab) begin(lab);
    }
    if (labs == 1) return ends.front();
    LabEnd sum;
    for (const LabEnd& end : ends) add(end, sum);
    return sum;
  }

  LabEnd work_in(LabShare& share, int lab, Recorder& recorder, Watcher& watcher) {
    LabEnd end;
    try {
      end = Worker(proof_, share, lab, recorder, watcher).work();
    } catch (const std::exception& e) {  // it did not even come to be
      end.threw = true;
      end.failure = e.what();
      share.decide(1);
      share.arrive();
      share.leave(lab);
    }
    const bool was_one_of_several = share.wait_until_decided() > 1;
    if (end.threw && was_one_of_several)
      watcher.note("this lab takes no further part: " + end.failure);
    return end;
  }

  const Proof& proof_;
  std::deque<Recorder> recorders_;
  std::mutex mutex_;
};

}  // namespace

LabEnd carry_out(const Proof& proof) {
  return CarryOut(proof).all();
}

}  // namespace nospof::control
