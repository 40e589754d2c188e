// Host and device: labelled samples as they are stored, before any order or scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gridrun {

struct Dataset {
  std::string name;
  std::size_t samples = 0;
  std::size_t inputs = 0;         // of one sample
  std::size_t train_samples = 0;  // the first so many are the train split, the rest the test split
  double scale = 1.0;             // input = stored value / scale

  /// Stored values [samples][inputs]: bytes where the source holds bytes, else reals.
  std::variant<std::vector<std::uint8_t>, std::vector<double>> values;
  std::vector<std::uint32_t> labels;  // [samples], class numbers
  std::uint32_t classes = 0;          // largest label + 1
  std::uint32_t checksum = 0;         // CRC-32 of `values` and then `labels`, as in memory

  /// Input k of a stored sample, a real.
  double input(std::size_t sample, std::size_t k) const {
    const std::size_t at = sample * inputs + k;
    if (const auto* bytes = std::get_if<0>(&values)) return (*bytes)[at] / scale;
    return std::get<1>(values)[at] / scale;
  }
};

}  // namespace gridrun
