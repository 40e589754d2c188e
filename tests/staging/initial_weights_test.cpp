#include "staging/initial_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace gridrun {
namespace {

StagedSweep sweep_of(std::vector<std::uint32_t> units, std::vector<double> normals) {
  StagedSweep sweep;
  sweep.networks.resize(1);
  sweep.networks[0].units = std::move(units);
  sweep.networks[0].formats.master.fraction = 3;
  sweep.normals = std::move(normals);
  return sweep;
}

Weights weights_of(const StagedSweep& sweep) { return initial_weights(sweep, sweep.networks[0]); }

TEST(InitialWeights, AreUnitsOfTheLastPlaceHalfToEven) {
  StagedSweep sweep = sweep_of({2, 2}, {0.25, -0.25, 1, 0.75});
  sweep.networks[0].init = {WeightUnit::lsb, 1.0, WeightSpread::std, 2.0};
  EXPECT_EQ(weights_of(sweep), (Weights{{2, 0, 3, 2}})) << "1.5, 0.5, 3, 2.5";
}

TEST(InitialWeights, AreRealsAtTheMastersFraction) {
  StagedSweep sweep = sweep_of({2, 1}, {0.25, -0.3});
  sweep.networks[0].init = {WeightUnit::real, 0.5, WeightSpread::std, 2.0};
  EXPECT_EQ(weights_of(sweep), (Weights{{8, -1}})) << "1 and -0.1 by 2^3";
}

TEST(InitialWeights, SpreadByTheSizeOfEachLayer) {
  StagedSweep sweep = sweep_of({2, 1, 3}, {1, 1, 1, 1, 1});
  NetworkSpec& network = sweep.networks[0];
  network.formats.master.fraction = 20;
  network.bias = true;  // it does not count
  network.init = {WeightUnit::real, 0.0, WeightSpread::he, 7.0};
  const auto real = [](double value) {
    return static_cast<std::int64_t>(std::rint(std::ldexp(value, 20)));
  };
  const std::int64_t one = real(1.0), root_2 = real(std::sqrt(2.0));
  EXPECT_EQ(weights_of(sweep), (Weights{{one, one}, {root_2, root_2, root_2}}));
  network.init.spread = WeightSpread::xavier;
  const std::int64_t first = real(std::sqrt(2.0 / 3)), second = real(std::sqrt(0.5));
  EXPECT_EQ(weights_of(sweep), (Weights{{first, first}, {second, second, second}}));
}

TEST(InitialWeights, OverflowAsTheMasterDoes) {
  StagedSweep sweep = sweep_of({3, 1}, {7, 8, -9});
  sweep.networks[0].init.std = 1.0;
  sweep.networks[0].formats.master.bits = 4;
  EXPECT_EQ(weights_of(sweep), (Weights{{7, -8, 7}}));
  sweep.networks[0].formats.master.overflow = Overflow::saturate;
  EXPECT_EQ(weights_of(sweep), (Weights{{7, 7, -8}}));
  sweep.networks[0].formats.master.overflow = Overflow::saturate_symmetric;
  EXPECT_EQ(weights_of(sweep), (Weights{{7, 7, -7}}));
}

TEST(InitialWeights, OfBinary64AreNotRounded) {
  StagedSweep sweep = sweep_of({2, 2}, {0.25, -0.3, 1e-9, 1e300});
  NetworkSpec& network = sweep.networks[0];
  network.init = {WeightUnit::real, 0.1, WeightSpread::std, 2.0};
  const std::vector<double> reals = {0.1 + 0.5, 0.1 - 0.6, 0.1 + 2e-9, 2e300};
  EXPECT_EQ(initial_reals(sweep, network), (RealWeights{reals}));
  network.init.unit = WeightUnit::lsb;
  EXPECT_EQ(initial_reals(sweep, network),
            (RealWeights{{reals[0] / 8, reals[1] / 8, reals[2] / 8, reals[3] / 8}}));
}

TEST(InitialWeights, OfBinary64HaveNoNegativeZero) {
  StagedSweep sweep = sweep_of({1, 1}, {-1.0});
  sweep.networks[0].init = {WeightUnit::real, -0.0, WeightSpread::std, 0.0};
  EXPECT_FALSE(std::signbit(initial_reals(sweep, sweep.networks[0])[0][0]));
}

}  // namespace
}  // namespace gridrun
