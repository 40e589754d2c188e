#include "engines/cpu/general/input_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

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
  ends.clear();
  first_end.assign(1, 0);
  for (const std::uint32_t sample : samples) {
    const std::size_t at = std::size_t{sample} * dataset.inputs;
    if (const auto* stored = std::get_if<0>(&dataset.values)) {
      append_nonzeros(&(*stored)[at], dataset.inputs, index, bytes);
      sort_bytes(begin.back());
    } else {
      append_nonzeros(&std::get<1>(dataset.values)[at], dataset.inputs, index, reals);
    }
    begin.push_back(index.size());
    first_end.push_back(ends.size());
    labels.push_back(dataset.labels[sample]);
  }
  for (double& real : reals) real /= dataset.scale;
}

/// Sorts the inputs of the last sample, from the first one's place on, by their bytes.
void StoredBlock::sort_bytes(std::size_t first) {
  std::array<std::uint32_t, 256> place{};
  for (std::size_t i = first; i < bytes.size(); ++i) ++place[bytes[i]];
  std::uint32_t end = 0;
  for (std::uint32_t& of_byte : place) {
    const std::uint32_t count = std::exchange(of_byte, end);
    end += count;
    if (count != 0) ends.push_back(end);
  }
  sorted_index_.resize(end);
  sorted_bytes_.resize(end);
  for (std::size_t i = first; i < bytes.size(); ++i) {
    const std::uint32_t to = place[bytes[i]]++;
    sorted_index_[to] = index[i];
    sorted_bytes_[to] = bytes[i];
  }
  std::copy_n(sorted_index_.begin(), end, index.begin() + static_cast<std::ptrdiff_t>(first));
  std::copy_n(sorted_bytes_.begin(), end, bytes.begin() + static_cast<std::ptrdiff_t>(first));
}

/// Adds those inputs of sample i whose words are not zero; the first stored one's place is given.
template <class Word>
void InputBlock<Word>::add_bytes(const StoredBlock& stored, std::size_t i,
                                 std::span<const Word, 256> words, std::uint32_t place,
                                 Sample& sample) {
  const std::uint32_t* const index = stored.index.data() + stored.begin[i];
  const std::uint8_t* const bytes = stored.bytes.data() + stored.begin[i];
  Stretch stretch{0, 0};  // the last inputs, of one x
  Word last = 0;
  std::uint32_t first = 0;  // of the stored inputs that are still to be added
  const auto add_until = [&](std::uint32_t end) {
    const std::size_t to = sample.begin + sample.count;
    std::copy(index + first, index + end, &index_[to]);
    std::iota(&place_[to], &place_[to] + (end - first), place + first);
    std::transform(bytes + first, bytes + end, &x_[to],
                   [&](std::uint8_t byte) { return words[byte]; });
    sample.count += end - first;
  };
  const auto end_stretch = [&] {
    if (stretch.end - stretch.begin >= least_stretch) stretches_.push_back(stretch);
    stretch.begin = stretch.end;
  };
  std::uint32_t begin = 0;
  for (std::size_t run = stored.first_end[i]; run < stored.first_end[i + 1]; ++run) {
    const std::uint32_t end = stored.ends[run];
    const Word x = words[bytes[begin]];
    if (x == 0) {
      add_until(begin);
      first = end;
      last = 0;
    } else {
      if (x != last) end_stretch();
      stretch.end += end - begin;
      last = x;
      sample.ends.add(x, end - begin);
      sample.sum += magnitude(x) * (end - begin);
    }
    begin = end;
  }
  add_until(begin);
  end_stretch();
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
  stretches_.clear();
  std::size_t end = 0;
  for (std::size_t i = 0; i < stored.samples(); ++i) {
    Sample sample{end, 0, {}, 0, stretches_.size(), 0};
    auto place = static_cast<std::uint32_t>(stored.first_place(i, bias));
    const auto add = [&](std::uint32_t index, Word x) {
      const std::size_t to = end + sample.count;
      index_[to] = index;
      place_[to] = place++;
      x_[to] = x;
      sample.count += x != 0;
      sample.ends.add(x);
      sample.sum += magnitude(x);
    };
    const std::size_t inputs = stored.begin[i + 1] - stored.begin[i];
    if (dataset.values.index() == 0) {
      add_bytes(stored, i, words, place, sample);
      place += static_cast<std::uint32_t>(inputs);
    } else {
      for (std::size_t at = stored.begin[i]; at < stored.begin[i + 1]; ++at)
        add(stored.index[at], static_cast<Word>(word_of(stored.reals[at], format)));
    }
    if (bias) add(static_cast<std::uint32_t>(dataset.inputs), one);
    end += sample.count;
    index_[end] = 0;
    x_[end] = 0;
    ++end;
    sample.stretches = stretches_.size() - sample.first_stretch;
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
