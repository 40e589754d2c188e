#include "staging/input_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "data/largest_input.hpp"

namespace gridrun {
namespace {

/// Calls take(input, count) for every input, those of bytes by their values.
template <typename Take>
void for_each_input(const Dataset& dataset, const Take& take) {
  if (const auto* bytes = std::get_if<0>(&dataset.values)) {
    std::array<std::size_t, 256> counts{};
    for (const std::uint8_t byte : *bytes) ++counts[byte];
    for (std::size_t value = 0; value < counts.size(); ++value)
      if (counts[value] != 0) take(static_cast<double>(value) / dataset.scale, counts[value]);
    return;
  }
  for (const double value : std::get<1>(dataset.values)) take(value / dataset.scale, 1);
}

}  // namespace

void InputRange::add(const Dataset& dataset, const Format& input) {
  if (input.bits == 64) return;
  const Words words{&dataset, input.bits, input.fraction,
                    input.overflow == Overflow::saturate_symmetric};
  if (std::find(words_.rbegin(), words_.rend(), words) == words_.rend()) words_.push_back(words);
}

/// Of words with fewer bits before the point than others more inputs overflow, whatever their
/// fractions: only those with the fewest are counted.
std::optional<std::string> InputRange::warning() const {
  int fewest = std::numeric_limits<int>::max();  // bits before the point
  for (const Words& words : words_) fewest = std::min(fewest, words.bits - words.fraction);
  std::optional<std::string> warning;
  double largest_share = 0;
  for (const Words& words : words_) {
    if (words.bits - words.fraction != fewest) continue;
    const double end = std::ldexp(1.0, words.bits - 1);  // the first word that is too large
    if (std::rint(std::ldexp(largest_input(*words.dataset), words.fraction)) < end) continue;
    const double unit = std::ldexp(1.0, words.fraction);
    std::size_t overflowed = 0, all = 0;
    double reach = 0;
    for_each_input(*words.dataset, [&](double input, std::size_t count) {
      const double word = std::rint(input * unit);
      const bool fits = word < end && (words.is_symmetric ? word > -end : word >= -end);
      overflowed += fits ? 0 : count;
      all += count;
      if (std::abs(input) > std::abs(reach)) reach = input;
    });
    const double share = static_cast<double>(overflowed) / static_cast<double>(all);
    if (share <= largest_share) continue;
    largest_share = share;
    const double percent = 100 * share;
    warning = fmt::format(
        "inputs reach {:.3g} and words of {} bits, fraction {}, hold {:.3g}: {} % of values "
        "overflow; dataset.scale or dataset.normalise",
        reach, words.bits, words.fraction, std::ldexp(end - 1, -words.fraction),
        percent < 1 ? fmt::format("{:.1g}", percent) : fmt::format("{:.0f}", percent));
  }
  return warning;
}

}  // namespace gridrun
