// Host and device: the tensors of a network. docs/arithmetic.md, part 4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gridrun {

/// The tensors of a network, in the order of TensorFormats.
enum class Tensor : std::uint8_t {
  input,
  master,
  weight,
  accumulator,
  activation,
  error,
  gradient
};
inline constexpr std::size_t tensor_count = 7;
inline constexpr std::array<const char*, tensor_count> tensor_names = {
    "input", "master", "weight", "accumulator", "activation", "error", "gradient"};

}  // namespace gridrun
