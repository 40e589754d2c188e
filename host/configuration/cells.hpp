// The networks of a sweep, resolved one at a time: a million of them need not be held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gridrun/network_spec.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

struct Key;

/// One network of a sweep, as its keys say it. `units_of_data`, inputs and labels, stand in where
/// the sweep has no layers. Throws RequestError with the key and the reason where a network cannot
/// be: a format without a fraction, a shift over 63.
NetworkSpec network_of(const Sweep& sweep, const std::vector<std::uint32_t>& units_of_data);

/// How many cells a grid of these axes has. Throws RequestError where it has over 20 million.
std::size_t count_cells(const std::vector<Axis>& axes);

/// The values of the axes at a cell of their product, the last axis fastest.
std::vector<KeyValue> values_at(const std::vector<Axis>& axes, std::size_t cell);

/// The product of a sweep's axes, the last axis fastest.
class Cells {
 public:
  explicit Cells(const Sweep& sweep);

  std::size_t size() const { return size_; }

  /// The sweep with the cell's values in the keys of its axes; valid until the next call. The next
  /// cell takes the least time.
  const Sweep& sweep_at(std::size_t cell);

  /// Which value of each axis that cell has.
  const std::vector<std::size_t>& place() const { return place_; }

  /// The values of the axes at a cell.
  std::vector<KeyValue> values_at(std::size_t cell) const {
    return gridrun::values_at(sweep_.axes, cell);
  }

 private:
  Sweep sweep_;
  std::vector<const Key*> keys_;    // [axis]
  std::vector<std::size_t> place_;  // [axis], of sweep_
  std::size_t cell_ = 0;            // of sweep_
  std::size_t size_;
};

/// All networks of a sweep.
std::vector<NetworkSpec> networks_of(const Sweep& sweep,
                                     const std::vector<std::uint32_t>& units_of_data);

}  // namespace gridrun
