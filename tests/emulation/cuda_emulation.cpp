#include "cuda_emulation.hpp"

#include <boost/context/fiber.hpp>
#include <cstdlib>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "fiber_stack.hpp"

dim3 threadIdx;
dim3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace emulation {
namespace {

using boost::context::fiber;

/// splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t bits = (state_ += 0x9e3779b97f4a7c15);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[next() % i]);
  }

 private:
  std::uint64_t state_;
};

std::string place(const CallPlace& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

/// A collective, or the block's barrier, that some threads have reached and some have not.
struct Meeting {
  unsigned mask = 0;     // lanes that take part
  unsigned arrived = 0;  // of these
  Collective kind{};
  unsigned bytes = 0;
  CallPlace where;
};

struct Thread {
  fiber body;
  fiber scheduler;  // while the thread runs
  SwitchedStack stack;
  bool done = false;
};

struct Warp {
  unsigned done = 0;              // lanes that have left the kernel
  std::vector<Meeting> meetings;  // open ones, of disjoint masks
  Operand operand[lanes_of_warp];
  std::uint64_t result[lanes_of_warp];
};

class Block {
 public:
  Block(unsigned lanes, std::size_t shared_bytes, std::uint64_t seed,
        const std::function<void()>& kernel)
      : kernel_(kernel),
        random_(seed),
        shared_(new unsigned char[shared_bytes]),
        threads_(lanes),
        warps_(lanes / lanes_of_warp) {
    std::memset(shared_.get(), poison, shared_bytes);
    for (int i = 0; i < orders; ++i) {
      std::vector<std::uint8_t> order(lanes_of_warp);
      std::iota(order.begin(), order.end(), std::uint8_t{0});
      random_.shuffle(order);
      orders_.push_back(std::move(order));
    }
  }

  ~Block() {
    for (auto& thread : threads_)
      if (thread.body) {  // unwinds what a failure left suspended
        const OnStack on(thread.stack);
        fiber().swap(thread.body);
      }
  }

  void* shared() { return shared_.get(); }

  void run() {
    std::vector<unsigned> warps(warps_.size());
    std::iota(warps.begin(), warps.end(), 0U);
    random_.shuffle(warps);
    for (const unsigned warp : warps) wake(warp, ~0U);
    while (!runnable_.empty()) {
      current_ = runnable_.back();
      runnable_.pop_back();
      threadIdx.x = current_;
      Thread& thread = threads_[current_];
      if (!thread.body && !thread.done) start(thread);
      {
        const OnStack on(thread.stack);
        thread.body = std::move(thread.body).resume();
      }
      if (failure_) std::rethrow_exception(failure_);
    }
    if (finished_ != threads_.size()) throw Error(missing());
  }

  std::uint64_t meet(unsigned mask, const Operand& operand, const CallPlace& where) {
    const unsigned lane = current_ % lanes_of_warp;
    const unsigned warp_index = current_ / lanes_of_warp;
    Warp& warp = warps_[warp_index];
    Meeting& meeting = meeting_of(warp, lane, mask, operand, where);
    meeting.arrived |= 1U << lane;
    warp.operand[lane] = operand;
    if (meeting.arrived != meeting.mask) {
      wait();
    } else {
      settle(warp, meeting);
      std::swap(meeting, warp.meetings.back());
      warp.meetings.pop_back();
      wake(warp_index, mask & ~(1U << lane));
    }
    return warp.result[lane];
  }

  void barrier(const CallPlace& where) {
    if (at_barrier_.empty()) {
      barrier_place_ = where;
    } else if (!same_place(barrier_place_, where)) {
      throw Error("threads wait in different barriers: " + place(barrier_place_) + " and " +
                  place(where));
    }
    at_barrier_.push_back(current_);
    if (at_barrier_.size() < threads_.size()) return wait();
    at_barrier_.pop_back();
    random_.shuffle(at_barrier_);
    runnable_.insert(runnable_.end(), at_barrier_.begin(), at_barrier_.end());
    at_barrier_.clear();
  }

  unsigned lane() const { return current_ % lanes_of_warp; }

 private:
  static constexpr int orders = 64;

  static bool same_place(const CallPlace& a, const CallPlace& b) {
    return a.line() == b.line() && a.column() == b.column() &&
           std::strcmp(a.file_name(), b.file_name()) == 0;
  }

  void start(Thread& thread) {
    thread.body =
        fiber(std::allocator_arg, StackOfPool{thread.stack}, [this, &thread](fiber&& from) {
          thread.stack.arrive();
          thread.scheduler = std::move(from);
          try {
            kernel_();
            leave();
          } catch (const boost::context::detail::forced_unwind&) {
            thread.stack.leave_for_good();
            throw;
          } catch (...) {
            failure_ = std::current_exception();
          }
          thread.done = true;
          thread.stack.leave_for_good();
          return std::move(thread.scheduler);
        });
  }

  /// Notes that the current thread has left the kernel.
  void leave() {
    Warp& warp = warps_[current_ / lanes_of_warp];
    const unsigned bit = 1U << lane();
    warp.done |= bit;
    ++finished_;
    for (const Meeting& meeting : warp.meetings)
      if (meeting.mask & bit) throw Error(describe(meeting) + ": a lane left the kernel instead");
    if (!at_barrier_.empty())
      throw Error("barrier at " + place(barrier_place_) + ": a thread left the kernel instead");
  }

  /// Back to the scheduler until someone wakes the current thread.
  void wait() {
    const unsigned self = current_;
    Thread& thread = threads_[self];
    const OnStack on(thread.stack, OnStack::back);
    thread.scheduler = std::move(thread.scheduler).resume();
  }

  void wake(unsigned warp, unsigned mask) {
    for (const std::uint8_t lane : orders_[random_.next() % orders])
      if (mask >> lane & 1) runnable_.push_back(warp * lanes_of_warp + lane);
  }

  /// The open meeting that a lane joins, or a new one.
  Meeting& meeting_of(Warp& warp, unsigned lane, unsigned mask, const Operand& operand,
                      const CallPlace& where) {
    if (!(mask >> lane & 1))
      throw Error("collective at " + place(where) + ": the mask leaves out the lane itself");
    if (mask & warp.done)
      throw Error("collective at " + place(where) + ": the mask names a lane that left the kernel");
    for (Meeting& meeting : warp.meetings) {
      if (!(meeting.mask & mask)) continue;
      if (meeting.mask != mask || meeting.kind != operand.kind || meeting.bytes != operand.bytes ||
          !same_place(meeting.where, where))
        throw Error(describe(meeting) + ": other lanes of it are in the one at " + place(where));
      return meeting;
    }
    warp.meetings.push_back({mask, 0, operand.kind, operand.bytes, where});
    return warp.meetings.back();
  }

  /// Everyone has come: what each lane takes away.
  void settle(Warp& warp, const Meeting& meeting) {
    if (meeting.kind == Collective::multiply) return multiply(warp);
    std::uint64_t common = 0;
    if (meeting.kind == Collective::ballot || meeting.kind == Collective::add)
      for (unsigned lane = 0; lane < lanes_of_warp; ++lane) {
        if (!(meeting.mask >> lane & 1)) continue;
        if (meeting.kind == Collective::add)
          common += warp.operand[lane].value;
        else
          common |= (warp.operand[lane].value & 1) << lane;
      }
    for (unsigned lane = 0; lane < lanes_of_warp; ++lane) {
      if (!(meeting.mask >> lane & 1)) continue;
      const unsigned source = warp.operand[lane].source_lane;
      if (meeting.kind == Collective::shuffle && !(meeting.mask >> source & 1))
        throw Error(describe(meeting) + ": a lane reads one that takes no part");
      warp.result[lane] = meeting.kind == Collective::shuffle ? warp.operand[source].value : common;
    }
  }

  /// The sums of 16 rows and 8 columns of 32 bytes, which the lanes have as tensor_cores.cuh says.
  static void multiply(Warp& warp) {
    const auto factors = [&](unsigned lane) {
      return reinterpret_cast<const ByteFactors*>(warp.operand[lane].value);
    };
    const auto byte = [](std::uint32_t word, unsigned place, bool is_signed) {
      const std::uint32_t bits = word >> 8 * place & 0xff;
      return static_cast<std::int32_t>(bits) - (is_signed && bits >= 128 ? 256 : 0);
    };
    const bool left_signed = factors(0)->left_signed, right_signed = factors(0)->right_signed;
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        std::uint32_t sum = 0;
        for (unsigned term = 0; term < 32; ++term) {
          const unsigned four = term % 16 / 4, half = term / 16;
          const std::uint32_t left = factors(row % 8 * 4 + four)->left[2 * half + row / 8];
          const std::uint32_t right = factors(column * 4 + four)->right[half];
          sum += static_cast<std::uint32_t>(byte(left, term % 4, left_signed) *
                                            byte(right, term % 4, right_signed));
        }
        std::int32_t& into = factors(row % 8 * 4 + column / 2)->sums[row / 8 * 2 + column % 2];
        into = static_cast<std::int32_t>(static_cast<std::uint32_t>(into) + sum);
      }
  }

  static std::string describe(const Meeting& meeting) {
    return "collective at " + place(meeting.where);
  }

  /// Who waits for whom, when nobody can run.
  std::string missing() const {
    for (const Warp& warp : warps_)
      if (!warp.meetings.empty())
        return describe(warp.meetings.front()) + ": some lanes of its mask never come";
    return "barrier at " + place(barrier_place_) + ": some threads never come";
  }

  const std::function<void()>& kernel_;
  Random random_;
  std::unique_ptr<unsigned char[]> shared_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> runnable_;  // a stack, so that a warp goes on while it can
  std::vector<unsigned> at_barrier_;
  CallPlace barrier_place_;
  std::vector<std::vector<std::uint8_t>> orders_;  // of a warp's lanes, to draw from
  std::size_t finished_ = 0;
  unsigned current_ = 0;
  std::exception_ptr failure_;
};

Block* block = nullptr;  // the one that runs

}  // namespace

void launch(dim3 grid, unsigned block_lanes, std::size_t shared_bytes, std::uint64_t seed,
            const std::function<void()>& kernel) {
  if (block_lanes == 0 || block_lanes % lanes_of_warp != 0 || block_lanes > 1024)
    throw Error("blocks of " + std::to_string(block_lanes) + " threads");
  Random random(seed);
  std::vector<std::uint64_t> order(std::uint64_t{grid.x} * grid.y);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  random.shuffle(order);
  gridDim = grid;
  blockDim = {block_lanes, 1, 1};
  for (const std::uint64_t index : order) {
    blockIdx = {static_cast<unsigned>(index % grid.x), static_cast<unsigned>(index / grid.x), 0};
    threadIdx = {0, 0, 0};
    Block running(block_lanes, shared_bytes, random.next(), kernel);
    block = &running;
    running.run();
    block = nullptr;
  }
}

void* dynamic_shared_memory() { return block->shared(); }

void block_barrier(const CallPlace& where) { block->barrier(where); }

std::uint64_t meet(unsigned mask, const Operand& operand, const CallPlace& where) {
  return block->meet(mask, operand, where);
}

unsigned lane_of_thread() { return block->lane(); }

}  // namespace emulation
