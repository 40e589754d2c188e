// The axes of a grid, as [grid] gives them.
#pragma once

#include <string>
#include <vector>

#include "configuration/given_values.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// Axes have at most so many values each.
inline constexpr std::size_t most_values_of_axis = 1'000'000;

/// The axes that are given, in the order of `names`. Throws RequestError.
std::vector<Axis> read_axes(const GivenValues& given, const std::vector<std::string>& names);

/// Adds the study's axes, at the front, where there are none of these names: lr, and `fractions` if
/// they are wanted. Then, of lr, fraction and bits, lr is before fraction, and fraction before
/// bits, in the places that they have together.
std::vector<Axis> with_study_axes(std::vector<Axis> axes, bool fractions);

}  // namespace gridrun
