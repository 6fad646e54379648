// From an experiment's words to the settings of netem, through JSON and back.

#include "faults/netem_parameters.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_host.hpp"

namespace nospof::faults {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using ::testing::HasSubstr;

spec::KindInfo info() {
  spec::KindInfo info;
  info.name = "netem";
  info.parameters = netem_parameters();
  return info;
}

NetemSettings from(const spec::Parameters& given) {
  const spec::KindInfo kind = info();
  return netem_settings(PlanReader(kind, given));
}

std::string refusal(const spec::Parameters& given) {
  return error_of([&] { from(given); });
}

spec::Parameters everything() {
  return {{"delay", spec::Duration(100ms)},
          {"jitter", spec::Duration(10ms)},
          {"delay-correlation", spec::Percent{0.25}},
          {"distribution", std::string("pareto")},
          {"loss", spec::Percent{0.01}},
          {"loss-correlation", spec::Percent{0.5}},
          {"duplicate", spec::Percent{0.02}},
          {"duplicate-correlation", spec::Percent{0.1}},
          {"corrupt", spec::Percent{0.03}},
          {"corrupt-correlation", spec::Percent{0.2}},
          {"reorder", spec::Percent{0.04}},
          {"reorder-correlation", spec::Percent{0.3}},
          {"gap", std::int64_t{5}},
          {"rate", spec::Bandwidth{10'000'000}},
          {"packet-overhead", std::int64_t{-4}},
          {"cell-size", std::int64_t{53}},
          {"cell-overhead", std::int64_t{5}},
          {"slot-min", spec::Duration(1ms)},
          {"slot-max", spec::Duration(2ms)},
          {"slot-packets", std::int64_t{10}},
          {"slot-bytes", std::int64_t{15000}},
          {"limit", std::int64_t{5000}}};
}

TEST(NetemParameters, EveryOneReachesItsSetting) {
  const NetemSettings s = from(everything());
  EXPECT_EQ(s.delay, 100ms);
  EXPECT_EQ(s.jitter, 10ms);
  EXPECT_EQ(s.delay_correlation, 0.25);
  EXPECT_EQ(s.distribution, NetemSettings::Distribution::pareto);
  const auto& loss = std::get<RandomLoss>(s.loss);
  EXPECT_EQ(loss.share, 0.01);
  EXPECT_EQ(loss.correlation, 0.5);
  EXPECT_EQ(s.duplicate, 0.02);
  EXPECT_EQ(s.duplicate_correlation, 0.1);
  EXPECT_EQ(s.corrupt, 0.03);
  EXPECT_EQ(s.corrupt_correlation, 0.2);
  EXPECT_EQ(s.reorder, 0.04);
  EXPECT_EQ(s.reorder_correlation, 0.3);
  EXPECT_EQ(s.gap, 5U);
  EXPECT_EQ(s.rate_bits, 10'000'000U);
  EXPECT_EQ(s.packet_overhead, -4);
  EXPECT_EQ(s.cell_size, 53U);
  EXPECT_EQ(s.cell_overhead, 5);
  EXPECT_EQ(s.slot_min, 1ms);
  EXPECT_EQ(s.slot_max, 2ms);
  EXPECT_EQ(s.slot_packets, 10);
  EXPECT_EQ(s.slot_bytes, 15000);
  EXPECT_EQ(s.limit, 5000U);
}

TEST(NetemParameters, SurviveTheirJson) {
  const json::object values = netem_json(from(everything()));
  EXPECT_EQ(netem_json(netem_settings(values)), values);
  const auto text = json::parse(json::serialize(values)).get_object();
  EXPECT_EQ(netem_json(netem_settings(text)), values);
  EXPECT_EQ(values.size(), 21U);
}

TEST(NetemParameters, WhatStandsAtItsDefaultIsLeftOut) {
  const json::object values = netem_json(from({{"delay", spec::Duration(5ms)}}));
  EXPECT_EQ(values, (json::object{{"delay_ns", 5'000'000}}));
}

TEST(NetemParameters, ModelsOfLossAreFilledUpAsTcDoesIt) {
  const auto state = [](std::vector<std::string> words) {
    return std::get<StateLoss>(from({{"loss-state", std::move(words)}}).loss);
  };
  const StateLoss one = state({"20%"});
  EXPECT_EQ(one.p13, 0.2);
  EXPECT_EQ(one.p31, 0.8);
  EXPECT_EQ(one.p32, 0);
  EXPECT_EQ(one.p23, 1);
  EXPECT_EQ(one.p14, 0);
  const StateLoss all = state({"1%", "30%", "5%", "40%", "0.5%"});
  EXPECT_EQ(all.p31, 0.3);
  EXPECT_EQ(all.p32, 0.05);
  EXPECT_EQ(all.p23, 0.4);
  EXPECT_EQ(all.p14, 0.005);

  const auto gemodel = [](std::vector<std::string> words) {
    return std::get<GemodelLoss>(from({{"loss-gemodel", std::move(words)}}).loss);
  };
  EXPECT_EQ(gemodel({"1%"}).r, 0.99);
  EXPECT_EQ(gemodel({"1%"}).loss_in_bad, 1);
  const GemodelLoss full = gemodel({"1%", "10%", "70%", "0.1%"});
  EXPECT_EQ(full.r, 0.1);
  EXPECT_EQ(full.loss_in_bad, 0.7);
  EXPECT_EQ(full.loss_in_good, 0.001);

  for (const char* name : {"loss-state", "loss-gemodel"}) {
    const json::object values =
        netem_json(from({{name, std::vector<std::string>{"1%", "10%", "30%"}}}));
    EXPECT_EQ(netem_json(netem_settings(values)), values) << name;
  }
}

TEST(NetemParameters, ReorderingHasAGapOfOneUnlessItIsGiven) {
  const auto delay = spec::Duration(10ms);
  EXPECT_EQ(from({{"delay", delay}, {"reorder", spec::Percent{0.25}}}).gap, 1U);
  EXPECT_EQ(from({{"delay", delay}, {"gap", std::int64_t{4}}}).gap, 4U);
}

TEST(NetemParameters, SlotsAreEquallyFarApartUnlessAMaximumIsGiven) {
  const NetemSettings s = from({{"slot-min", spec::Duration(3ms)}});
  EXPECT_EQ(s.slot_max, 3ms);
}

TEST(NetemParameters, ContradictionsAreRefusedByName) {
  const auto ms = spec::Duration(1ms);
  const auto some = spec::Percent{0.1};
  EXPECT_THAT(refusal({}), HasSubstr("nothing is asked for"));
  EXPECT_THAT(refusal({{"loss", spec::Percent{0}}}), HasSubstr("nothing is asked for"));
  EXPECT_THAT(refusal({{"jitter", ms}}), HasSubstr("jitter belongs to delay"));
  EXPECT_THAT(refusal({{"delay", ms}, {"delay-correlation", some}}), HasSubstr("jitter"));
  EXPECT_THAT(refusal({{"delay", ms}, {"distribution", std::string("normal")}}),
              HasSubstr("distribution belongs to jitter"));
  EXPECT_THAT(refusal({{"delay", ms}, {"distribution", std::string("flat")}}),
              HasSubstr("must be one of"));
  EXPECT_THAT(refusal({{"loss", some}, {"loss-gemodel", std::vector<std::string>{"1%"}}}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(refusal({{"delay", ms}, {"loss-correlation", some}}), HasSubstr("belongs to loss"));
  EXPECT_THAT(refusal({{"loss-state", std::vector<std::string>{"1"}}}),
              HasSubstr("'1' is no percentage"));
  EXPECT_THAT(refusal({{"loss-gemodel", std::vector<std::string>(5, "1%")}}),
              HasSubstr("one to 4 percentages"));
  EXPECT_THAT(refusal({{"delay", ms}, {"corrupt-correlation", some}}),
              HasSubstr("corrupt-correlation belongs to corrupt"));
  EXPECT_THAT(refusal({{"loss", some}, {"reorder", some}}), HasSubstr("reorder belongs to delay"));
  EXPECT_THAT(refusal({{"loss", some}, {"gap", std::int64_t{3}}}), HasSubstr("gap belongs to"));
  EXPECT_THAT(refusal({{"delay", ms}, {"gap", std::int64_t{0}}}), HasSubstr("from 1 to"));
  EXPECT_THAT(refusal({{"delay", ms}, {"cell-size", std::int64_t{53}}}),
              HasSubstr("cell-size belongs to rate"));
  EXPECT_THAT(refusal({{"rate", spec::Bandwidth{1000}}, {"cell-overhead", std::int64_t{5}}}),
              HasSubstr("cell-overhead belongs to cell-size"));
  EXPECT_THAT(refusal({{"rate", spec::Bandwidth{7}}}), HasSubstr("less than 8bit/s"));
  EXPECT_THAT(refusal({{"delay", ms}, {"slot-max", ms}}), HasSubstr("slot-min"));
  EXPECT_THAT(refusal({{"slot-min", spec::Duration(2ms)}, {"slot-max", ms}}),
              HasSubstr("slot-max is less"));
  EXPECT_THAT(refusal({{"delay", ms}, {"slot-bytes", std::int64_t{1}}}), HasSubstr("slot-min"));
  EXPECT_THAT(refusal({{"delay", spec::Duration(61min)}}), HasSubstr("at most 1h"));
  EXPECT_THAT(refusal({{"delay", ms}, {"limit", std::int64_t{0}}}), HasSubstr("'limit'"));
}

TEST(NetemParameters, PlacementsAreCheckedAgain) {
  const auto refused = [](const json::object& values) {
    return error_of([&] { netem_settings(values); });
  };
  EXPECT_THAT(refused({}), HasSubstr("nothing is asked for"));
  EXPECT_THAT(refused({{"delay_ns", -1}}), HasSubstr("'delay_ns'"));
  EXPECT_THAT(refused({{"delay", 1}}), HasSubstr("'delay' is unknown"));
  EXPECT_THAT(refused({{"loss", 0.5}}), HasSubstr("must be an object"));
  EXPECT_THAT(refused({{"loss", {{"model", "dice"}}}}), HasSubstr("'model'"));
  EXPECT_THAT(refused({{"loss", {{"model", "random"}, {"share", 2}}}}), HasSubstr("'share'"));
  EXPECT_THAT(refused({{"loss", {{"model", "random"}, {"p13", 0.1}}}}), HasSubstr("'p13'"));
  EXPECT_THAT(refused({{"delay_ns", 1}, {"distribution", "flat"}}), HasSubstr("'flat' is unknown"));
}

TEST(NetemParameters, AreToldInWords) {
  EXPECT_EQ(netem_text(from(everything())),
            "delay 100ms with jitter 10ms (pareto), correlation 25%, loss 1% (correlation 50%), "
            "duplicate 2%, corrupt 3%, reorder 4%, gap 5, rate 10mbit/s, slots 1ms to 2ms apart, "
            "limit 5000 packets");
  EXPECT_EQ(netem_text(from({{"loss-gemodel", std::vector<std::string>{"1%", "10%"}}})),
            "loss by Gilbert-Elliott p 1% r 10%, 100% lost in bad and 0% in good");
}

}  // namespace
}  // namespace nospof::faults
