// The inputs that networks see: those of the data, or these normalised.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// The data with every input normalised, fitted on these samples, which are in the stored order.
/// docs/arithmetic.md, part 6. Throws RequestError where an input is no finite number then.
Dataset normalised(const Dataset& dataset, Normalise normalise,
                   const std::vector<std::uint32_t>& fit);

/// The data as networks see them: one data set for all that train on the same samples. It is kept
/// as long as this is. Safe to share by threads.
class NetworkInputs {
 public:
  struct Inputs {
    const Dataset* dataset;
    double largest;  // |input|
  };

  /// The data set outlives this.
  NetworkInputs(const Dataset& dataset, Normalise normalise);

  /// Throws RequestError as normalised() does, and when memory cannot hold them.
  Inputs of(const Draws& draws) const;

 private:
  struct Fitted {
    Draws draws;
    Dataset dataset;
    double largest;
  };

  std::vector<std::uint32_t> trained_on(const Draws& draws) const;

  const Dataset& dataset_;
  const Normalise normalise_;
  const double largest_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Fitted>> fitted_;
};

}  // namespace gridrun
