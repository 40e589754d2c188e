#include "cuda_device.hpp"

#include <cuda_runtime.h>

#include "batches/batch_launch.hpp"
#include "check.cuh"
#include "general/network_launch.hpp"
#include "gridrun/error.hpp"
#include "stage_on_device.hpp"
#include "train_launch.hpp"

namespace gridrun::cuda {
namespace {

int attribute(cudaDeviceAttr name, int device) {
  int value = 0;
  GRIDRUN_CUDA_CHECK(cudaDeviceGetAttribute(&value, name, device));
  return value;
}

class Event {
 public:
  Event() { GRIDRUN_CUDA_CHECK(cudaEventCreate(&event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { GRIDRUN_CUDA_CHECK_NOEXCEPT(cudaEventDestroy(event_)); }

  void record() { GRIDRUN_CUDA_CHECK(cudaEventRecord(event_)); }
  double seconds_since(const Event& begin) const {
    float milliseconds = 0;
    GRIDRUN_CUDA_CHECK(cudaEventSynchronize(event_));
    GRIDRUN_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin.event_, event_));
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class CudaDevice final : public StagingDevice {
 public:
  explicit CudaDevice(int number) : number_(select(number)) {
    cudaDeviceProp properties{};
    GRIDRUN_CUDA_CHECK(cudaGetDeviceProperties(&properties, number));
    description_ = std::string(properties.name) + " (GPU " + std::to_string(number) + ")";
    limits_.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, number);
    limits_.shared_of_block =
        static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, number));
    limits_.shared_of_multiprocessor =
        static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor, number));
    limits_.clock = 1e3 * attribute(cudaDevAttrClockRate, number);
  }

  std::string description() const override { return description_; }
  DeviceLimits limits() const override { return limits_; }
  std::size_t free_memory() override {
    std::size_t free = 0;
    std::size_t total = 0;
    GRIDRUN_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return free;
  }

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());  // it is handled
      throw RunError(description_ + ": not enough memory: " + std::to_string((bytes >> 20) + 1) +
                     " MB wanted, " + std::to_string(free_memory() >> 20) + " MB are free");
    }
    GRIDRUN_CUDA_CHECK(status);
    return memory;
  }
  void release(void* memory) noexcept override { GRIDRUN_CUDA_CHECK_NOEXCEPT(cudaFree(memory)); }
  void upload(void* to, const void* from, std::size_t bytes) override {
    GRIDRUN_CUDA_CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice));
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    GRIDRUN_CUDA_CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost));
  }
  void clear(void* memory, std::size_t bytes) override {
    GRIDRUN_CUDA_CHECK(cudaMemset(memory, 0, bytes));
  }
  void wait() override { GRIDRUN_CUDA_CHECK(cudaDeviceSynchronize()); }
  void start_timer() override { begin_.record(); }
  double seconds() override {
    end_.record();
    return end_.seconds_since(begin_);
  }

  void train(const TrainLaunch& launch, const TrainArguments<std::int32_t>& arguments) override {
    launch_train(launch, arguments);
  }
  void train(const TrainLaunch& launch, const TrainArguments<std::int64_t>& arguments) override {
    launch_train(launch, arguments);
  }
  void settle(const SettleArguments<std::int32_t>& arguments) override { launch_settle(arguments); }
  void settle(const SettleArguments<std::int64_t>& arguments) override { launch_settle(arguments); }
  void count_inactive(const SettleArguments<std::int32_t>& settled,
                      NetworkCounts* counts) override {
    launch_inactive(settled, counts);
  }
  void count_inactive(const SettleArguments<std::int64_t>& settled,
                      NetworkCounts* counts) override {
    launch_inactive(settled, counts);
  }
  void digest(const DigestArguments<std::int32_t>& arguments) override { launch_digest(arguments); }
  void digest(const DigestArguments<std::int64_t>& arguments) override { launch_digest(arguments); }
  void list_inputs(const ListArguments& arguments) override { launch_list_inputs(arguments); }
  void draw_weights(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    launch_initial_weights(launch, arguments);
  }
  void train(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    launch_train(launch, arguments);
  }
  void total(const NetworkLaunch& launch, const NetworkArguments& arguments) override {
    launch_total(launch, arguments);
  }
  void run(const BatchLaunch& launch, const BatchArguments& arguments) override {
    launch_batch(launch, arguments);
  }

 private:
  static int select(int number) {
    GRIDRUN_CUDA_CHECK(cudaSetDevice(number));
    return number;
  }

  int number_;  // selected before anything is made on it
  std::string description_;
  DeviceLimits limits_;
  Event begin_;
  Event end_;
};

}  // namespace

std::unique_ptr<Device> make_cuda_device(int number) {
  return std::make_unique<CudaDevice>(number);
}

}  // namespace gridrun::cuda
