#include "savitzky_golay.hpp"

#include <fmt/format.h>
#include <lapacke.h>

#include <cmath>
#include <limits>
#include <new>
#include <numeric>

#include "gridrun/error.hpp"

namespace gridrun {

// The weights are the smallest c with sum_k c[k] k^m = 1 for m = 0 and 0 for m = 1 ... polyorder.
// The study had them from SciPy, which asks LAPACK's dgelsd for them. The problem's condition costs
// dgelsd some digits (1e-11 for a window of 1001), and the published accuracies carry that error:
// to meet them, the same routine solves the same problem here.
std::vector<double> savitzky_golay_weights(std::uint32_t window, std::uint32_t polyorder) {
  const auto half = static_cast<std::int64_t>(window / 2);
  const auto rows = static_cast<lapack_int>(polyorder + 1),
             columns = static_cast<lapack_int>(window);
  std::vector<double> powers;  // [order][k], k from half down to -half
  powers.reserve(std::size_t{polyorder + 1} * window);
  for (std::uint32_t order = 0; order <= polyorder; ++order)
    for (std::int64_t k = half; k >= -half; --k)
      powers.push_back(std::pow(static_cast<double>(k), order));

  std::vector<double> weights(window, 0.0);  // the right-hand side in its first rows
  weights[0] = 1.0;
  std::vector<double> singular_values(polyorder + 1);
  lapack_int rank = 0;
  const lapack_int info =
      LAPACKE_dgelsd(LAPACK_ROW_MAJOR, rows, columns, 1, powers.data(), columns, weights.data(), 1,
                     singular_values.data(), std::numeric_limits<double>::epsilon(), &rank);
  if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
    throw std::bad_alloc();
  const double of_a_constant = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (info != 0 || rank < rows || !(std::abs(of_a_constant - 1.0) < 1e-6))
    throw RequestError(
        fmt::format("report.polyorder = {}: too high for report.smooth_window = {}, the fit is "
                    "ill-conditioned",
                    polyorder, window));
  return weights;
}

}  // namespace gridrun
