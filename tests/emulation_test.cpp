// The emulation itself: what it must compute, and what it must not let pass.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "cuda_emulation.hpp"

namespace {

using emulation::Error;
using emulation::launch;

constexpr unsigned full = ~0U;

template <typename Kernel>
std::string error_of(unsigned lanes, Kernel kernel) {
  try {
    launch({1, 1, 1}, lanes, 64, 1, kernel);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Emulation, RunsEveryThreadOfEveryBlockOnce) {
  std::vector<int> visits(3 * 2 * 96);
  launch({3, 2, 1}, 96, 0, 5,
         [&] { ++visits[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x]; });
  EXPECT_EQ(visits, std::vector<int>(visits.size(), 1));
}

TEST(Emulation, ShufflesVotesAndSums) {
  launch({1, 1, 1}, 64, 0, 1, [] {
    const unsigned lane = threadIdx.x % 32;
    EXPECT_EQ(__shfl_xor_sync(full, lane, 5), lane ^ 5);
    EXPECT_EQ(__shfl_sync(full, lane, 3, 8), lane / 8 * 8 + 3);
    EXPECT_EQ(__shfl_down_sync(full, lane, 4), lane + 4 < 32 ? lane + 4 : lane);
    const std::int64_t wide = -(std::int64_t{1} << 40) - static_cast<int>(lane);
    EXPECT_EQ(__shfl_sync(full, wide, 7), -(std::int64_t{1} << 40) - 7);
    EXPECT_EQ(__shfl_sync(full, 0.5 * lane, 9), 4.5);
    EXPECT_EQ(__ballot_sync(full, lane % 2 == 1), 0xaaaaaaaaU);
    EXPECT_TRUE(__any_sync(full, lane == 31));
    EXPECT_FALSE(__all_sync(full, lane == 31));
    EXPECT_EQ(__reduce_add_sync(full, lane), 496U);
    EXPECT_EQ(__reduce_add_sync(full, 1U << 31), 0U);  // wraps
    if (lane < 8) {
      EXPECT_EQ(__reduce_add_sync(0xff, lane), 28U);
    }
  });
}

TEST(Emulation, MultipliesBytesAsTensorCoresDo) {
  const auto left_of = [](unsigned row, unsigned term) {
    return static_cast<std::uint8_t>(row * 31 + term * 7 + 3);
  };
  const auto right_of = [](unsigned column, unsigned term) {
    return static_cast<std::uint8_t>(255 - column * 53 - term * 11);
  };
  const auto four = [](const auto& of, unsigned line, unsigned term) {
    std::uint32_t word = 0;
    for (unsigned t = 0; t < 4; ++t) word |= std::uint32_t{of(line, term + t)} << 8 * t;
    return word;
  };
  launch({1, 1, 1}, 64, 0, 1, [&] {
    const unsigned lane = threadIdx.x % 32, line = lane / 4, term = lane % 4 * 4;
    const std::uint32_t left[4] = {four(left_of, line, term), four(left_of, line + 8, term),
                                   four(left_of, line, term + 16),
                                   four(left_of, line + 8, term + 16)};
    const std::uint32_t right[2] = {four(right_of, line, term), four(right_of, line, term + 16)};
    const auto expect = [&](const std::int32_t(&sums)[4], std::int32_t before, auto left_byte,
                            auto right_byte) {
      for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = line + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        std::int32_t sum = before;
        for (unsigned t = 0; t < 32; ++t)
          sum += static_cast<decltype(left_byte)>(left_of(row, t)) *
                 static_cast<decltype(right_byte)>(right_of(column, t));
        EXPECT_EQ(sums[i], sum) << lane << " " << i;
      }
    };
    std::int32_t unsigned_sums[4] = {5, 5, 5, 5}, mixed[4] = {}, other[4] = {}, both[4] = {};
    emulation::add_byte_products<false, false>(unsigned_sums, left, right);
    expect(unsigned_sums, 5, std::uint8_t{}, std::uint8_t{});
    emulation::add_byte_products<true, false>(mixed, left, right);
    expect(mixed, 0, std::int8_t{}, std::uint8_t{});
    emulation::add_byte_products<false, true>(other, left, right);
    expect(other, 0, std::uint8_t{}, std::int8_t{});
    emulation::add_byte_products<true, true>(both, left, right);
    expect(both, 0, std::int8_t{}, std::int8_t{});
  });
  EXPECT_NE(error_of(32,
                     [] {
                       std::int32_t sums[4] = {};
                       const std::uint32_t factors[4] = {}, columns[2] = {};
                       if (threadIdx.x < 16)
                         emulation::add_byte_products<true, true>(sums, factors, columns);
                     }),
            "");
}

TEST(Emulation, BarriersSeparateWritesFromReads) {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    launch({2, 1, 1}, 128, 128 * sizeof(unsigned), seed, [] {
      auto* shared = static_cast<unsigned*>(emulation::dynamic_shared_memory());
      for (unsigned round = 0; round < 3; ++round) {
        shared[threadIdx.x] = threadIdx.x + round;
        __syncthreads();
        EXPECT_EQ(shared[127 - threadIdx.x], 127 - threadIdx.x + round);
        __syncthreads();
      }
    });
}

TEST(Emulation, ARaceDoesNotGiveOneResultOverSeeds) {
  std::set<unsigned> within_warp;
  std::set<unsigned> across_warps;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    unsigned last = 0;
    launch({1, 1, 1}, 32, 0, seed, [&] { last = threadIdx.x; });
    within_warp.insert(last);
    launch({1, 1, 1}, 128, 0, seed, [&] { last = threadIdx.x / 32; });
    across_warps.insert(last);
  }
  EXPECT_GT(within_warp.size(), 5U);
  EXPECT_EQ(across_warps.size(), 4U);
}

TEST(Emulation, AMissingWarpBarrierShowsOverSeeds) {
  int stale = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    launch({1, 1, 1}, 32, 32 * sizeof(unsigned), seed, [&] {
      auto* shared = static_cast<unsigned*>(emulation::dynamic_shared_memory());
      shared[threadIdx.x] = threadIdx.x;
      if (shared[31 - threadIdx.x] != 31 - threadIdx.x) ++stale;
    });
  EXPECT_GT(stale, 0);
}

TEST(Emulation, SharedMemoryBeginsPoisoned) {
  launch({2, 1, 1}, 32, 64, 1, [] {
    const auto* bytes = static_cast<unsigned char*>(emulation::dynamic_shared_memory());
    EXPECT_EQ(bytes[threadIdx.x], emulation::poison);
    EXPECT_EQ(bytes[32 + threadIdx.x], emulation::poison);
  });
}

// Kernels stand outside the macros: what a macro is given has one source location.
TEST(Emulation, DivergenceAroundAShuffleFails) {
  const auto kernel = [] {
    if (threadIdx.x < 16)
      __shfl_sync(full, 1, 0);
    else
      __shfl_sync(full, 2, 0);
  };
  EXPECT_NE(error_of(32, kernel).find("other lanes of it"), std::string::npos);
}

TEST(Emulation, DifferentMasksFail) {
  EXPECT_NE(
      error_of(32, [] { __ballot_sync(threadIdx.x == 3 ? 0xffU : full, true); }).find("collective"),
      std::string::npos);
}

TEST(Emulation, DifferentWidthsOfValuesFail) {
  EXPECT_NE(error_of(32,
                     [] {
                       const auto meet = [](auto value) {
                         return emulation::shuffle_from(full, value, 0,
                                                        emulation::CallPlace::current());
                       };
                       if (threadIdx.x == 0)
                         meet(1);
                       else
                         meet(std::int64_t{1});
                     }),
            "");
}

TEST(Emulation, ALaneThatLeavesFails) {
  const auto kernel = [] {
    if (threadIdx.x != 5) __syncwarp();
  };
  EXPECT_NE(error_of(32, kernel).find("left the kernel"), std::string::npos);
}

TEST(Emulation, ALaneOutsideItsMaskFails) {
  EXPECT_NE(error_of(32, [] { __syncwarp(0xff); }).find("leaves out"), std::string::npos);
}

TEST(Emulation, ReadingALaneThatTakesNoPartFails) {
  const auto kernel = [] {
    if (threadIdx.x < 16) __shfl_sync(0xffff, 1, 20);
  };
  EXPECT_NE(error_of(32, kernel).find("takes no part"), std::string::npos);
}

TEST(Emulation, ABarrierThatSomeNeverReachFails) {
  const auto left_out = [] {
    if (threadIdx.x < 32) __syncthreads();
  };
  EXPECT_NE(error_of(64, left_out).find("barrier"), std::string::npos);
  const auto two_barriers = [] {
    if (threadIdx.x < 32)
      __syncthreads();
    else
      __syncthreads();
  };
  EXPECT_NE(error_of(64, two_barriers).find("different barriers"), std::string::npos);
}

TEST(Emulation, WaitingForEachOtherFails) {
  const auto kernel = [] {
    if (threadIdx.x < 16)
      __syncthreads();
    else
      __shfl_sync(full, 1, 0);
  };
  EXPECT_NE(error_of(32, kernel).find("never come"), std::string::npos);
}

TEST(Emulation, PassesOnWhatAThreadThrows) {
  EXPECT_THROW(launch({1, 1, 1}, 64, 0, 1,
                      [] {
                        if (threadIdx.x == 40) throw std::runtime_error("thread 40");
                        __syncwarp();
                      }),
               std::runtime_error);
}

TEST(Emulation, RefusesBlocksOfPartialWarps) {
  EXPECT_THROW(launch({1, 1, 1}, 33, 0, 1, [] {}), Error);
}

TEST(Emulation, AtomicsReturnWhatWasThere) {
  unsigned counter = 0;
  std::set<unsigned> seen;
  launch({2, 1, 1}, 32, 0, 1, [&] { seen.insert(atomicAdd(&counter, 1U)); });
  EXPECT_EQ(counter, 64U);
  EXPECT_EQ(seen.size(), 64U);
  EXPECT_EQ(atomicOr(&counter, 3U), 64U);
  EXPECT_EQ(counter, 67U);
  EXPECT_EQ(atomicMax(&counter, 66U), 67U);
  EXPECT_EQ(atomicMax(&counter, 68U), 67U);
  EXPECT_EQ(counter, 68U);
}

TEST(Emulation, CountsBits) {
  EXPECT_EQ(__popc(0), 0);
  EXPECT_EQ(__popc(0x80000001U), 2);
  EXPECT_EQ(__clz(0), 32);
  EXPECT_EQ(__clz(1), 31);
  EXPECT_EQ(__clz(-1), 0);
}

}  // namespace
