// What sch_netem makes of packets is what was asked for.

#include "fixture.hpp"

namespace nospof::test {
namespace {

using Distribution = faults::NetemSettings::Distribution;

TEST_F(OnKernelNetem, DelaysByTheTimeThatWasAsked) {
  auto fault = netem({{"delay", spec::Duration(50ms)}});
  measured({.packets = 1000, .apart = 1ms},
           [](const NetemTrace& trace) { return mean_delay_is(trace, 50ms); });
  heal(fault);
}

struct Named {
  const char* name;
  Distribution distribution;
};
class Distributions : public OnKernelNetem, public ::testing::WithParamInterface<Named> {};

TEST_P(Distributions, OfJitter) {
  auto fault = netem({{"delay", spec::Duration(100ms)},
                      {"jitter", spec::Duration(20ms)},
                      {"distribution", std::string(GetParam().name)},
                      {"limit", std::int64_t{10000}}});
  sampled({.packets = 10000, .apart = 500us}, [](const NetemTrace& trace) {
    return delays_follow(trace, 100ms, 20ms, GetParam().distribution);
  });
  heal(fault);
}
INSTANTIATE_TEST_SUITE_P(Four, Distributions,
                         ::testing::Values(Named{"uniform", Distribution::uniform},
                                           Named{"normal", Distribution::normal},
                                           Named{"pareto", Distribution::pareto},
                                           Named{"paretonormal", Distribution::paretonormal}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(OnKernelNetem, LosesTheShareThatWasAsked) {
  auto fault = netem({{"loss", spec::Percent{0.1}}});
  sampled({.packets = 20000, .patience = 300ms},
          [](const NetemTrace& trace) { return share_lost_is(trace, 0.1); });
  heal(fault);
}

TEST_F(OnKernelNetem, DuplicatesTheShareThatWasAsked) {
  auto fault = netem({{"duplicate", spec::Percent{0.05}}});
  sampled({.packets = 20000, .patience = 300ms},
          [](const NetemTrace& trace) { return share_duplicated_is(trace, 0.05); });
  heal(fault);
}

TEST_F(OnKernelNetem, CorruptsTheShareThatWasAsked) {
  auto fault = netem({{"corrupt", spec::Percent{0.05}}});
  // One bit of the frame: with a header hit a packet does not arrive, so more are sent.
  constexpr double payload = 1000.0 / 1042;
  constexpr double header = 1 - payload;
  sampled({.packets = 20500, .bytes = 1000, .patience = 300ms}, [&](const NetemTrace& trace) {
    return share_corrupted_is(trace, 0.05 * payload / (1 - 0.05 * header));
  });
  heal(fault);
}

TEST_F(OnKernelNetem, SendsTheShareAheadThatWasAsked) {
  auto fault = netem({{"delay", spec::Duration(100ms)},
                      {"reorder", spec::Percent{0.25}},
                      {"limit", std::int64_t{100000}}});
  sampled({.packets = 20000},
          [](const NetemTrace& trace) { return share_reordered_is(trace, 100ms, 0.25); });
  heal(fault);
}

TEST_F(OnKernelNetem, SendsOneInEveryGapAhead) {
  auto fault = netem({{"delay", spec::Duration(100ms)},
                      {"reorder", spec::Percent{0.5}},
                      {"gap", std::int64_t{5}},
                      {"limit", std::int64_t{100000}}});
  sampled({.packets = 20000}, [](const NetemTrace& trace) {
    return share_reordered_is(trace, 100ms, share_ahead_with_gap(5, 0.5));
  });
  heal(fault);
}

TEST_F(OnKernelNetem, LosesInBurstsOfGilbertAndElliott) {
  auto fault = netem({{"loss-gemodel", std::vector<std::string>{"2%", "20%"}}});
  sampled({.packets = 20000, .patience = 300ms},
          [](const NetemTrace& trace) { return loss_bursts_are(trace, 5, 0.02 / 0.22); });
  heal(fault);
}

TEST_F(OnKernelNetem, LosesByTheShareOfEitherState) {
  auto fault = netem({{"loss-gemodel", std::vector<std::string>{"5%", "20%", "70%", "1%"}}});
  sampled({.packets = 20000, .patience = 300ms}, [](const NetemTrace& trace) {
    return share_lost_by_two_states_is(trace, {0.05, 0.2, 0.7, 0.01});
  });
  heal(fault);
}

TEST_F(OnKernelNetem, LosesInBurstsOfFourStates) {
  auto fault = netem({{"loss-state", std::vector<std::string>{"2%", "25%"}}});
  sampled({.packets = 20000, .patience = 300ms},
          [](const NetemTrace& trace) { return loss_bursts_are(trace, 4, 0.02 / 0.27); });
  heal(fault);
}

TEST_F(OnKernelNetem, LetsTheRateThrough) {
  auto fault = netem({{"rate", spec::Bandwidth{2'000'000}}});
  measured({.packets = 600, .bytes = 1000},
           [](const NetemTrace& trace) { return rate_is(trace, 2'000'000, 1042); });
  heal(fault);
}

TEST_F(OnKernelNetem, CountsOverheadAndCellsForTheRate) {
  // 1042 + 6 bytes fill 22 cells of 48, each 53 on the link.
  auto fault = netem({{"rate", spec::Bandwidth{2'000'000}},
                      {"packet-overhead", std::int64_t{6}},
                      {"cell-size", std::int64_t{48}},
                      {"cell-overhead", std::int64_t{5}}});
  measured({.packets = 600, .bytes = 1000},
           [](const NetemTrace& trace) { return rate_is(trace, 2'000'000, 22 * 53); });
  heal(fault);
}

TEST_F(OnKernelNetem, HoldsPacketsBackToSlots) {
  auto fault = netem({{"slot-min", spec::Duration(50ms)}, {"slot-packets", std::int64_t{10}}});
  // Ten at most in each 50 ms: 200 a second.
  measured({.packets = 400, .bytes = 100}, [](const NetemTrace& trace) {
    const auto& arrivals = trace.arrivals();
    for (std::size_t i = 10; i < arrivals.size(); ++i)
      if (const Nanoseconds since = arrivals[i].at - arrivals[i - 10].at; since < 49ms)
        return ::testing::AssertionFailure()
               << "the tenth before packet " << i << " came " << since.count() << " ns before it";
    return rate_is(trace, 200 * 100 * 8, 100);
  });
  heal(fault);
}

TEST_F(OnKernelNetem, SeveralAtOnceAreAllThere) {
  auto fault = netem({{"delay", spec::Duration(100ms)},
                      {"jitter", spec::Duration(10ms)},
                      {"delay-correlation", spec::Percent{0.25}},
                      {"distribution", std::string("normal")},
                      {"loss", spec::Percent{0.05}},
                      {"loss-correlation", spec::Percent{0.5}},
                      {"duplicate", spec::Percent{0.01}},
                      {"corrupt", spec::Percent{0.02}},
                      {"reorder", spec::Percent{0.03}},
                      {"gap", std::int64_t{5}},
                      {"rate", spec::Bandwidth{10'000'000}},
                      {"limit", std::int64_t{5000}}});
  const std::string shown = pair_.run({"tc", "qdisc", "show", "dev", "eth0"});
  for (const char* part : {"limit 5000", "delay 100ms  10ms 25%", "loss 5% 50%", "duplicate 1%",
                           "corrupt 2%", "reorder 3%", "gap 5", "rate 10Mbit"})
    EXPECT_THAT(shown, HasSubstr(part));
  heal(fault);
}

}  // namespace
}  // namespace nospof::test
