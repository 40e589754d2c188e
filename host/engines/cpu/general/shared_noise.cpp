// Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/shared_noise.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include "engines/cpu/general/philox_lanes-inl.hpp"
#include "engines/cpu/general/shared_noise.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

void draw_16(const std::uint32_t* index, std::size_t count, std::size_t units,
             std::size_t low_halves, const DrawOf& of, std::uint16_t* rows) {
  draw_rows(index, count, units, low_halves, of, rows);
}

void draw_32(const std::uint32_t* index, std::size_t count, std::size_t units, const DrawOf& of,
             std::uint32_t* rows) {
  draw_rows(index, count, units, 0, of, rows);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <numeric>

namespace gridrun {
namespace {

HWY_EXPORT(draw_16);
HWY_EXPORT(draw_32);

void draw(const std::uint32_t* index, std::size_t count, std::size_t units, std::size_t low_halves,
          const DrawOf& of, std::uint16_t* rows) {
  HWY_DYNAMIC_DISPATCH(draw_16)(index, count, units, low_halves, of, rows);
}
void draw(const std::uint32_t* index, std::size_t count, std::size_t units,
          std::size_t /*low_halves*/, const DrawOf& of, std::uint32_t* rows) {
  HWY_DYNAMIC_DISPATCH(draw_32)(index, count, units, of, rows);
}

constexpr std::size_t vector_words = 64;  // read beyond the last row or unit at most

}  // namespace

void NoiseNeeds::add(const NetworkSpec& spec) {
  const auto random = [](const Format& format) { return format.round == Round::stochastic; };
  activation |= random(spec.formats.activation);
  error |= random(spec.formats.error);
  gradient |= random(spec.formats.gradient);
  master |= random(spec.formats.master);
  const auto shifts_far = [&](int from, const Format& to) {
    return random(to) && from - to.fraction >= 16;
  };
  const TensorFormats& formats = spec.formats;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer)
    low_halves |=
        shifts_far(formats.error.fraction + spec.input_format(layer).fraction, formats.gradient);
  low_halves |= shifts_far(formats.gradient.fraction + spec.lr, formats.master);
}

bool needs_noise(const NetworkSpec& spec) {
  NoiseNeeds needs;
  needs.add(spec);
  return needs.activation || needs.error || needs.gradient || needs.master;
}

double noise_bytes(const NetworkSpec& spec, const NoiseNeeds& needs, double inputs) {
  double words = 0;
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const double rows =
        layer == 0 ? inputs + spec.bias : static_cast<double>(spec.row_length(layer));
    words += static_cast<double>(spec.units_of(layer)) *
             (needs.activation + needs.error + rows * (needs.gradient + needs.master));
  }
  return words * sizeof(std::uint32_t);
}

template <class Word>
void SharedNoise<Word>::draw(const NetworkSpec& spec, const NoiseNeeds& needs,
                             const StoredBlock& block, std::uint32_t first_step) {
  std::size_t unit_words = 0, row_words = 0, most_rows = 0;
  const std::size_t places = block.first_place(block.samples(), spec.bias);  // in layer 1
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const std::size_t rows = layer == 0 ? places : block.samples() * spec.row_length(layer);
    unit_words += block.samples() * spec.units_of(layer) * (needs.activation + needs.error);
    row_words += rows * spec.units_of(layer) * (needs.gradient + needs.master);
    most_rows = std::max(most_rows, spec.row_length(layer));
  }
  units_.resize(unit_words + vector_words);
  const bool halves = sizeof(Noise) < sizeof(std::uint32_t) && needs.low_halves;
  const std::size_t low_halves = halves ? row_words + vector_words : 0;
  rows_.resize(low_halves + row_words + vector_words);
  steps_.assign(block.samples(), StepNoise<Word>(spec.layers()));
  std::vector<std::uint32_t> all(most_rows);
  std::iota(all.begin(), all.end(), 0U);

  std::uint32_t* next_unit = units_.data();
  Noise* next_row = rows_.data();
  for (std::size_t layer = 0; layer < spec.layers(); ++layer) {
    const std::size_t units = spec.units_of(layer);
    const auto of = [&](Drawn tensor, std::size_t i) {
      return DrawOf{first_step + static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(layer),
                    tensor, spec.rounding_seed};
    };
    const auto draw_units = [&](Drawn tensor, const std::uint32_t* LayerNoise<Noise>::*to) {
      for (std::size_t i = 0; i < block.samples(); ++i) {
        gridrun::draw(all.data(), 1, units, 0, of(tensor, i), next_unit);
        steps_[i][layer].*to = next_unit;
        next_unit += units;
      }
    };
    const auto draw_rows = [&](Drawn tensor, const Noise* LayerNoise<Noise>::*to) {
      const Noise* const base = next_row;
      for (std::size_t i = 0; i < block.samples(); ++i) {
        std::size_t rows = spec.row_length(layer);
        if (layer == 0) {
          index_.assign(block.index.begin() + static_cast<std::ptrdiff_t>(block.begin[i]),
                        block.index.begin() + static_cast<std::ptrdiff_t>(block.begin[i + 1]));
          if (spec.bias) index_.push_back(static_cast<std::uint32_t>(spec.inputs_of(0)));
          rows = index_.size();
        }
        gridrun::draw(layer == 0 ? index_.data() : all.data(), rows, units, low_halves,
                      of(tensor, i), next_row);
        steps_[i][layer].*to = layer == 0 ? base : next_row;
        steps_[i][layer].low_halves = low_halves;
        next_row += rows * units;
      }
    };
    if (needs.activation) draw_units(Drawn::activation, &LayerNoise<Noise>::activation);
    if (needs.error) draw_units(Drawn::error, &LayerNoise<Noise>::error);
    if (needs.gradient) draw_rows(Drawn::gradient, &LayerNoise<Noise>::gradient);
    if (needs.master) draw_rows(Drawn::master, &LayerNoise<Noise>::master);
  }
}

template class SharedNoise<std::int16_t>;
template class SharedNoise<std::int32_t>;
template class SharedNoise<std::int64_t>;

}  // namespace gridrun
#endif
