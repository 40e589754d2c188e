#include "staging/baseline.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

TEST(BaselineOf, DoesNotDependOnPrecision) {
  for (const char* name : {"fraction", "bits", "precision.bits", "precision.weight.round",
                           "precision.overflow", "train.rounding_seed"})
    EXPECT_TRUE(is_precision_axis(name)) << name;
  for (const char* name : {"lr", "train.seed", "init.unit", "network.layers", "network.bias"})
    EXPECT_FALSE(is_precision_axis(name)) << name;
}

TEST(BaselineOf, IsTheNetworkWithoutFormats) {
  NetworkSpec network;
  network.units = {4, 3};
  network.lr = 7;
  network.batch = 2;
  network.rounding_seed = 8;
  network.formats.master = {12, 5, Round::nearest_even, Overflow::saturate, 3};
  network.formats.error.fraction = 4;
  NetworkSpec baseline = baseline_of(network, 9);
  EXPECT_EQ(baseline.arithmetic, Arithmetic::binary64);
  EXPECT_EQ(baseline.units, network.units);
  EXPECT_EQ(baseline.lr, 7);
  EXPECT_EQ(baseline.batch, 2U);
  EXPECT_EQ(baseline.rounding_seed, 0U);
  TensorFormats formats;
  formats.master.fraction = 9;  // what the last place is
  EXPECT_EQ(baseline.formats, formats);
  network.init.unit = WeightUnit::real;
  EXPECT_EQ(baseline_of(network, 9).formats, TensorFormats());
}

}  // namespace
}  // namespace gridrun
