#include "results/storage.hpp"

#include <gtest/gtest.h>

namespace gridrun {
namespace {

NetworkSpec network(int master_bits, int weight_bits) {
  NetworkSpec network;
  network.units = {5, 4, 3};
  network.bias = true;
  TensorFormats& formats = network.formats;
  formats.input.bits = 8;
  formats.master = {master_bits, 6, Round::stochastic, Overflow::saturate, 32};
  formats.weight = formats.master;
  formats.weight.bits = weight_bits;
  formats.activation.bits = 10;
  return network;
}

TEST(Storage, CountsWeightsOnceMoreWhereCopiesAreKept) {
  const int weights = 6 * 4 + 5 * 3;
  EXPECT_EQ(storage_of(network(16, 16)).weight_bits, weights * 16);
  EXPECT_EQ(storage_of(network(16, 8)).weight_bits, weights * 24);
  EXPECT_EQ(storage_of(network(16, 8)).activation_bits, 5 * 8 + 7 * 10);
}

TEST(Storage, NamesFormatsAndWhoHasThem) {
  EXPECT_EQ(formats_text(network(16, 16)),
            "input: 8 bits, fraction 0, floor, wrap; "
            "master, weight: 16 bits, fraction 6, stochastic, saturate; "
            "accumulator: 64 bits, wrap; "
            "activation: 10 bits, fraction 0, floor, wrap; "
            "error, gradient: 64 bits, fraction 0, floor, wrap");
}

FrontPoint point(std::size_t cell, double bits, double value) {
  return {cell, {bits, 1}, {value, value, value, 1}};
}

TEST(ParetoFront, HasWhatNoneWithAsFewBitsBeats) {
  const auto front = pareto_front({point(0, 80, 0.9), point(1, 40, 0.5), point(2, 60, 0.9),
                                   point(3, 40, 0.6), point(4, 90, 0.95), point(5, 70, 0.7)});
  std::vector<std::size_t> cells;
  for (const FrontPoint& on : front) cells.push_back(on.cell);
  EXPECT_EQ(cells, (std::vector<std::size_t>{3, 2, 4}));
}

}  // namespace
}  // namespace gridrun
