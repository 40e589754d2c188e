#include "results/savitzky_golay.hpp"

#include <fmt/format.h>
#include <lapacke.h>

#include <cmath>
#include <limits>
#include <new>

#include "gridrun/error.hpp"

namespace gridrun {

std::vector<double> savitzky_golay_weights(std::uint32_t window, std::uint32_t polyorder) {
  return polyorder <= 3 && window <= 9999 ? scipy_weights(window, polyorder)
                                          : gram_weights(window, polyorder);
}

// The weights are the smallest c with sum_k c[k] k^m = 1 for m = 0 and 0 for m = 1 ... polyorder;
// SciPy asks LAPACK's dgelsd for them.
std::vector<double> scipy_weights(std::uint32_t window, std::uint32_t polyorder) {
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
  if (info != 0 || rank < rows)
    throw RunError(fmt::format("LAPACK's dgelsd: info {}, rank {} of {}, for a window of {}", info,
                               rank, rows, window));
  return weights;
}

// p_0 = 1, p_1 = k, p_{m+1} = k p_m - b_m p_{m-1}, b_m = m^2 (N^2 - m^2) / (4 (4 m^2 - 1)), are
// orthogonal over the window's N distances k, with |p_m|^2 = N b_1 ... b_m (Gram's polynomials).
// The weights are the sum of p_m(0) p_m(k) / |p_m|^2 over m = 0 ... n. For even n, Christoffel and
// Darboux's formula makes this p_n(0) / |p_n|^2 p_{n+1}(k) / k, where p_n(0) = (-b_1) (-b_3) ...
std::vector<double> gram_weights(std::uint32_t window, std::uint32_t polyorder) {
  using Real = long double;
  static_assert(std::numeric_limits<Real>::digits >= 64, "orders near the window cancel digits");
  const std::size_t half = window / 2;
  const std::uint32_t n =
      polyorder - polyorder % 2;  // an odd order has the weights of the one below
  std::vector<Real> b{0};
  Real factor = Real{1} / window;  // p_n(0) / |p_n|^2
  for (std::uint32_t m = 1; m <= n; ++m) {
    const Real square = Real{1} * m * m;
    b.push_back(square * (Real{1} * window * window - square) / (4 * (4 * square - 1)));
    if (m % 2 == 0) factor /= -b[m];
  }
  std::vector<double> weights(window);
  for (std::size_t k = 0; k <= half; ++k) {
    Real even = 1, odd = 1;  // p_m for the latest even m, p_m / k for the latest odd m
    for (std::uint32_t m = 1; m < n; m += 2) {
      even = Real{1} * k * k * odd - b[m] * even;
      odd = even - b[m + 1] * odd;
    }
    weights[half - k] = weights[half + k] = static_cast<double>(factor * odd);
  }
  return weights;
}

}  // namespace gridrun
