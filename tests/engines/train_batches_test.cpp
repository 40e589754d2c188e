#include "engines/train_batches.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "gridrun/error.hpp"
#include "message_of.hpp"

namespace gridrun {
namespace {

/// Trains a network in no time, and does before each what it is told.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(std::string name) : name_(std::move(name)) {}

  std::function<void(const NetworkSpec&)> before = [](const NetworkSpec&) {};
  std::function<bool(const NetworkSpec&)> can = [](const NetworkSpec&) { return true; };

  std::string name() const override { return name_; }
  std::string device() const override { return name_; }
  std::string why_not(const NetworkSpec& network) const override {
    return can(network) ? "" : "cannot";
  }
  double memory_needed(const StagedSweep&) const override { return 0; }
  using Engine::train;
  void train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) override {
    for (std::size_t n = 0; n < sweep.networks.size(); ++n) {
      progress.throw_if_stopped();
      if (!can(sweep.networks[n])) throw std::logic_error("got what it cannot train");
      before(sweep.networks[n]);
      take(n, Outcome(1));
    }
  }

 private:
  std::string name_;
};

/// Two engines and ten batches of three networks, whose lr is their cell.
class TrainBatches : public ::testing::Test {
 protected:
  static constexpr std::uint32_t cells = 30;

  TrainBatches() {
    for (FakeEngine* engine : {a, b}) engines.emplace_back(engine);
    for (std::uint32_t first = 0; first < cells; first += 3)
      batches.push_back({{first, first + 1, first + 2}, 3});
    training.networks_of = [](const std::vector<std::uint32_t>& of) {
      std::vector<NetworkSpec> networks(of.size());
      for (std::size_t i = 0; i < of.size(); ++i) networks[i].lr = static_cast<int>(of[i]);
      return networks;
    };
    training.stage = [](std::vector<NetworkSpec> networks) {
      StagedSweep staged;
      staged.networks = std::move(networks);
      return staged;
    };
    training.begin = [](const Engine&, const StagedSweep&) {};
    training.take = [this](const Engine& engine, const StagedSweep& staged, std::size_t network,
                           std::uint32_t cell, Outcome&&) {
      EXPECT_EQ(staged.networks[network].lr, static_cast<int>(cell));
      const std::lock_guard lock(mutex);
      ++taken[cell];
      ++by[engine.device()];
    };
    training.failed = [this](const Engine& engine, const std::string& why) {
      const std::lock_guard lock(mutex);
      failed.push_back(fmt::format("{}: {}", engine.device(), why));
    };
  }

  void train() { train_batches(engines, batches, training, progress); }

  void expect_each_once() const {
    EXPECT_EQ(taken.size(), cells);
    for (const auto& [cell, times] : taken) EXPECT_EQ(times, 1) << cell;
  }

  std::size_t count_taken() {
    const std::lock_guard lock(mutex);
    return taken.size();
  }

  /// Waits until the other engine has got so far.
  void wait_for_taken(std::size_t count) {
    while (count_taken() < count) std::this_thread::yield();
  }

  FakeEngine* const a = new FakeEngine("a");
  FakeEngine* const b = new FakeEngine("b");
  std::vector<std::unique_ptr<Engine>> engines;  // a and b
  std::vector<Batch> batches;
  BatchTraining training;
  Progress progress;
  std::mutex mutex;
  std::map<std::uint32_t, int> taken;  // times, by cell
  std::map<std::string, int> by;       // networks, by device
  std::vector<std::string> failed;
};

TEST_F(TrainBatches, EachEngineTakesTheNextBatchWhenItIsFree) {
  std::atomic<bool> is_first = true;
  a->before = [&](const NetworkSpec&) {
    if (is_first.exchange(false)) wait_for_taken(cells - 3);
  };
  b->before = [&](const NetworkSpec&) {
    while (is_first) std::this_thread::yield();
  };
  train();
  expect_each_once();
  EXPECT_EQ(by["a"], 3);
  EXPECT_EQ(by["b"], 27);
  EXPECT_TRUE(failed.empty());
}

TEST_F(TrainBatches, WhatAnEngineThatFailsHadInWorkGoesToTheOthers) {
  std::atomic<int> begun = 0;
  // b has nothing left to do when a fails in the middle of its batch, after one network.
  a->before = [&](const NetworkSpec&) {
    if (begun++ != 1) return;
    wait_for_taken(cells - 2);
    throw std::runtime_error("fell off the bus");
  };
  b->before = [&](const NetworkSpec&) {
    while (begun == 0) std::this_thread::yield();
  };
  train();
  expect_each_once();
  EXPECT_EQ(by["a"], 1);
  EXPECT_EQ(failed, std::vector<std::string>{"a: fell off the bus"});
}

TEST_F(TrainBatches, WhenAllFailTheLastErrorIsTold) {
  a->before = [&](const NetworkSpec&) { throw RunError("first"); };
  b->before = [&](const NetworkSpec&) {
    for (;;) {
      const std::lock_guard lock(mutex);
      if (!failed.empty()) throw RunError("last");
    }
  };
  EXPECT_EQ(message_of<RunError>([&] { train(); }), "last");
  EXPECT_EQ(failed, std::vector<std::string>{"a: first"});
  EXPECT_TRUE(taken.empty());
}

TEST_F(TrainBatches, WhatTakingThrowsEndsAll) {
  const auto take = training.take;
  training.take = [&](const Engine& engine, const StagedSweep& staged, std::size_t network,
                      std::uint32_t cell, Outcome&& outcome) {
    if (cell == 7) throw std::runtime_error("no room");
    take(engine, staged, network, cell, std::move(outcome));
  };
  EXPECT_EQ(message_of<std::runtime_error>([&] { train(); }), "no room");
  EXPECT_TRUE(failed.empty()) << "it is no engine's fault";
  EXPECT_FALSE(taken.contains(7));
}

TEST_F(TrainBatches, StopsSoon) {
  a->before = b->before = [&](const NetworkSpec& network) {
    if (network.lr == 4) progress.stop();
  };
  EXPECT_THROW(train(), Interrupted);
  EXPECT_LT(taken.size(), cells);
  EXPECT_TRUE(failed.empty());
}

TEST_F(TrainBatches, EnginesGetOnlyWhatTheyCanTrain) {
  a->can = [](const NetworkSpec& network) { return network.lr < 9; };
  b->can = [](const NetworkSpec& network) { return network.lr >= 6; };
  train();
  expect_each_once();
  EXPECT_GE(by["a"], 6);
  EXPECT_GE(by["b"], 21);
}

TEST_F(TrainBatches, WhatOnlyAFailedEngineCanTrainEndsWithItsError) {
  a->can = [](const NetworkSpec& network) { return network.lr < 6; };
  b->before = [](const NetworkSpec& network) {
    if (network.lr == 20) throw RunError("out of order");
  };
  EXPECT_EQ(message_of<RunError>([&] { train(); }), "out of order");
  EXPECT_EQ(failed, std::vector<std::string>{"b: out of order"});
  for (std::uint32_t cell = 0; cell < 6; ++cell) EXPECT_EQ(taken[cell], 1);
}

TEST_F(TrainBatches, WhatNoEngineCanTrainIsAnError) {
  a->can = b->can = [](const NetworkSpec& network) { return network.lr != 5; };
  EXPECT_EQ(message_of<RunError>([&] { train(); }), "no engine can train all networks");
  EXPECT_EQ(taken.size(), cells - 3);
}

}  // namespace
}  // namespace gridrun
