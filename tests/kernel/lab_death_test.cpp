// Whoever dies: nothing of a lab stays behind.

#include <signal.h>

#include "lab_fixture.hpp"
#include "system/namespaces.hpp"

namespace nospof::test {

namespace fs = std::filesystem;

namespace {

// A process of its own that brings a lab up, writes a line for each step to `progress`, and waits
// to be killed.
Child start_maker(const spec::Topology& topology, const std::string& name, bool owned,
                  const UniqueFd& progress) {
  ForkOptions options;
  options.parent_death_signal = SIGKILL;
  return fork_process(options, [&]() -> int {
    lab::UpOptions up;
    up.name = name;
    up.owned = owned;
    up.progress = [&progress](const std::string& line) {
      write_all(progress.get(), line + "\n", "progress");
    };
    const std::unique_ptr<lab::Lab> lab = lab::bring_up(topology, up);
    write_all(progress.get(), "ready\n", "progress");
    for (;;) ::pause();
  });
}

bool read_until(const UniqueFd& progress, const std::string& word) {
  std::string text;
  std::array<char, 512> block{};
  while (text.find(word) == std::string::npos) {
    const ssize_t n = ::read(progress.get(), block.data(), block.size());
    if (n <= 0) return false;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

class LabDeath : public LabTest {
 protected:
  // Brings a lab up in a process of its own and kills that when it has said `word`.
  void kill_maker_at(const std::string& word, bool owned) {
    const std::string name = unique_name("maker");
    const spec::Topology topology = tiny();
    Pipe progress = make_pipe();
    Child maker = start_maker(topology, name, owned, progress.write_end);
    progress.write_end.reset();
    ASSERT_TRUE(read_until(progress.read_end, word));
    const std::vector<ProcessId> were = processes(name);
    ASSERT_FALSE(were.empty());
    maker.signal(SIGKILL);
    ASSERT_TRUE(maker.wait(10s));
    EXPECT_TRUE(eventually(5s, [&] { return !fs::exists(layout(name).folder); }));
    EXPECT_TRUE(eventually(5s, [&] { return alive(were) == 0; }));
    expect_nothing_left(name, were);
  }
};

TEST_F(LabDeath, AnOwnedLabEndsWithItsMaker) {
  kill_maker_at("ready", true);
}

TEST_F(LabDeath, AnyLabEndsWithAMakerThatDiesBeforeItIsReady) {
  kill_maker_at("hosts up", false);
}

TEST_F(LabDeath, ALabThatIsNotOwnedOutlivesItsMaker) {
  const std::string name = unique_name("outlives");
  const spec::Topology topology = tiny();
  Pipe progress = make_pipe();
  Child maker = start_maker(topology, name, false, progress.write_end);
  progress.write_end.reset();
  ASSERT_TRUE(read_until(progress.read_end, "ready"));
  maker.signal(SIGKILL);
  ASSERT_TRUE(maker.wait(10s));
  // The pipe has no other writer: neither keeper nor daemons hold what their maker had open.
  std::array<char, 16> rest{};
  EXPECT_EQ(::read(progress.read_end.get(), rest.data(), rest.size()), 0);
  const std::unique_ptr<lab::Lab> lab = lab::open_lab(name);
  EXPECT_TRUE(serves(*lab, "web1"));
  const std::vector<ProcessId> were = processes(name);
  lab->down();
  expect_nothing_left(name, were);
}

TEST_F(LabDeath, TheHostsDieWithTheKeeperAndTheRestIsSwept) {
  const std::string name = unique_name("keeper");
  const std::unique_ptr<lab::Lab> lab = up(name, false);
  const std::vector<ProcessId> were = processes(name);
  const auto keeper = lab::read_keeper(layout(name));
  ASSERT_TRUE(keeper);
  ASSERT_TRUE(send_signal(*keeper, SIGKILL));
  EXPECT_TRUE(eventually(5s, [&] { return alive(were) == 0; }));
  EXPECT_THROW(lab->status(), Error);
  EXPECT_THROW(lab::open_lab(name), Error);
  ASSERT_EQ(lab::list_labs().size(), 1U);
  EXPECT_FALSE(lab::list_labs()[0].alive);
  EXPECT_TRUE(lab::sweep_dead_labs("another-lab").lines.empty());
  const lab::SweepResult swept = lab::sweep_dead_labs(name);
  EXPECT_TRUE(swept.complete);
  ASSERT_EQ(swept.lines.size(), 1U);
  EXPECT_NE(swept.lines[0].find(name), std::string::npos) << swept.lines[0];
  expect_nothing_left(name, were);
  EXPECT_TRUE(lab::sweep_dead_labs().lines.empty());
}

TEST_F(LabDeath, ALivingLabIsNotSwept) {
  const std::unique_ptr<lab::Lab> lab = up(unique_name("living"));
  EXPECT_TRUE(lab::sweep_dead_labs().lines.empty());
  EXPECT_TRUE(serves(*lab, "web1"));
}

TEST_F(LabDeath, TheNameOfADeadLabCanBeUsedAgain) {
  const std::string name = unique_name("again");
  {
    const std::unique_ptr<lab::Lab> lab = up(name, false);
    const auto keeper = lab::read_keeper(layout(name));
    ASSERT_TRUE(keeper);
    send_signal(*keeper, SIGKILL);
    ASSERT_TRUE(eventually(5s, [&] { return !is_alive(*keeper); }));
  }
  const std::unique_ptr<lab::Lab> lab = up(name);
  EXPECT_TRUE(serves(*lab, "web1"));
}

TEST_F(LabDeath, AnEndedKeeperCleansUp) {
  const std::string name = unique_name("term");
  const std::unique_ptr<lab::Lab> lab = up(name, false);
  const std::vector<ProcessId> were = processes(name);
  const auto keeper = lab::read_keeper(layout(name));
  ASSERT_TRUE(keeper);
  send_signal(*keeper, SIGTERM);
  EXPECT_TRUE(eventually(10s, [&] { return alive(were) == 0; }));
  expect_nothing_left(name, were);
}

TEST_F(LabDeath, AKeeperThatHangsIsEndedByForce) {
  const std::string name = unique_name("hangs");
  up(name, false);
  const std::vector<ProcessId> were = processes(name);
  const auto keeper = lab::read_keeper(layout(name));
  ASSERT_TRUE(keeper);
  // Its socket is gone: nobody gets through to it any more.
  fs::remove(layout(name).keeper_socket());
  lab::end_lab(name);
  expect_nothing_left(name, were);
}

}  // namespace nospof::test
