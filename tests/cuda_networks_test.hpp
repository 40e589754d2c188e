// What the tests of networks in general on the cuda engine share: the reference engine beside it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "cuda_test.hpp"
#include "engines/reference/reference_engine.hpp"
#include "random_network.hpp"
#include "sanitizers.hpp"

namespace gridrun::cuda {

/// Formats for weights of each word that there is.
inline constexpr RandomBits short_bits{2, 16}, middle_bits{10, 32}, all_bits{2, 64};

class CudaNetworksTest : public CudaTest {
 protected:
  static Outcomes reference_outcomes(const StagedSweep& sweep) {
    Progress progress;
    return ReferenceEngine(2).train(sweep, progress);
  }

  static void expect_same_as_reference(BatchedEngine& engine, const RandomNetworks& networks) {
    SCOPED_TRACE(networks.description);
    Progress progress;
    const Outcomes outcomes = engine.train(networks.staged, progress);
    const Outcomes expected = reference_outcomes(networks.staged);
    ASSERT_EQ(outcomes.size(), expected.size());
    for (std::size_t n = 0; n < outcomes.size() && !HasFailure(); ++n) {
      EXPECT_EQ(outcomes[n].right.words, expected[n].right.words) << n;
      EXPECT_EQ(outcomes[n].layers, expected[n].layers) << n;
      EXPECT_EQ(outcomes[n].weights_digest, expected[n].weights_digest) << n;
      EXPECT_EQ(outcomes[n].held_out_right.words, expected[n].held_out_right.words) << n;
      EXPECT_EQ(outcomes[n].diagnostics, expected[n].diagnostics) << n;
      EXPECT_TRUE(outcomes[n] == expected[n]) << n;
    }
    EXPECT_EQ(progress.done(),
              std::uint64_t{networks.staged.iterations} * networks.staged.networks.size());
  }

  static std::uint32_t seeds(std::uint32_t count) {
    return random_rounds(test_device_is_slow() ? count / 6 : count);
  }
};

}  // namespace gridrun::cuda
