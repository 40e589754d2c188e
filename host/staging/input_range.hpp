// Whether the words of networks hold their inputs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/dataset.hpp"
#include "gridrun/format.hpp"

namespace gridrun {

/// Inputs that words do not hold: of the networks of a sweep, those with the most.
class InputRange {
 public:
  /// A network's data, which outlive this, and the format of its inputs.
  void add(const Dataset& dataset, const Format& input);

  /// One line on how far inputs reach, what their words hold, and how many of all overflow; nothing
  /// where all fit.
  std::optional<std::string> warning() const;

 private:
  struct Words {
    const Dataset* dataset;
    int bits, fraction;
    bool is_symmetric;

    friend bool operator==(const Words&, const Words&) = default;
  };

  std::vector<Words> words_;  // different ones
};

}  // namespace gridrun
