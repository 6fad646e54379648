// Whoever is killed, at whatever moment of a fault's life: afterwards at most `nospof recover` is
// needed, and the host is what it was.

#include <algorithm>
#include <fstream>

#include "kill_matrix_lab.hpp"
#include "tests/support/places.hpp"

namespace nospof::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

enum class Point { before_inject, half_injected, in_force, half_healed };
constexpr std::array points{Point::before_inject, Point::half_injected, Point::in_force,
                            Point::half_healed};

struct Victims {
  const char* name;
  bool controller, agent, understudy;
  bool healer_lives() const { return !(agent && understudy); }
};
constexpr std::array victims{Victims{"controller", true, false, false},
                             Victims{"agent", false, true, false},
                             Victims{"understudy", false, false, true},
                             Victims{"controller and agent", true, true, false},
                             Victims{"agent and understudy", false, true, true},
                             Victims{"all three", true, true, true}};

/// How many system calls a fault's steps take, counted in a run that nobody disturbs.
struct Measured {
  long records = 0;  ///< undo records that the understudy acknowledged
  long changes = 0;  ///< calls between the last of these and the answer
};

long count_of(const std::string& log, CallTag tag) {
  return std::count(log.begin(), log.end(), static_cast<char>(tag));
}
// Calls that may change something, after the understudy has all records.
long changes_after_records(const std::string& log, long records) {
  const std::size_t last =
      records == 0 ? std::string::npos : log.rfind(static_cast<char>(CallTag::understudy));
  return count_of(last == std::string::npos ? log : log.substr(last + 1), CallTag::change);
}

class KillMatrix : public MatrixLab {
 protected:
  Measured measure() {
    prepare_host();
    SyscallGate gate;
    ControllerProcess controller(gate, lab_->name(), agent_host());
    controller.ask("hello", {{"version", 1}});
    const HostState without = seen();
    EXPECT_FALSE(without.contains("host")) << without.at("host");
    gate.hold_when(nullptr);
    const json::object answer = controller.ask("inject", inject_request());
    EXPECT_TRUE(answer.contains("confirmed") && answer.at("confirmed").as_bool())
        << json::serialize(answer);
    // What can't be seen in force would not be seen if it were left behind.
    if (GetParam().visible) {
      EXPECT_NE(differences(without, seen()), "");
    }
    Measured measured;
    measured.records = count_of(gate.log(), CallTag::understudy);
    measured.changes = changes_after_records(gate.log(), measured.records);
    const json::object healed = controller.ask("heal", heal_request());
    EXPECT_TRUE(healed.at("healed").as_bool()) << json::serialize(healed);
    controller.ask("bye");
    controller.leave();
    EXPECT_TRUE(controller.child().wait(agent_patience));
    EXPECT_TRUE(gate.wait_unused(agent_patience));
    EXPECT_TRUE(as_before(20s)) << differences(before_, host_->state());
    return measured;
  }

  // A look during which no process went; a host that is off, or can't be looked at for long, is
  // seen as that.
  HostState seen() const {
    HostState state;
    eventually(3s, [&] {
      state = host_->state();
      return !state.contains("host");
    });
    return state;
  }

  // Where the agent is to be held while it injects: after the records are safe and `changes` calls
  // were made, or with its answer on its lips.
  static SyscallGate::Hold after_changes(const Measured& measured, long changes) {
    return [measured, changes](const std::string& log, CallTag tag) {
      if (count_of(log, CallTag::understudy) < measured.records) return false;
      if (tag == CallTag::output) return true;
      return tag == CallTag::change && changes_after_records(log, measured.records) >= changes;
    };
  }
  // Healing: taken back, and not yet written down.
  static bool before_settled(const std::string&, CallTag tag) {
    return tag == CallTag::journal || tag == CallTag::output;
  }

  // Kills, lets the others go on, and has them all end. Returns who took the fault back.
  char run(Point point, const Victims& killed, const Measured& measured, long changes) {
    prepare_host();
    ProcessId agent;
    ProcessId understudy;
    {
      SyscallGate gate;
      ControllerProcess controller(gate, lab_->name(), agent_host());
      controller.ask("hello", {{"version", 1}});
      agent = id_of(controller.agent());
      // It takes its name a moment after it was forked.
      EXPECT_TRUE(eventually(agent_patience, [&] {
        understudy = id_of(controller.understudy());
        return understudy.pid > 0;
      }));
      std::int64_t pending = go_to(point, gate, controller, measured, changes);
      if (killed.controller) controller.child().signal(SIGKILL);
      // Both at once: the one who lives a moment longer would heal, or find another understudy.
      if (killed.agent && killed.understudy) send_signal(understudy, SIGSTOP);
      if (killed.agent) send_signal(agent, SIGKILL);
      if (killed.understudy) send_signal(understudy, SIGKILL);
      // Whoever is let go before he is dead would still make the call.
      if (killed.agent) {
        EXPECT_TRUE(eventually(agent_patience, [&] { return !is_alive(agent); }));
      }
      gate.release();
      if (!killed.controller && !killed.agent) {
        if (pending > 0) controller.answer_to(pending);
        controller.ask("heal", heal_request());
        controller.ask("bye");
      }
      controller.leave();
      EXPECT_TRUE(controller.child().wait(agent_patience));
      EXPECT_TRUE(eventually(agent_patience, [&] { return !is_alive(agent); }));
      EXPECT_TRUE(eventually(agent_patience, [&] { return !is_alive(understudy); }));
      // What the agent started has the filter too.
      EXPECT_TRUE(gate.wait_unused(agent_patience)) << "something that the agent started lives on";
    }
    return who_took_it_back(killed);
  }

  std::int64_t go_to(Point point, SyscallGate& gate, ControllerProcess& controller,
                     const Measured& measured, long changes) {
    std::int64_t pending = 0;
    const bool injecting = point == Point::before_inject || point == Point::half_injected;
    json::object request = inject_request();
    // Where nothing that confirms it is to be held, no time is lost with waiting for that.
    const bool in_force = point == Point::in_force;
    if (!in_force && changes <= 1) request["confirm_ms"] = 0;
    if (injecting) {
      gate.hold_when(after_changes(measured, changes));
      pending = controller.send("inject", request);
    } else {
      const json::object answer = controller.ask("inject", request);
      EXPECT_TRUE(answer.at("ok").as_bool()) << json::serialize(answer);
      EXPECT_TRUE(!in_force || answer.at("confirmed").as_bool()) << json::serialize(answer);
    }
    if (point == Point::half_healed) {
      gate.hold_when(before_settled);
      pending = controller.send("heal", heal_request());
    }
    if (point != Point::in_force) {
      EXPECT_TRUE(gate.wait_held(agent_patience)) << gate.log();
    }
    return pending;
  }

  char who_took_it_back(const Victims& killed) {
    if (killed.healer_lives()) {
      EXPECT_TRUE(eventually(20s, [&] { return settled(); })) << "whoever was left did not heal";
    }
    std::string recovered;
    if (!settled()) {
      recovered = recover_host(*lab_, agent_host());
      EXPECT_EQ(recover_host(*lab_, agent_host()), "")
          << "nothing is left to recover after: " << recovered;
    }
    EXPECT_TRUE(as_before(20s)) << differences(before_, host_->state()) << recovered;
    EXPECT_TRUE(settled()) << recovered;
    char who = '-';
    std::istringstream lines(read_file(journal()));
    for (std::string line; std::getline(lines, line);) {
      const json::object entry = json::parse(line).as_object();
      if (!entry.contains("done")) continue;
      if (!entry.at("changed").as_bool())
        who = who == '-' ? 'k' : who;
      else
        who = entry.at("by").as_string().front();
    }
    return who;
  }

  static ProcessId id_of(pid_t pid) {
    const auto state = read_process(pid);
    return state ? state->id : ProcessId{};
  }

  // A kind that can't be done: nobody has anything to take back, whoever is killed after that.
  void expect_refused() {
    for (const Victims& killed : victims) {
      SCOPED_TRACE(killed.name);
      SyscallGate gate;
      ControllerProcess controller(gate, lab_->name(), agent_host());
      controller.ask("hello", {{"version", 1}});
      const json::object answer = controller.ask("inject", inject_request());
      EXPECT_FALSE(answer.at("ok").as_bool());
      EXPECT_THAT(std::string(answer.at("error").as_string()), HasSubstr(GetParam().kind));
      if (killed.controller) controller.child().signal(SIGKILL);
      if (killed.agent) send_signal(id_of(controller.agent()), SIGKILL);
      if (killed.understudy) send_signal(id_of(controller.understudy()), SIGKILL);
      controller.leave();
      EXPECT_TRUE(controller.child().wait(agent_patience));
      EXPECT_TRUE(gate.wait_unused(agent_patience));
      EXPECT_EQ(agent::Journal::peek(journal()).last_number, 0) << "no undo record";
      ASSERT_TRUE(as_before(20s)) << differences(before_, host_->state());
    }
  }
};

void write_line(const std::string& row) {
  if (const char* file = ::getenv("NOSPOF_MATRIX_TABLE"); file != nullptr)
    std::ofstream(file, std::ios::app) << row << "\n";
}

std::string first_cell(const MatrixRow& row) {
  return fmt::format("| `{}`{}{} |", row.kind, row.variant.empty() ? "" : " ", row.variant);
}

TEST_P(KillMatrix, TheHostIsWhatItWas) {
  std::string row = first_cell(GetParam());
  if (GetParam().refused) {
    expect_refused();
    for ([[maybe_unused]] const Victims& killed : victims) row += " refused |";
    return write_line(row);
  }
  const Measured measured = measure();
  ASSERT_FALSE(HasFailure());
  // In the middle of what it changes; the answer is held when that is all there is.
  const long half = std::max(1L, (measured.changes + 1) / 2);
  for (const Victims& killed : victims) {
    row += " ";
    for (const Point point : points) {
      SCOPED_TRACE(fmt::format("{} killed at point {}", killed.name, static_cast<int>(point)));
      row += run(point, killed, measured, point == Point::half_injected ? half : 0);
      ASSERT_FALSE(HasFailure());
    }
    row += " |";
  }
  // Every other boundary between two calls, with nobody left to heal.
  constexpr long most_boundaries = 6;
  const long step = std::max(1L, (measured.changes + most_boundaries - 1) / most_boundaries);
  for (long changes = 1; changes <= measured.changes; changes += step) {
    SCOPED_TRACE(fmt::format("all three killed after {} of {} calls", changes, measured.changes));
    run(Point::half_injected, victims.back(), measured, changes);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_TRUE(eventually(20s, [&] { return serves(*lab_, "web1"); }));
  EXPECT_THAT(tool_output({}, {"nft", "list", "tables"}), Not(HasSubstr("nospof")))
      << "a table in the machine's own network";
  write_line(row);
}

std::string test_name(const ::testing::TestParamInfo<MatrixRow>& info) {
  std::string name = info.param.kind;
  if (!info.param.variant.empty()) name += "_" + info.param.variant;
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(EveryKind, KillMatrix, ::testing::ValuesIn(matrix_rows()), test_name);

class KillMatrixKinds : public LabTest {};

TEST_F(KillMatrixKinds, EveryRegisteredKindHasARowAndALineInTheDocument) {
  const auto lab = up(unique_name("kinds"));
  SyscallGate gate;
  ControllerProcess controller(gate, lab->name(), "web1");
  const json::object hello = controller.ask("hello", {{"version", 1}});
  const std::string document = read_file(std::string(source_folder) + "/docs/safety.md");
  std::vector<std::string> rows;
  for (const MatrixRow& row : matrix_rows()) {
    rows.push_back(row.kind);
    EXPECT_THAT(document, HasSubstr("\n" + first_cell(row)))
        << "run the matrix with NOSPOF_MATRIX_TABLE=FILE and put its lines into docs/safety.md";
  }
  for (const json::value& kind : hello.at("capabilities").at("faults").as_array()) {
    const std::string name(kind.as_string());
    EXPECT_THAT(rows, Contains(name)) << "add a row to kill_matrix_rows.hpp";
  }
  controller.ask("bye");
  controller.leave();
  EXPECT_TRUE(controller.child().wait(agent_patience));
}

}  // namespace
}  // namespace nospof::test
