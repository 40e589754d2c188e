#include "engines/train_batches.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "gridrun/error.hpp"

namespace gridrun {
namespace {

class BatchQueue {
 public:
  BatchQueue(const std::vector<std::unique_ptr<Engine>>& engines, std::vector<Batch> batches,
             const BatchTraining& training, Progress& progress)
      : engines_(engines), training_(training), progress_(progress) {
    for (Batch& batch : batches) {
      std::vector<bool> can(engines.size(), true);
      if (engines.size() > 1) {
        const auto specs = training.networks_of(batch.networks);
        for (std::size_t e = 0; e < engines.size(); ++e)
          can[e] = std::all_of(specs.begin(), specs.end(), [&](const NetworkSpec& spec) {
            return engines[e]->why_not(spec).empty();
          });
      }
      waiting_.push_back({std::move(batch.networks), std::move(can)});
    }
  }

  void train() {
    std::vector<std::thread> threads;
    try {
      for (std::size_t e = 1; e < engines_.size(); ++e)
        threads.emplace_back([this, e] { work(e); });
    } catch (const std::system_error&) {
      // No more threads are to be had: the engines that have one do all the work.
    }
    work(0);
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    progress_.throw_if_stopped();
    if (waiting_.empty()) return;
    if (engine_failure_) std::rethrow_exception(engine_failure_);
    throw RunError("no engine can train all networks");
  }

 private:
  struct Waiting {
    std::vector<std::uint32_t> networks;  // by their numbers in the plan
    std::vector<bool> can;                // [engine]
  };

  /// What an engine does next; none: there is nothing left, or nothing that it can train.
  std::optional<Waiting> next(std::size_t engine) {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (failure_ || progress_.stopped()) return std::nullopt;
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Waiting& batch) { return batch.can[engine]; });
      if (found != waiting_.end()) {
        std::optional<Waiting> batch = std::move(*found);
        waiting_.erase(found);
        ++in_work_;
        return batch;
      }
      // Another engine may fail, and leave what it has in work.
      if (in_work_ == 0) return std::nullopt;
      changed_.wait(lock);
    }
  }

  void work(std::size_t e) {
    Engine& engine = *engines_[e];
    while (std::optional<Waiting> batch = next(e)) {
      std::vector<bool> taken(batch->networks.size());
      bool engine_is_lost = false;
      try {
        train(engine, *batch, taken);
      } catch (const Interrupted&) {
        // throw_if_stopped() tells of it, or what stopped it is told.
      } catch (...) {
        engine_is_lost = true;
        lose(e, std::move(*batch), taken, std::current_exception());
      }
      {
        const std::lock_guard lock(mutex_);
        --in_work_;
      }
      changed_.notify_all();
      if (engine_is_lost) return;
    }
    changed_.notify_all();
  }

  void train(Engine& engine, const Waiting& batch, std::vector<bool>& taken) {
    const StagedSweep staged = training_.stage(training_.networks_of(batch.networks));
    training_.begin(engine, staged);
    engine.train(staged, progress_, [&](std::size_t n, Outcome outcome) {
      try {
        training_.take(engine, staged, n, batch.networks[n], std::move(outcome));
      } catch (...) {
        fail(std::current_exception());
        throw;
      }
      const std::lock_guard lock(mutex_);
      taken[n] = true;
    });
  }

  /// Ends all training.
  void fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
    progress_.stop();
  }

  /// Leaves what an engine had in work to the others.
  void lose(std::size_t e, Waiting batch, const std::vector<bool>& taken,
            std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (failure_) return;  // it comes from there
    Waiting left;
    for (std::size_t i = 0; i < batch.networks.size(); ++i)
      if (!taken[i]) left.networks.push_back(batch.networks[i]);
    left.can = std::move(batch.can);
    engine_failure_ = failure;
    for (Waiting& other : waiting_) other.can[e] = false;
    left.can[e] = false;
    lost_[e] = true;
    if (!left.networks.empty()) waiting_.push_front(std::move(left));
    if (std::all_of(lost_.begin(), lost_.end(), [](bool lost) { return lost; })) {
      failure_ = failure;
      return;
    }
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      training_.failed(*engines_[e], error.what());
    }
  }

  const std::vector<std::unique_ptr<Engine>>& engines_;
  const BatchTraining& training_;
  Progress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  std::size_t in_work_ = 0;
  std::vector<bool> lost_ = std::vector<bool>(engines_.size());
  std::exception_ptr failure_;         // that ends all
  std::exception_ptr engine_failure_;  // of the engine that was lost last
};

}  // namespace

void train_batches(const std::vector<std::unique_ptr<Engine>>& engines, std::vector<Batch> batches,
                   const BatchTraining& training, Progress& progress) {
  if (!batches.empty()) BatchQueue(engines, std::move(batches), training, progress).train();
}

}  // namespace gridrun
