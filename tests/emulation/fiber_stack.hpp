// Stacks of fibers: reused from block to block, and known to the address sanitizer.
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "../sanitizers.hpp"

#if GRIDRUN_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulation {

#if GRIDRUN_ADDRESS_SANITIZER
inline constexpr std::size_t stack_bytes = 256 << 10;
#else
inline constexpr std::size_t stack_bytes = 32 << 10;
#endif

/// The stack of one fiber, taken from the free ones while it lives; and, under the sanitizer, the
/// stack that switches to it come from.
class SwitchedStack {
 public:
  SwitchedStack() : memory_(take()) {}
  SwitchedStack(SwitchedStack&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)) {}
  SwitchedStack(const SwitchedStack&) = delete;
  SwitchedStack& operator=(const SwitchedStack&) = delete;
  ~SwitchedStack() {
    if (memory_) free_stacks().push_back(memory_);
  }

  char* bottom() const { return memory_; }

  /// The fiber runs for the first time.
  void arrive() {
#if GRIDRUN_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(nullptr, &from_bottom_, &from_bytes_);
#endif
  }

  /// The fiber is about to end.
  void leave_for_good() {
#if GRIDRUN_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(nullptr, from_bottom_, from_bytes_);
#endif
  }

 private:
  friend class OnStack;

  struct FreeStacks : std::vector<char*> {
    ~FreeStacks() {
      for (char* stack : *this) ::operator delete (stack, std::align_val_t{4096});
    }
  };
  static FreeStacks& free_stacks() {
    static FreeStacks stacks;
    return stacks;
  }
  static char* take() {
    auto& stacks = free_stacks();
    if (stacks.empty())
      return static_cast<char*>(::operator new (stack_bytes, std::align_val_t{4096}));
    char* stack = stacks.back();
    stacks.pop_back();
#if GRIDRUN_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(stack, stack_bytes);
#endif
    return stack;
  }

  char* memory_;
  const void* from_bottom_ = nullptr;
  std::size_t from_bytes_ = 0;
};

/// Tells the sanitizer of a switch while it lives: from the scheduler to a fiber's stack, or back.
class OnStack {
 public:
  enum Direction { to, back };

#if GRIDRUN_ADDRESS_SANITIZER
  explicit OnStack(SwitchedStack& stack, Direction direction = to)
      : stack_(stack), direction_(direction) {
    if (direction == to)
      __sanitizer_start_switch_fiber(&fake_, stack.bottom(), stack_bytes);
    else
      __sanitizer_start_switch_fiber(&fake_, stack.from_bottom_, stack.from_bytes_);
  }
  ~OnStack() {
    if (direction_ == to)
      __sanitizer_finish_switch_fiber(fake_, nullptr, nullptr);
    else
      __sanitizer_finish_switch_fiber(fake_, &stack_.from_bottom_, &stack_.from_bytes_);
  }

 private:
  SwitchedStack& stack_;
  Direction direction_;
  void* fake_ = nullptr;
#else
  explicit OnStack(SwitchedStack&, Direction = to) {}
  ~OnStack() {}
#endif

  OnStack(const OnStack&) = delete;
  OnStack& operator=(const OnStack&) = delete;
};

/// Boost.Context's view of such a stack.
struct StackOfPool {
  SwitchedStack& stack;

  boost::context::stack_context allocate() {
    boost::context::stack_context context;
    context.size = stack_bytes;
    context.sp = stack.bottom() + stack_bytes;
    return context;
  }
  void deallocate(boost::context::stack_context&) {}
};

}  // namespace emulation
