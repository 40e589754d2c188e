// Compiled once per SIMD target, without fused multiply-adds.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/floats/float_kernels.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "engines/cpu/floats/float_kernels.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<double, float_padding>;
using V = hn::Vec<Lanes>;

/// Vectors that are summed at once: enough for the additions of one sum to wait for each other
/// while those of the others go on, few enough for all to be in registers.
constexpr std::size_t tile_vectors = 8;

/// Numbers of a panel: few enough for it to stay in the first-level cache while the samples pass.
constexpr std::size_t panel_numbers = 4096;

/// Samples that are worth a panel of their own.
constexpr std::size_t least_samples = 8;

/// Calls visit(first place, std::integral_constant<vectors>) for all tiles of so many places.
template <class Visit>
HWY_INLINE void for_tiles(std::size_t places, const Visit& visit) {
  const std::size_t lanes = hn::Lanes(Lanes());
  const std::size_t vectors = (places + lanes - 1) / lanes;
  std::size_t v = 0;
  for (; v + tile_vectors <= vectors; v += tile_vectors)
    visit(v * lanes, std::integral_constant<std::size_t, tile_vectors>());
  switch (vectors - v) {
    case 1:
      return visit(v * lanes, std::integral_constant<std::size_t, 1>());
    case 2:
      return visit(v * lanes, std::integral_constant<std::size_t, 2>());
    case 3:
      return visit(v * lanes, std::integral_constant<std::size_t, 3>());
    case 4:
      return visit(v * lanes, std::integral_constant<std::size_t, 4>());
    case 5:
      return visit(v * lanes, std::integral_constant<std::size_t, 5>());
    case 6:
      return visit(v * lanes, std::integral_constant<std::size_t, 6>());
    case 7:
      return visit(v * lanes, std::integral_constant<std::size_t, 7>());
    default:
      return;
  }
}

/// A tile of some vectors.
template <std::size_t kVectors>
struct Tile {
  V v[kVectors];

  HWY_INLINE void clear() {
    for (std::size_t i = 0; i < kVectors; ++i) v[i] = hn::Zero(Lanes());
  }
  HWY_INLINE void load(const double* from) {
    const Lanes d;
    for (std::size_t i = 0; i < kVectors; ++i) v[i] = hn::LoadU(d, from + i * hn::Lanes(d));
  }
  HWY_INLINE void store(double* to) const {
    const Lanes d;
    for (std::size_t i = 0; i < kVectors; ++i) hn::StoreU(v[i], d, to + i * hn::Lanes(d));
  }
  /// += row * value.
  HWY_INLINE void add_products(const double* row, double value) {
    const Lanes d;
    const V factor = hn::Set(d, value);
    for (std::size_t i = 0; i < kVectors; ++i)
      v[i] = hn::Add(v[i], hn::Mul(hn::LoadU(d, row + i * hn::Lanes(d)), factor));
  }
  /// The same without the lanes where the row is 0. Ne() would leave out those that are not a
  /// number.
  HWY_INLINE void add_products_but_zeros(const double* row, double value) {
    const Lanes d;
    const V factor = hn::Set(d, value);
    for (std::size_t i = 0; i < kVectors; ++i) {
      const V x = hn::LoadU(d, row + i * hn::Lanes(d));
      v[i] = hn::Add(v[i], hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), hn::Mul(x, factor)));
    }
  }
  /// to += rate * this.
  HWY_INLINE void add_to(double* to, double rate) const {
    const Lanes d;
    const V factor = hn::Set(d, rate);
    for (std::size_t i = 0; i < kVectors; ++i) {
      double* const at = to + i * hn::Lanes(d);
      hn::StoreU(hn::Add(hn::LoadU(d, at), hn::Mul(v[i], factor)), d, at);
    }
  }
};

/// Sums over panels: panel_of(first row, end, first place, places) gives their rows.
template <class PanelOf>
HWY_INLINE void sum_panels(std::size_t row_count, std::size_t rows_of_panel, std::size_t places,
                           const TermLists& terms, const FloatRows<double>& sums,
                           FloatScratch& scratch, const PanelOf& panel_of) {
  const std::size_t samples = terms.size();
  for_tiles(places, [&](std::size_t j, auto vectors) {
    scratch.cursor.assign(samples, 0);
    for (std::size_t first = 0; first < row_count; first += rows_of_panel) {
      const std::size_t end = std::min(first + rows_of_panel, row_count);
      const FloatRows<const double> panel = panel_of(first, end, j, vectors() * hn::Lanes(Lanes()));
      for (std::size_t s = 0; s < samples; ++s) {
        const Terms of = terms[s];
        Tile<vectors()> tile;
        if (first == 0)
          tile.clear();
        else
          tile.load(sums.row(s) + j);
        std::size_t t = scratch.cursor[s];
        for (; t < of.count && of.index[t] < end; ++t)
          tile.add_products(panel.row(of.index[t] - first), of.value[t]);
        scratch.cursor[s] = t;
        tile.store(sums.row(s) + j);
      }
    }
  });
}

/// Rows of a panel that is as wide as the widest tile.
HWY_INLINE std::size_t panel_rows() { return panel_numbers / (tile_vectors * hn::Lanes(Lanes())); }

/// Room for so many numbers.
HWY_INLINE double* room_in(FloatScratch& scratch, std::size_t numbers) {
  scratch.panel.resize(std::max(scratch.panel.size(), numbers));
  return scratch.panel.data();
}

void sum_rows_target(const FloatRows<const double>& rows, std::size_t row_count, std::size_t places,
                     const TermLists& terms, const FloatRows<double>& sums, FloatScratch& scratch) {
  if (terms.size() < least_samples)
    return sum_panels(row_count, row_count, places, terms, sums, scratch,
                      [&](std::size_t first, std::size_t, std::size_t j, std::size_t) {
                        return FloatRows<const double>{rows.row(first) + j, rows.stride};
                      });
  double* const panel = room_in(scratch, panel_numbers);
  sum_panels(row_count, panel_rows(), places, terms, sums, scratch,
             [&](std::size_t first, std::size_t end, std::size_t j, std::size_t width) {
               for (std::size_t k = first; k < end; ++k)
                 std::copy_n(rows.row(k) + j, width, panel + (k - first) * width);
               return FloatRows<const double>{panel, width};
             });
}

void sum_columns_target(const FloatRows<const double>& rows, std::size_t row_count,
                        std::size_t places, const TermLists& terms, const FloatRows<double>& sums,
                        FloatScratch& scratch) {
  double* const panel = room_in(scratch, panel_numbers);
  sum_panels(places, panel_rows(), row_count, terms, sums, scratch,
             [&](std::size_t first, std::size_t end, std::size_t k, std::size_t width) {
               const std::size_t there = std::min(width, row_count - k);
               for (std::size_t i = 0; i < there; ++i) {
                 const double* const row = rows.row(k + i);
                 for (std::size_t j = first; j < end; ++j) panel[(j - first) * width + i] = row[j];
               }
               return FloatRows<const double>{panel, width};
             });
}

/// Of a batch of one sample.
void update_by_one(const FloatRows<double>& weights, std::size_t units, const FloatUpdate& update) {
  const Terms of = update.inputs[0];
  const double* const errors = update.errors.row(0);
  for_tiles(units, [&](std::size_t j, auto vectors) {
    for (std::size_t t = 0; t < of.count; ++t) {
      Tile<vectors()> product;
      product.clear();
      if (update.inputs_are_finite)
        product.add_products(errors + j, of.value[t]);
      else
        product.add_products_but_zeros(errors + j, of.value[t]);
      product.add_to(weights.row(of.index[t]) + j, update.rate);
    }
  });
}

void update_rows_target(const FloatRows<double>& weights, std::size_t row_count, std::size_t units,
                        const FloatUpdate& update, FloatScratch& scratch) {
  if (update.inputs.size() == 1 && update.partial == nullptr)
    return update_by_one(weights, units, update);
  const std::size_t samples = update.inputs.size();
  double* const panel = room_in(scratch, samples * tile_vectors * float_padding);
  for_tiles(units, [&](std::size_t j, auto vectors) {
    const std::size_t width = vectors() * hn::Lanes(Lanes());
    for (std::size_t s = 0; s < samples; ++s)
      std::copy_n(update.errors.row(s) + j, width, panel + s * width);
    for (std::size_t k = 0; k < row_count; ++k) {
      const Terms of = update.by_row[k];
      double* const partial = update.partial ? update.partial + k * weights.stride + j : nullptr;
      if (of.count == 0 && !partial) continue;
      Tile<vectors()> product;
      if (update.is_first)
        product.clear();
      else
        product.load(partial);
      if (update.inputs_are_finite)
        for (std::size_t t = 0; t < of.count; ++t)
          product.add_products(panel + of.index[t] * width, of.value[t]);
      else
        for (std::size_t t = 0; t < of.count; ++t)
          product.add_products_but_zeros(panel + of.index[t] * width, of.value[t]);
      if (update.is_last)
        product.add_to(weights.row(k) + j, update.rate);
      else
        product.store(partial);
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(sum_rows_target);
HWY_EXPORT(sum_columns_target);
HWY_EXPORT(update_rows_target);
}  // namespace

void sum_rows(const FloatRows<const double>& rows, std::size_t row_count, std::size_t places,
              const TermLists& terms, const FloatRows<double>& sums, FloatScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(sum_rows_target)(rows, row_count, places, terms, sums, scratch);
}

void sum_columns(const FloatRows<const double>& rows, std::size_t row_count, std::size_t places,
                 const TermLists& terms, const FloatRows<double>& sums, FloatScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(sum_columns_target)(rows, row_count, places, terms, sums, scratch);
}

void update_rows(const FloatRows<double>& weights, std::size_t row_count, std::size_t units,
                 const FloatUpdate& update, FloatScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(update_rows_target)(weights, row_count, units, update, scratch);
}

}  // namespace gridrun
#endif
