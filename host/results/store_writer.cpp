#include "results/store_writer.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace gridrun {
namespace {

constexpr auto longest_wait = std::chrono::milliseconds(500);
constexpr std::size_t most_bytes = std::size_t{64} << 20;  // on their way, but for the last ones

/// At most, and of the allocator.
std::size_t bytes_of(const StoredNetwork& network) {
  constexpr std::size_t texts = 400, value = 64;
  std::size_t bytes = sizeof(StoredNetwork) + texts + network.last_right.words.size() * 8 +
                      (network.axes.size() + network.figures.size()) * value +
                      network.layers.size() * (sizeof(LayerSums) + value);
  for (const auto& layer : network.weights) bytes += layer.size() * sizeof(std::int64_t);
  return bytes;
}

}  // namespace

StoreWriter::StoreWriter(NetworkStore& store, std::function<std::string()> progress_note,
                         std::function<void()> on_failure)
    : store_(store),
      progress_note_(std::move(progress_note)),
      on_failure_(std::move(on_failure)),
      written_(Clock::now()) {
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    // No more threads are to be had: add() writes.
  }
}

StoreWriter::~StoreWriter() {
  try {
    finish();
  } catch (const std::exception&) {  // whoever wants to know calls finish()
  }
}

void StoreWriter::start(const std::string& device) {
  const std::lock_guard lock(mutex_);
  last_.try_emplace(device, Clock::now());
}

double StoreWriter::memory_needed(double networks, double bytes_of_a_network, unsigned threads) {
  const double each = bytes_of_a_network + static_cast<double>(bytes_of(StoredNetwork()));
  const double last_ones = (threads + 3) * each;  // and a row, twice
  return std::min(networks * each, static_cast<double>(most_bytes)) + last_ones;
}

void StoreWriter::add(StoredNetwork network) {
  const std::size_t bytes = bytes_of(network);
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] {
    const bool is_written = thread_.joinable() || is_writing_;  // without this thread's help
    return bytes_ <= most_bytes || !is_written;
  });
  waiting_.push_back(std::move(network));
  bytes_ += bytes;
  const bool is_urgent = bytes_ > most_bytes / 2;
  if (thread_.joinable()) {
    if (is_urgent) wake_.notify_one();
  } else if (!is_writing_ && (is_urgent || Clock::now() - written_ > longest_wait)) {
    write_waiting(lock);
  }
}

void StoreWriter::finish() {
  {
    std::unique_lock lock(mutex_);
    finished_ = true;
    if (!thread_.joinable()) write_waiting(lock);
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void StoreWriter::work() {
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    wake_.wait_for(lock, longest_wait, [&] { return finished_ || bytes_ > most_bytes / 2; });
    last = finished_;
    write_waiting(lock);
  }
}

void StoreWriter::write_waiting(std::unique_lock<std::mutex>& lock) {
  std::vector<StoredNetwork> networks = std::exchange(waiting_, {});
  const std::size_t bytes = bytes_;
  if (failure_) networks.clear();
  if (networks.empty()) {
    bytes_ = 0;
    return room_.notify_all();
  }
  std::map<std::string, double> count;  // of each device
  for (const StoredNetwork& network : networks) ++count[network.device];
  const auto now = Clock::now();
  for (StoredNetwork& network : networks)
    network.seconds =
        std::chrono::duration<double>(now - last_[network.device]).count() / count[network.device];
  for (const auto& [device, of_device] : count) last_[device] = now;
  is_writing_ = true;
  lock.unlock();
  std::exception_ptr failure;
  try {
    store_.add(networks);
    store_.set_note("progress", progress_note_());
  } catch (...) {
    failure = std::current_exception();
    on_failure_();
  }
  networks = {};
  lock.lock();
  is_writing_ = false;
  bytes_ -= bytes;
  room_.notify_all();
  written_ = Clock::now();
  seconds_ += std::chrono::duration<double>(written_ - now).count();
  if (failure) failure_ = failure;
}

}  // namespace gridrun
