#include "staging/identity.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <charconv>
#include <type_traits>
#include <variant>
#include <vector>

#include "gridrun/tensor_formats.hpp"

namespace gridrun {
namespace {

static_assert(std::endian::native == std::endian::little);

/// The words that are hashed.
class Words {
 public:
  template <typename Number>
  void add(Number number) {
    if constexpr (std::is_same_v<Number, double>)
      words_.push_back(std::bit_cast<std::uint64_t>(number));
    else
      words_.push_back(static_cast<std::uint64_t>(number));
  }
  void add(const Identity& identity) {
    add(identity.low);
    add(identity.high);
  }
  void add(const Format& format) {
    add(format.bits);
    add(format.fraction);
    add(format.round);
    add(format.overflow);
    add(format.random_bits);
  }
  void add(const TensorFormats& formats) {
    for (const Format* format : in_order(formats)) add(*format);
  }
  void add_staging(const NetworkSpec& network) {
    add(network.units.size());
    for (const std::uint32_t units : network.units) add(units);
    add(network.iterations);
    const Draws& draws = network.draws;
    add(draws.seed);
    add(draws.order);
    add(draws.samples_order);
    add(draws.samples);
    add(draws.test.value_or(0.0));
  }
  void clear() { words_.clear(); }

  Identity hash() const {
    const XXH128_hash_t hash = XXH3_128bits(words_.data(), words_.size() * sizeof(std::uint64_t));
    return {hash.high64, hash.low64};
  }

 private:
  std::vector<std::uint64_t> words_;
};

template <typename Element>
Identity hash_of(const std::vector<Element>& elements) {
  const XXH128_hash_t hash = XXH3_128bits(elements.data(), elements.size() * sizeof(Element));
  return {hash.high64, hash.low64};
}

}  // namespace

std::string text_of(const Identity& identity) {
  return fmt::format("{:016x}{:016x}", identity.high, identity.low);
}

std::optional<Identity> identity_of_text(const std::string& text) {
  constexpr std::size_t digits = 16;  // of each half
  if (text.size() != 2 * digits) return std::nullopt;
  Identity identity;
  const auto read = [&](std::size_t at, std::uint64_t& half) {
    const char* const first = text.data() + at;
    const auto [end, error] = std::from_chars(first, first + digits, half, 16);
    return error == std::errc() && end == first + digits;
  };
  if (!read(0, identity.high) || !read(digits, identity.low)) return std::nullopt;
  return identity;
}

Identity identity_of(const Dataset& dataset, Normalise normalise) {
  Words words;
  words.add(dataset.samples);
  words.add(dataset.inputs);
  words.add(dataset.train_samples);
  words.add(dataset.scale);
  words.add(dataset.values.index());
  words.add(std::visit([](const auto& values) { return hash_of(values); }, dataset.values));
  words.add(hash_of(dataset.labels));
  if (normalise != Normalise::none) words.add(normalise);
  return words.hash();
}

Identity identity_of(const NetworkSpec& network, const Identity& data) {
  thread_local Words words;  // keeps its memory
  words.clear();
  words.add(definition_version);
  words.add(data);
  words.add_staging(network);
  words.add(network.activation);
  words.add(network.output_activation);
  words.add(network.leak);
  words.add(network.bias);
  const bool is_fixed_point = network.arithmetic == Arithmetic::fixed_point;
  if (is_fixed_point) {
    words.add(network.formats);
  } else {
    words.add(network.arithmetic);
    words.add(uses_fraction(network.init) ? network.formats.master.fraction : 0);
  }
  words.add(network.init.unit);
  words.add(network.init.mean);
  words.add(network.init.spread);
  words.add(network.init.std);
  words.add(network.lr);
  words.add(network.batch);
  if (is_fixed_point) words.add(network.rounding_seed);
  return words.hash();
}

bool uses_fraction(const InitialWeights& init) {
  const bool all_zero = init.mean == 0 && init.spread == WeightSpread::std && init.std == 0;
  return init.unit == WeightUnit::lsb && !all_zero;
}

std::uint64_t staging_hash(const NetworkSpec& network) {
  thread_local Words words;
  words.clear();
  words.add_staging(network);
  if (network.arithmetic != Arithmetic::fixed_point) words.add(network.arithmetic);
  return words.hash().low;
}

}  // namespace gridrun
