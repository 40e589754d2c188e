// Work shared by threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gridrun {

/// Calls work(i) for every i in 0 ... count - 1 on up to `threads` threads, the calling one and as
/// many others as the system grants, each taking the next one when it is free. Rethrows the first
/// exception once all threads have ended; after one, no new work is begun, and `end_others` is
/// called to end what others have begun: what they then throw is not the first.
template <typename Work, typename EndOthers>
void parallel_for(std::size_t count, unsigned threads, Work&& work, EndOthers&& end_others) {
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&] {
    try {
      for (std::size_t i; (i = next.fetch_add(1)) < count;) work(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(failure_mutex);
      if (failure) return;
      failure = std::current_exception();
      end_others();
    }
  };
  {
    std::vector<std::jthread> helpers;
    try {
      for (std::size_t i = 1; i < std::min<std::size_t>(threads, count); ++i)
        helpers.emplace_back(run);
    } catch (const std::system_error&) {
      // No more threads are to be had: those that there are do all the work.
    }
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

template <typename Work>
void parallel_for(std::size_t count, unsigned threads, Work&& work) {
  parallel_for(count, threads, work, [] {});
}

}  // namespace gridrun
