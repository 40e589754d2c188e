#include "results/store_writer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;

StoredNetwork network(int number, const std::string& device) {
  StoredNetwork network;
  network.identity = fmt::format("{:032x}", number);
  network.figures = {0.5};
  network.steps = network.last_steps = 4;
  network.last_right = Bits(4);
  network.layers.resize(1);
  network.engine = "fake";
  network.device = device;
  return network;
}

class StoreWriterTest : public ::testing::Test {
 protected:
  StoreWriterTest() { store.create({}, {"accuracy"}, {}); }

  const ScratchDirectory scratch{memory_directory()};
  NetworkStore store{scratch.path(), StoreAccess::write};
  std::atomic<int> failures = 0;
};

TEST_F(StoreWriterTest, AllThatThreadsAddIsThereAtTheEnd) {
  constexpr int threads = 4, each = 200;
  {
    StoreWriter writer(
        store, [] { return "far"; }, [&] { ++failures; });
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        const std::string device = fmt::format("device {}", t % 2);
        writer.start(device);
        for (int n = 0; n < each; ++n) writer.add(network(t * each + n, device));
      });
    for (std::thread& thread : all) thread.join();
    writer.finish();
    EXPECT_GT(writer.seconds(), 0);
  }
  EXPECT_EQ(store.size(), threads * each);
  EXPECT_EQ(store.note("progress"), "far");
  EXPECT_EQ(failures, 0);
  store.visit([](const StoredNetwork& stored) { EXPECT_GE(stored.seconds, 0); }, false);
}

TEST_F(StoreWriterTest, NetworksAreStoredWhileOthersAreTrained) {
  StoreWriter writer(
      store, [] { return ""; }, [&] { ++failures; });
  writer.start("a");
  writer.add(network(1, "a"));
  const NetworkStore reader(scratch.path(), StoreAccess::read);
  while (reader.size() == 0) std::this_thread::yield();  // for half a second
  writer.add(network(2, "a"));
  writer.finish();
  EXPECT_EQ(reader.size(), 2U);
}

TEST_F(StoreWriterTest, AFailureIsToldOnceAndThrownAtTheEnd) {
  StoreWriter writer(
      store, [] { return ""; }, [&] { ++failures; });
  fs::remove(scratch.path() / "networks.db");
  writer.start("a");
  writer.add(network(1, "a"));
  while (failures == 0) std::this_thread::yield();
  for (int n = 2; n < 100; ++n) writer.add(network(n, "a"));
  EXPECT_NE(message_of<RunError>([&] {
              writer.finish();
            }).find("networks.db: cannot be written: it was moved, removed or replaced"),
            std::string::npos);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(store.size(), 0U);
}

/// Many large networks: those that wait for the disk hold up who adds more.
TEST_F(StoreWriterTest, WaitsForTheDiskRatherThanHoldAll) {
  StoreWriter writer(
      store, [] { return ""; }, [&] { ++failures; });
  writer.start("a");
  constexpr std::size_t weights = 1 << 20;
  const double bound = StoreWriter::memory_needed(1e9, weights * sizeof(std::int64_t), 1);
  EXPECT_LT(bound, 2e8);
  EXPECT_GT(bound, StoreWriter::memory_needed(2, weights * sizeof(std::int64_t), 1));
  for (int n = 0; n < 40; ++n) {  // 320 MiB
    StoredNetwork large = network(n, "a");
    large.weights = {std::vector<std::int64_t>(weights, n)};
    writer.add(std::move(large));
  }
  writer.finish();
  EXPECT_EQ(store.size(), 40U);
}

}  // namespace
}  // namespace gridrun
