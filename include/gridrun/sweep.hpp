// Host and device: what to run. A Sweep is a configuration file, checked and complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gridrun/arithmetic.hpp"

namespace gridrun {

/// The order of the samples before any shuffle.
enum class SampleOrder : std::uint8_t { as_stored, by_label };

/// Which draw comes first from the one generator; `weights` means that nothing is shuffled.
enum class DrawOrder : std::uint8_t { shuffle_then_weights, weights_then_shuffle, weights };

struct Sweep {
  struct {
    std::string name;                           // digits | mnist | idx | csv
    std::string path;                           // directory of IDX files, or a CSV file
    SampleOrder order = SampleOrder::by_label;  //
    double scale = 1.0;                         // stored value / scale = input
  } dataset;
  struct {
    std::vector<std::uint32_t> layers;  // inputs, outputs; empty: as the data have them
    Activation activation = Activation::relu;
  } network;
  struct {
    double mean = 0.0;  // of the weights, in units of the last place
    double std = 500.0;
  } init;
  struct {
    std::uint32_t iterations = 10'000;
    std::uint32_t seed = 0xdeadbeec;
    DrawOrder draw_order = DrawOrder::shuffle_then_weights;
  } train;
  struct {
    std::vector<int> lr;        // rising, 0 ... max_lr
    std::vector<int> fraction;  // rising, 0 ... max_fraction
  } grid;
  struct {
    std::uint32_t smooth_window = 1001;  // steps, odd
    std::uint32_t polyorder = 2;
    double tolerance = 0.02;  // accuracies that differ by no more count as equal in the answers
    bool curves = false;      // write curves.npz
  } report;
};

inline constexpr int max_lr = 62;
inline constexpr int max_fraction = 52;

/// One network of the sweep: a point of the Cartesian product of its axes.
struct Network {
  int lr = 0;        // the learning rate is 2^-lr
  int fraction = 0;  // fraction bits

  friend bool operator==(const Network& a, const Network& b) {
    return a.lr == b.lr && a.fraction == b.fraction;
  }
};

/// The sweep's networks, lr by lr and within one lr fraction by fraction.
inline std::vector<Network> networks_of(const Sweep& sweep) {
  std::vector<Network> networks;
  networks.reserve(sweep.grid.lr.size() * sweep.grid.fraction.size());
  for (const int lr : sweep.grid.lr)
    for (const int fraction : sweep.grid.fraction) networks.push_back({lr, fraction});
  return networks;
}

}  // namespace gridrun
