// What networks in general take of the device's memory, against what is reckoned for them.
#include "general/network_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "batched_engine.hpp"
#include "emulated_device.hpp"
#include "random_network.hpp"
#include "sanitizers.hpp"

namespace gridrun::cuda {
namespace {

struct Use {
  std::size_t bytes = 0;  // at the same time, at most
  std::uint64_t groups = 0;
};

/// Trains on a device of which so many bytes are for networks, and which has so much shared memory.
Use use_of(const RandomNetworks& networks, std::size_t shared_bytes, std::uint64_t memory) {
  Use use;
  EmulatedLimits limits;
  limits.device.shared_of_block = shared_bytes;
  limits.most_used = &use.bytes;
  Tuning tuning;
  tuning.memory = memory;
  BatchedEngine engine(make_emulated_device(1, limits), tuning);
  Progress progress;
  engine.train(networks.staged, progress);
  use.bytes -= networks.staged.normals.size() * sizeof(double);  // are there before all networks
  use.groups = engine.record().batches;
  return use;
}

/// What holds wherever the limit is.
void expect_to_keep_to_memory(const RandomNetworks& networks, std::size_t shared_bytes) {
  SCOPED_TRACE(networks.description);
  const auto use_with = [&](std::uint64_t memory) {
    return use_of(networks, shared_bytes, memory);
  };
  const Use one_by_one = use_with(1), together = use_with(~std::uint64_t{0});
  EXPECT_EQ(one_by_one.groups, networks.staged.networks.size());
  for (const std::uint64_t tenths : {0, 2, 5, 8}) {
    const std::uint64_t memory =
        one_by_one.bytes + (together.bytes - one_by_one.bytes) * tenths / 10;
    EXPECT_LE(use_with(memory).bytes, memory) << memory;
  }
  EXPECT_LE(use_with(together.bytes - 1).bytes, together.bytes - 1);
  EXPECT_EQ(use_with(together.bytes + together.bytes / 8).groups, together.groups);
}

TEST(NetworkMemory, IsNeverMoreThanIsFree) {
  for (std::uint32_t seed = 700; seed < 700 + random_rounds(8) && !testing::Test::HasFailure();
       ++seed)
    for (const RandomBits bits : {RandomBits{2, 16}, RandomBits{10, 32}, RandomBits{2, 64}}) {
      RandomNetworks networks = random_networks(seed, bits);
      networks.staged.diagnose = seed % 4 == 3;
      networks.staged.iterations = 16;  // that a first launch has all of
      if (networks.staged.held_out.size() > 16) networks.staged.held_out.resize(16);
      if (seed % 2 == 0)
        for (NetworkSpec& spec : networks.staged.networks) spec.batch = 1 + seed % 16;
      expect_to_keep_to_memory(networks, seed % 8 < 4 ? std::size_t{99} << 10 : 0);
    }
}

}  // namespace
}  // namespace gridrun::cuda
