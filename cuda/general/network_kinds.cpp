#include "general/network_kinds.hpp"

#include <algorithm>

#include "gridrun/tensor_formats.hpp"

namespace gridrun::cuda {

NetworkKind kind_of(const NetworkSpec& spec, bool diagnose) {
  const std::size_t word = diagnose ? sizeof(std::int64_t) : weight_bytes(spec);
  if (spec.batch == 1) return {1, word, !diagnose && is_plain(spec), 0};
  const std::uint32_t planes = factor_bytes(spec, word);
  // Words of 16 bits have no room for larger factors, and none for a format of products' own.
  const bool is_short = planes <= 2 && !spec.formats.has_copies();
  return {spec.batch, std::max(word, is_short ? 0 : sizeof(std::int32_t)), false, planes};
}

NetworkLayout lay_out(const std::vector<std::uint32_t>& units, const NetworkKind& kind,
                      bool diagnose, const DeviceLimits& limits, std::size_t networks) {
  if (kind.batch == 1)
    return lay_out_networks(units, kind.word, kind.plain, diagnose, limits, networks);
  NetworkLaunch launch;
  launch.word = kind.word;
  launch.counts = diagnose;
  launch.batch = kind.batch;
  launch.planes = kind.planes;
  launch.lanes = 1;              // all lanes add to the same counts
  launch.shared_vectors = true;  // none are in global memory
  return {NetworkPlaces(units, kind.word, warp_lanes, values_together), launch};
}

std::uint32_t InputFormats::add(const NetworkSpec& spec) {
  const Format& input = spec.formats.input;
  const InputFormat format{input.fraction, input.bits, input.overflow, one_of(input)};
  const auto same = std::find(all_.begin(), all_.end(), format);
  const auto place = static_cast<std::uint32_t>(same - all_.begin());
  if (same == all_.end()) all_.push_back(format);
  return place;
}

std::vector<std::int64_t> InputFormats::byte_words(double scale) const {
  std::vector<std::int64_t> words;
  for (const InputFormat& format : all_)
    for (int byte = 0; byte < 256; ++byte)
      words.push_back(
          overflowed(quantise(byte / scale, format.fraction), format.bits, format.overflow));
  return words;
}

}  // namespace gridrun::cuda
