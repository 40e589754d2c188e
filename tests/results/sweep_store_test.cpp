#include "results/sweep_store.hpp"

#include <gtest/gtest.h>

#include "configuration/configuration.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

Sweep sweep_with(const std::vector<std::string>& overrides) {
  return read_configuration(find_configuration("digits.toml"), overrides);
}

const Identity some_data{1, 2};

SweepNotes notes_for(const Sweep& sweep) {
  return {to_json(sweep),
          {{"identity", "00000000000000010000000000000002"}, {"inputs", 64}, {"classes", 10}},
          "cpu",
          "2 threads"};
}

class SweepStore : public ::testing::Test {
 protected:
  NetworkStore opened() const { return {scratch.path(), StoreAccess::write}; }

  const ScratchDirectory scratch{memory_directory()};
  const Sweep sweep = sweep_with({});
};

TEST_F(SweepStore, NotesAreReadBack) {
  NetworkStore store = opened();
  start(store, sweep, notes_for(sweep));
  const SweepNotes read = notes_of(store);
  EXPECT_EQ(read.configuration, to_json(sweep));
  EXPECT_EQ(read.engine, "cpu");
  EXPECT_EQ(read.device, "2 threads");
  EXPECT_TRUE(objection(read, some_data).empty());
  EXPECT_EQ(store.note("gridrun"), GRIDRUN_VERSION);
  SweepNotes other = notes_for(sweep_with({"report.tolerance=0.5"}));
  other.engine = "cuda";
  note(store, other);
  EXPECT_EQ(notes_of(store).configuration, other.configuration);
  EXPECT_EQ(notes_of(store).engine, "cuda");
}

TEST_F(SweepStore, WithoutNotesItIsNoSweeps) {
  NetworkStore store = opened();
  store.create({}, {"accuracy"}, {{"configuration", "[]"}});
  EXPECT_NE(message_of<RequestError>([&] { notes_of(store); }).find("has no notes of a sweep"),
            std::string::npos);
}

TEST_F(SweepStore, WhatBelongsToAStudy) {
  const SweepNotes notes = notes_for(sweep);
  for (const char* same : {"grid.lr=[3]", "report.tolerance=0.5", "report.curves=true",
                           "report.weights=true", "report.baseline=true"})
    EXPECT_EQ(objection(notes, to_json(sweep_with({same}))), "") << same;
  for (const char* other :
       {"train.seed=7", "report.smooth_window=101", "grid.\"train.seed\"=[1, 2]", "init.std=2.0"})
    EXPECT_EQ(objection(notes, to_json(sweep_with({other}))),
              "networks.db holds networks of another configuration")
        << other;
  EXPECT_EQ(objection(notes, some_data), "");
  EXPECT_EQ(objection(notes, Identity{1, 3}), "networks.db holds networks of other data");
}

TEST_F(SweepStore, WhatTheReportNeedsOfANetwork) {
  const Sweep curves = sweep_with({"report.curves=true"});
  const Sweep weights = sweep_with({"report.weights=true"});
  const std::uint32_t window = sweep.report.smooth_window, all = sweep.train.iterations;
  const Plan plan(sweep_with({"report.baseline=true"}), {64, 10}, some_data, {},
                  [](const NetworkSpec&) {});
  const std::string cell = text_of(plan.identity_of(1));
  EXPECT_EQ(held_network(plan, {cell, window, false}, sweep), 1U);
  EXPECT_EQ(held_network(plan, {cell, window - 1, true}, sweep), std::nullopt);
  EXPECT_EQ(held_network(plan, {cell, all - 1, true}, curves), std::nullopt);
  EXPECT_EQ(held_network(plan, {cell, all, false}, curves), 1U);
  EXPECT_EQ(held_network(plan, {cell, all, false}, weights), std::nullopt);
  EXPECT_EQ(held_network(plan, {cell, window, true}, weights), 1U);
  const auto baseline = static_cast<std::uint32_t>(plan.grid_size());
  EXPECT_EQ(held_network(plan, {text_of(plan.identity_of(baseline)), window, false}, weights),
            baseline)
      << "it has none";
  EXPECT_EQ(held_network(plan, {std::string(32, '0'), all, true}, sweep), std::nullopt);
  EXPECT_EQ(held_network(plan, {"", all, true}, sweep), std::nullopt);
}

TEST_F(SweepStore, AStartReplacesWhatIsThereWithTheFirstNetwork) {
  StoredNetwork network;
  network.identity = std::string(32, '1');
  network.axes = {std::int64_t{5}, std::int64_t{8}};
  network.steps = network.last_steps = 4;
  network.last_right = Bits(4);
  network.layers.resize(1);
  {
    NetworkStore store = opened();
    start(store, sweep, notes_for(sweep));
    network.figures.resize(store.figures().size());
    store.add({network});
  }
  const Sweep other = sweep_with({"train.seed=7"});
  const auto seed_of = [](const NetworkStore& store) {
    return notes_of(store).configuration["train"].value("seed", -1);
  };
  const int old_seed = seed_of(opened()), new_seed = 7;
  for (const bool adds : {false, true}) {
    {
      NetworkStore store = opened();
      start(store, other, notes_for(other));
      EXPECT_EQ(store.size(), 0U);
      EXPECT_EQ(seed_of(store), new_seed);
      const NetworkStore reader(scratch.path(), StoreAccess::read);
      EXPECT_EQ(reader.size(), 1U) << "it is still there";
      if (!adds) continue;
      network.identity = std::string(32, '2');
      store.add({network});
      EXPECT_EQ(store.size(), 1U);
    }
  }
  const NetworkStore store = opened();
  EXPECT_NE(old_seed, new_seed);
  EXPECT_EQ(seed_of(store), new_seed);
  EXPECT_FALSE(store.find(std::string(32, '1')));
  EXPECT_TRUE(store.find(std::string(32, '2')));
}

TEST_F(SweepStore, KeepReplacesWithoutANetwork) {
  StoredNetwork network;
  network.identity = std::string(32, '1');
  network.axes = {std::int64_t{5}, std::int64_t{8}};
  network.steps = network.last_steps = 4;
  network.last_right = Bits(4);
  network.layers.resize(1);
  NetworkStore store = opened();
  start(store, sweep, notes_for(sweep));
  network.figures.resize(store.figures().size());
  store.add({network});
  start(store, sweep, notes_for(sweep));
  store.keep();
  EXPECT_EQ(NetworkStore(scratch.path(), StoreAccess::read).size(), 0U);
}

/// An axis of numbers and names is of texts in the store.
TEST_F(SweepStore, ColumnsAreOfOneKind) {
  const std::vector<StoredAxis> axes = {{"lr", ValueKind::integer}, {"mixed", ValueKind::text}};
  using Values = std::vector<std::optional<KeyValue>>;
  EXPECT_EQ(columns_of(axes, {std::int64_t{5}, std::int64_t{6}}),
            (Values{std::int64_t{5}, std::string("6")}));
  EXPECT_EQ(columns_of(axes, {std::nullopt, std::nullopt}), (Values{std::nullopt, std::nullopt}));
}

}  // namespace
}  // namespace gridrun
