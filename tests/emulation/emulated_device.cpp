#include "emulated_device.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <new>

#include "batches/batch_shapes.cuh"
#include "cuda_emulation.hpp"
#include "digest_kernel.cuh"
#include "general/initial_weights_kernel.cuh"
#include "general/list_inputs_kernel.cuh"
#include "general/network_shapes.cuh"
#include "general/network_totals_kernel.cuh"
#include "gridrun/error.hpp"
#include "inactive_kernel.cuh"
#include "settle_kernel.cuh"
#include "stage_on_device.hpp"
#include "train_shapes.cuh"

namespace gridrun::cuda {
namespace {

class EmulatedDevice final : public StagingDevice {
 public:
  EmulatedDevice(std::uint64_t seed, const EmulatedLimits& limits) : seed_(seed), limits_(limits) {}

  std::string description() const override { return "emulated GPU"; }
  DeviceLimits limits() const override { return limits_.device; }
  std::size_t free_memory() override { return limits_.memory - used_; }

  void* allocate(std::size_t bytes) override {
    if (bytes > free_memory()) throw RunError("emulated GPU: out of memory");
    void* memory = ::operator new(bytes);
    std::memset(memory, emulation::poison, bytes);
    sizes_[memory] = bytes;
    used_ += bytes;
    if (limits_.most_used != nullptr) *limits_.most_used = std::max(*limits_.most_used, used_);
    return memory;
  }
  void release(void* memory) noexcept override {
    used_ -= sizes_[memory];
    sizes_.erase(memory);
    ::operator delete(memory);
  }
  void upload(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void clear(void* memory, std::size_t bytes) override { std::memset(memory, 0, bytes); }
  void wait() override {}
  void start_timer() override { begin_ = Clock::now(); }
  double seconds() override { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  void train(const TrainLaunch& launch, const TrainArguments<std::int32_t>& arguments) override {
    train_word(launch, arguments);
  }
  void train(const TrainLaunch& launch, const TrainArguments<std::int64_t>& arguments) override {
    train_word(launch, arguments);
  }
  void settle(const SettleArguments<std::int32_t>& arguments) override { settle_word(arguments); }
  void settle(const SettleArguments<std::int64_t>& arguments) override { settle_word(arguments); }
  void count_inactive(const SettleArguments<std::int32_t>& settled,
                      NetworkCounts* counts) override {
    count_inactive_word(settled, counts);
  }
  void count_inactive(const SettleArguments<std::int64_t>& settled,
                      NetworkCounts* counts) override {
    count_inactive_word(settled, counts);
  }
  void digest(const DigestArguments<std::int32_t>& arguments) override { digest_word(arguments); }
  void digest(const DigestArguments<std::int64_t>& arguments) override { digest_word(arguments); }

  void list_inputs(const ListArguments& arguments) override {
    const auto kernel =
        arguments.bytes != nullptr ? list_inputs_kernel<std::uint8_t> : list_inputs_kernel<double>;
    emulation::launch({list_blocks(arguments.samples), 1, 1}, list_block_lanes, 0, ++seed_,
                      [&] { kernel(arguments); });
  }
  void draw_weights(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    visit_word(launch.word, [&](auto word) {
      emulation::launch({launch.networks * initial_blocks, 1, 1}, initial_block_lanes, 0, ++seed_,
                        [&] { initial_weights_kernel<decltype(word)>(arguments); });
    });
  }
  void train(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    visit_training(launch, CompiledNetworkTrainings{}, [&](auto training) {
      emulation::launch({launch.networks, 1, 1}, launch.lanes, launch.shared_bytes, ++seed_,
                        [&] { network_kernel<decltype(training)>(arguments); });
    });
  }
  void total(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    visit_word(launch.word, [&](auto word) {
      emulation::launch({launch.networks, 1, 1}, total_block_lanes, 0, ++seed_,
                        [&] { network_totals_kernel<decltype(word)>(arguments); });
    });
  }
  void run(const BatchLaunch& launch, const BatchArguments& arguments) override {
    visit_batch_kernel(launch, [&](void (*kernel)(BatchArguments), std::size_t shared_bytes) {
      emulation::launch({launch.blocks, 1, 1}, part_lanes, shared_bytes, ++seed_,
                        [&] { kernel(arguments); });
    });
  }

 private:
  template <typename Word>
  void train_word(const TrainLaunch& launch, const TrainArguments<Word>& arguments) {
    visit_training(launch, CompiledTrainings<Word>{}, [&](auto training) {
      emulation::launch({launch.blocks, 1, 1}, launch.block_lanes, launch.shared_bytes, ++seed_,
                        [&] { train_kernel<decltype(training)>(arguments); });
    });
  }

  template <typename Word>
  static dim3 settle_grid(const SettleArguments<Word>& arguments) {
    return {(arguments.steps + settle_block_lanes - 1) / settle_block_lanes, 2, 1};
  }

  template <typename Word>
  void settle_word(const SettleArguments<Word>& arguments) {
    emulation::launch(settle_grid(arguments), settle_block_lanes, 0, ++seed_,
                      [&] { settle_kernel<Word>(arguments); });
  }

  template <typename Word>
  void count_inactive_word(const SettleArguments<Word>& settled, NetworkCounts* counts) {
    emulation::launch(settle_grid(settled), settle_block_lanes, 0, ++seed_,
                      [&] { inactive_kernel<Word>(settled, counts); });
  }

  template <typename Word>
  void digest_word(const DigestArguments<Word>& arguments) {
    emulation::launch({arguments.bundles, 1, 1}, digest_block_lanes, 0, ++seed_,
                      [&] { digest_kernel<Word>(arguments); });
  }

  using Clock = std::chrono::steady_clock;

  std::uint64_t seed_;
  Clock::time_point begin_;
  EmulatedLimits limits_;
  std::size_t used_ = 0;
  std::map<void*, std::size_t> sizes_;
};

}  // namespace

std::unique_ptr<Device> make_emulated_device(std::uint64_t seed, const EmulatedLimits& limits) {
  return std::make_unique<EmulatedDevice>(seed, limits);
}

}  // namespace gridrun::cuda
