// Puts finished networks into a store while others are still trained.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "results/network_store.hpp"

namespace gridrun {

/// While it lives, the store is its own. Networks are on the disk half a second after they were
/// added, at the latest when finish() returns.
class StoreWriter {
 public:
  /// `progress_note` is called before each writing for the text of the note "progress";
  /// `on_failure` once, from another thread, when the store cannot be written: nothing more will
  /// be.
  StoreWriter(NetworkStore& store, std::function<std::string()> progress_note,
              std::function<void()> on_failure);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  /// Bytes that networks, so many, each as large as one of these at most, take at most on their way
  /// to the store, where `threads` add them.
  static double memory_needed(double networks, double bytes_of_a_network, unsigned threads);

  /// From any thread; waits where the disk is far behind. The seconds of a network are its share of
  /// the time since its engine's last networks were written, or start() was called first.
  void add(StoredNetwork network);

  /// An engine begins to train, as it does batch by batch.
  void start(const std::string& device);

  /// Writes what is left. Throws what a writing threw.
  void finish();

  /// Seconds that writing took, once it is finished.
  double seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;

  void work();
  void write_waiting(std::unique_lock<std::mutex>& lock);

  NetworkStore& store_;
  std::function<std::string()> progress_note_;
  std::function<void()> on_failure_;
  std::mutex mutex_;
  std::condition_variable wake_, room_;
  std::vector<StoredNetwork> waiting_;
  std::size_t bytes_ = 0;    // of those that wait, and of those that are being written
  bool is_writing_ = false;  // without the lock
  std::map<std::string, Clock::time_point> last_;  // of each device
  bool finished_ = false;
  std::exception_ptr failure_;
  Clock::time_point written_;
  double seconds_ = 0;
  std::thread thread_;
};

}  // namespace gridrun
