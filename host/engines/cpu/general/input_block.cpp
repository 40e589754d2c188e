#include "engines/cpu/general/input_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "gridrun/arithmetic.hpp"

namespace gridrun {
namespace {

/// Appends the values of a sample that are not zero, and their indices.
template <class Stored>
void append_nonzeros(const Stored* sample, std::size_t inputs, std::vector<std::uint32_t>& index,
                     std::vector<Stored>& values) {
  std::size_t count = values.size();
  index.resize(count + inputs + 1);  // one is written, not kept, after the last
  values.resize(count + inputs + 1);
  const auto look_at = [&](std::size_t k) {
    index[count] = static_cast<std::uint32_t>(k);
    values[count] = sample[k];
    count += sample[k] != 0;
  };
  constexpr std::size_t stride = sizeof(std::uint64_t) / sizeof(Stored);
  std::size_t k = 0;
  for (; k + stride <= inputs; k += stride) {
    std::uint64_t several;
    std::memcpy(&several, sample + k, sizeof several);
    if (several == 0) continue;
    for (std::size_t i = 0; i < stride; ++i) look_at(k + i);
  }
  for (; k < inputs; ++k) look_at(k);
  index.resize(count);
  values.resize(count);
}

std::int64_t word_of(double real, const Format& format) {
  return overflowed(quantise(real, format.fraction), format.bits, format.overflow);
}

}  // namespace

void StoredBlock::read(const Dataset& dataset, std::span<const std::uint32_t> samples) {
  begin.assign(1, 0);
  index.clear();
  bytes.clear();
  reals.clear();
  labels.clear();
  for (const std::uint32_t sample : samples) {
    const std::size_t at = std::size_t{sample} * dataset.inputs;
    if (const auto* stored = std::get_if<0>(&dataset.values))
      append_nonzeros(&(*stored)[at], dataset.inputs, index, bytes);
    else
      append_nonzeros(&std::get<1>(dataset.values)[at], dataset.inputs, index, reals);
    begin.push_back(index.size());
    labels.push_back(dataset.labels[sample]);
  }
  for (double& real : reals) real /= dataset.scale;
}

template <class Word>
void InputBlock<Word>::quantise(const StoredBlock& stored, const Dataset& dataset,
                                const Format& format, bool bias) {
  std::array<Word, 256> words{};
  if (dataset.values.index() == 0)
    for (std::size_t byte = 0; byte < words.size(); ++byte)
      words[byte] = static_cast<Word>(word_of(static_cast<double>(byte) / dataset.scale, format));
  const auto one = static_cast<Word>(one_of(format));
  const std::size_t most = stored.index.size() + stored.samples() * (bias + 1U);
  index_.resize(most + 1);
  place_.resize(most + 1);
  x_.resize(most + 1);
  samples_.clear();
  std::size_t end = 0;
  for (std::size_t i = 0; i < stored.samples(); ++i) {
    Sample sample{end, 0, 0, 0};
    auto place = static_cast<std::uint32_t>(stored.first_place(i, bias));
    const auto add = [&](std::uint32_t index, Word x) {
      index_[end] = index;
      place_[end] = place++;
      x_[end] = x;
      end += x != 0;
      sample.largest = std::max(sample.largest, magnitude(x));
      sample.sum += magnitude(x);
    };
    if (dataset.values.index() == 0)
      for (std::size_t at = stored.begin[i]; at < stored.begin[i + 1]; ++at)
        add(stored.index[at], words[stored.bytes[at]]);
    else
      for (std::size_t at = stored.begin[i]; at < stored.begin[i + 1]; ++at)
        add(stored.index[at], static_cast<Word>(word_of(stored.reals[at], format)));
    if (bias) add(static_cast<std::uint32_t>(dataset.inputs), one);
    sample.count = end - sample.begin;
    index_[end] = 0;
    x_[end] = 0;
    ++end;
    samples_.push_back(sample);
  }
}

template class InputBlock<std::int16_t>;
template class InputBlock<std::int32_t>;
template class InputBlock<std::int64_t>;

std::uint64_t largest_word_of(double largest, const Format& format) {
  const std::uint64_t most = magnitude(smallest_word(format.bits, format.overflow));
  if (std::ldexp(largest, format.fraction) >= 0x1p63) return most;
  const std::uint64_t word = magnitude(quantise(largest, format.fraction));
  return word <= static_cast<std::uint64_t>(largest_word(format.bits)) ? word : most;
}

}  // namespace gridrun
