// Networks in general on the cuda engine against the reference engine, to the byte: the same tests
// over the emulation and on a GPU.
#include <gtest/gtest.h>

#include <string>

#include "batched_engine.hpp"
#include "cuda_test_device.hpp"
#include "engines/reference/reference_engine.hpp"
#include "random_network.hpp"

namespace gridrun::cuda {
namespace {

class CudaGeneral : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!make_test_device(0, why)) GTEST_SKIP() << "no CUDA device: " << why;
  }

  static BatchedEngine engine(const Tuning& tuning = {}, std::uint64_t seed = 1) {
    std::string why;
    return BatchedEngine(make_test_device(seed, why), tuning);
  }

  static void expect_same_as_reference(BatchedEngine& engine, const RandomNetworks& networks) {
    SCOPED_TRACE(networks.description);
    Progress progress, expected_progress;
    const Outcomes outcomes = engine.train(networks.staged, progress);
    const Outcomes expected = ReferenceEngine(2).train(networks.staged, expected_progress);
    ASSERT_EQ(outcomes.size(), expected.size());
    for (std::size_t n = 0; n < outcomes.size(); ++n) {
      EXPECT_EQ(outcomes[n].right.words, expected[n].right.words) << n;
      EXPECT_EQ(outcomes[n].layers, expected[n].layers) << n;
      EXPECT_EQ(outcomes[n].weights_digest, expected[n].weights_digest) << n;
      EXPECT_TRUE(outcomes[n] == expected[n]) << n;
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_EQ(progress.done(), expected_progress.done());
  }
};

TEST_F(CudaGeneral, RandomNetworksAgreeWithReference) {
  const std::uint32_t seeds = test_device_is_slow() ? 12 : 60;
  std::uint64_t general = 0;
  for (std::uint32_t seed = 0; seed < seeds && !HasFailure(); ++seed)
    for (const RandomBits bits : {RandomBits{2, 16}, RandomBits{10, 32}, RandomBits{2, 64}}) {
      Tuning tuning;
      tuning.slice_steps = seed % 3 == 0 ? 0 : 1 + seed % 37;
      BatchedEngine trained = engine(tuning, seed);
      expect_same_as_reference(trained, random_networks(seed, bits));
      general += trained.record().general;
    }
  EXPECT_GT(general, 0U);
}

}  // namespace
}  // namespace gridrun::cuda
