#include "results/store_writer.hpp"

#include <system_error>
#include <utility>

namespace gridrun {
namespace {

constexpr auto longest_wait = std::chrono::milliseconds(500);
constexpr std::size_t most_bytes = std::size_t{64} << 20;  // that wait

std::size_t bytes_of(const StoredNetwork& network) {
  std::size_t bytes = sizeof(StoredNetwork) + network.last_right.words.size() * 8;
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

void StoreWriter::add(StoredNetwork network) {
  const std::size_t bytes = bytes_of(network);
  std::unique_lock lock(mutex_);
  const auto has_room = [&] { return waiting_bytes_ <= 2 * most_bytes; };
  if (thread_.joinable()) room_.wait(lock, has_room);
  waiting_.push_back(std::move(network));
  waiting_bytes_ += bytes;
  if (!thread_.joinable() && (!has_room() || Clock::now() - written_ > longest_wait))
    write_waiting(lock);
  if (waiting_bytes_ > most_bytes) wake_.notify_one();
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
    wake_.wait_for(lock, longest_wait, [&] { return finished_ || waiting_bytes_ > most_bytes; });
    last = finished_;
    write_waiting(lock);
  }
}

void StoreWriter::write_waiting(std::unique_lock<std::mutex>& lock) {
  std::vector<StoredNetwork> networks = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  room_.notify_all();
  if (networks.empty() || failure_) return;
  std::map<std::string, double> count;  // of each device
  for (const StoredNetwork& network : networks) ++count[network.device];
  const auto now = Clock::now();
  for (StoredNetwork& network : networks)
    network.seconds =
        std::chrono::duration<double>(now - last_[network.device]).count() / count[network.device];
  for (const auto& [device, of_device] : count) last_[device] = now;
  lock.unlock();
  std::exception_ptr failure;
  try {
    store_.add(networks);
    store_.set_note("progress", progress_note_());
  } catch (...) {
    failure = std::current_exception();
    on_failure_();
  }
  lock.lock();
  written_ = Clock::now();
  seconds_ += std::chrono::duration<double>(written_ - now).count();
  if (failure) failure_ = failure;
}

}  // namespace gridrun
