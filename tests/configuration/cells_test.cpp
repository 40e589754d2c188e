// The cells of a grid: each is the network of a configuration without axes.
#include "configuration/cells.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "configuration/configuration.hpp"
#include "configuration/key_value_json.hpp"
#include "draws.hpp"
#include "gridrun/error.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

const std::vector<std::uint32_t> units_of_data = {3, 2};

/// Whether two networks are equal in every field; it does not compile where there is another one.
bool same(const NetworkSpec& a, const NetworkSpec& b) {
  const auto& [arithmetic, units, activation, output_activation, leak, bias, formats, init, lr,
               batch, rounding_seed, iterations, draws] = a;
  return arithmetic == b.arithmetic && units == b.units && activation == b.activation &&
         output_activation == b.output_activation && leak == b.leak && bias == b.bias &&
         formats == b.formats && init == b.init && lr == b.lr && batch == b.batch &&
         rounding_seed == b.rounding_seed && iterations == b.iterations && draws == b.draws;
}

// ---------------------------------------------------------------------------- random
// configurations

std::string random_round(RandomDraws& draw) {
  return draw.one_of({"'floor'", "'toward_zero'", "'nearest_up'", "'nearest_down'",
                      "'nearest_even'", "'nearest_away'", "'stochastic'"});
}

std::string number(RandomDraws& draw, int least, int most) {
  return fmt::format("{}", draw.number(least, most));
}

/// A value of a key, as TOML has it. Some do not go with some values of other keys.
std::string random_value(RandomDraws& draw, const std::string& key) {
  const std::string part = key.substr(key.rfind('.') + 1);
  if (part == "seed" || part == "rounding_seed")
    return fmt::format("{}", draw.between(0, draw.one_of({3, 99})));
  if (part == "draw_order")
    return draw.one_of({"'shuffle_then_weights'", "'weights_then_shuffle'", "'weights'"});
  if (part == "order") return draw.one_of({"'as_stored'", "'by_label'"});
  if (part == "iterations") return number(draw, 1, 4) + "0";
  if (part == "batch") return draw.one_of({"1", "2", "5", "10", draw.chance(20) ? "4" : "1"});
  if (part == "samples") return draw.chance(80) ? "'train'" : "'all'";
  if (part == "test") return draw.one_of({"0.25", "0.5", "1e-3"});
  if (part == "activation" || part == "output_activation")
    return draw.one_of({"'relu'", "'linear'", "'leaky_relu'"});
  if (part == "leak") return number(draw, 0, draw.one_of({9, 62}));
  if (part == "bias") return draw.one_of({"true", "false"});
  if (part == "layers") return draw.one_of({"[3, 2]", "[3, 4, 2]", "[3, 1, 5, 2]"});
  if (part == "unit") return draw.one_of({"'lsb'", "'real'"});
  if (part == "mean") return draw.one_of({"0.0", "-1.5", "7", "1e-300"});
  if (part == "std") return draw.one_of({"'he'", "'xavier'", "500.0", "50", "0.1"});
  if (part == "bits") return number(draw, draw.one_of({2, 12, 12}), draw.one_of({20, 64}));
  if (part == "fraction") return number(draw, 0, draw.one_of({12, 12, 52}));
  if (part == "integer") return number(draw, draw.one_of({-3, 2}), 12);
  if (part == "round")
    return key == "precision.input.round" ? "'nearest_even'" : random_round(draw);
  if (part == "overflow") return draw.one_of({"'wrap'", "'saturate'", "'saturate_symmetric'"});
  if (part == "random_bits") return number(draw, 1, 32);
  return number(draw, draw.one_of({-16, 2}), draw.one_of({20, 20, 62}));  // lr
}

const std::vector<std::string>& all_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> all = {
        "train.seed",     "train.rounding_seed", "train.draw_order",   "train.iterations",
        "train.batch",    "train.samples",       "dataset.test",       "dataset.order",
        "network.layers", "network.activation",  "network.leak",       "network.output_activation",
        "network.bias",   "init.unit",           "init.mean",          "init.std",
        "precision.bits", "precision.round",     "precision.overflow", "precision.random_bits"};
    for (const char* tensor : tensor_names)
      for (const char* part : {"bits", "fraction", "integer", "round", "overflow", "random_bits"}) {
        const std::string key = fmt::format("precision.{}.{}", tensor, part);
        const std::string name = part;
        if (tensor == std::string("accumulator") && name != "bits" && name != "overflow") continue;
        if (tensor == std::string("input") && name == "random_bits") continue;
        all.push_back(key);
      }
    return all;
  }();
  return keys;
}

/// Keys with their values, and axes with theirs, as TOML has them.
struct Configuration {
  std::map<std::string, std::string> keys;
  std::vector<std::pair<std::string, std::vector<std::string>>> axes;

  std::string text() const {
    std::string text = "report.smooth_window = 5\ndataset.name = 'digits'\n";
    for (const auto& [key, value] : keys) text += key + " = " + value + "\n";
    text += "[grid]\n";
    for (const auto& [axis, values] : axes)
      text += fmt::format("\"{}\" = {}\n", axis,
                          values.size() == 1 && values[0].front() != '['
                              ? values[0]
                              : fmt::format("[{}]", fmt::join(values, ", ")));
    return text;
  }

  /// The configuration of one cell: a value of each axis stands for its key.
  Configuration with(const std::vector<std::pair<std::string, std::string>>& values) const {
    Configuration one = *this;
    one.axes.clear();
    for (const auto& [axis, value] : values)
      if (axis == "lr")
        one.axes.push_back({"lr", {value}});
      else
        one.keys[axis == "fraction" || axis == "bits" ? "precision." + axis : axis] = value;
    return one;
  }
};

/// Of one to five axes, and up to some hundred cells.
Configuration random_configuration(std::uint32_t seed) {
  RandomDraws draw(seed);
  Configuration configuration;
  const auto add_axis = [&](const std::string& axis, const std::string& key) {
    std::vector<std::string> values;
    for (int i = draw.number(1, 3); i > 0; --i) {
      const std::string value = random_value(draw, key);
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
    if (axis == "lr" || axis == "fraction" || axis == "bits")
      std::sort(values.begin(), values.end(),
                [](const auto& a, const auto& b) { return std::stoi(a) < std::stoi(b); });
    configuration.axes.emplace_back(axis, values);
  };
  const auto key_of_fraction = draw.one_of({"precision.fraction", "precision.integer"});
  switch (draw.number(0, 2)) {
    case 0:
      add_axis("fraction", "precision.fraction");
      break;
    case 1:
      add_axis(key_of_fraction, key_of_fraction);
      break;
    default:
      configuration.keys[key_of_fraction] = random_value(draw, key_of_fraction);
  }
  add_axis("lr", "lr");
  const auto random_key = [&] {
    return all_keys()[static_cast<std::size_t>(draw.between(0, std::ssize(all_keys()) - 1))];
  };
  for (int i = draw.number(0, 3); i > 0; --i) {
    const std::string key = random_key();
    const std::string axis = key == "precision.bits" && draw.chance(50) ? "bits" : key;
    const bool is_new =
        std::none_of(configuration.axes.begin(), configuration.axes.end(), [&](const auto& other) {
          return other.first == key || (key == "precision.bits" && other.first == "bits");
        });
    if (is_new) add_axis(axis, key);
  }
  for (int i = draw.number(0, 6); i > 0; --i) {
    const std::string key = random_key();
    // What precision.bits says besides grid.bits is refused for itself.
    if (key != "precision.bits") configuration.keys[key] = random_value(draw, key);
  }
  for (std::size_t i = configuration.axes.size(); i > 1; --i)
    std::swap(
        configuration.axes[i - 1],
        configuration
            .axes[static_cast<std::size_t>(draw.between(0, std::ssize(configuration.axes) - 1)) %
                  i]);
  return configuration;
}

std::optional<Sweep> parsed(const Configuration& configuration) {
  try {
    return parse_configuration(configuration.text(), "c.toml");
  } catch (const RequestError&) {
    return std::nullopt;
  }
}

/// Calls take(values) with the values of each cell, axis by axis as they are given.
template <typename Take>
void for_each_cell(const Configuration& configuration, const Take& take) {
  std::vector<std::pair<std::string, std::string>> values(configuration.axes.size());
  std::size_t cells = 1;
  for (const auto& [axis, of] : configuration.axes) cells *= of.size();
  for (std::size_t cell = 0; cell < cells; ++cell) {
    std::size_t rest = cell;
    for (std::size_t i = values.size(); i-- > 0;) {
      const auto& [axis, of] = configuration.axes[i];
      values[i] = {axis, of[rest % of.size()]};
      rest /= of.size();
    }
    take(values);
  }
}

TEST(Cells, AreTheNetworksOfConfigurationsWithoutAxes) {
  const Identity data{1, 2};
  std::size_t accepted = 0, compared = 0;
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    const Configuration configuration = random_configuration(seed);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, configuration.text()));
    const auto sweep = parsed(configuration);
    if (!sweep) {
      bool any_refused = false;
      for_each_cell(configuration, [&](const auto& values) {
        any_refused = any_refused || !parsed(configuration.with(values));
      });
      EXPECT_TRUE(any_refused) << "each cell can be, but not the grid";
      continue;
    }
    ++accepted;
    Cells cells(*sweep);
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      std::vector<std::pair<std::string, std::string>> values;
      for (const KeyValue& value : cells.values_at(cell))
        values.emplace_back(sweep->axes[values.size()].name, to_json(value).dump());
      const auto one = parsed(configuration.with(values));
      ASSERT_TRUE(one) << "the grid can be, but not cell " << cell;
      ASSERT_EQ(count_cells(one->axes), 1U);
      const NetworkSpec expected = network_of(*one, units_of_data);
      const NetworkSpec network = network_of(cells.sweep_at(cell), units_of_data);
      ASSERT_TRUE(same(network, expected)) << "cell " << cell;
      ASSERT_EQ(identity_of(network, data), identity_of(expected, data));
      ++compared;
    }
  }
  EXPECT_GT(accepted, 1000U);
  EXPECT_GT(compared, 5000U);
}

TEST(Cells, OfASweepReadBackAreTheSame) {
  std::size_t accepted = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    const Configuration configuration = random_configuration(seed);
    SCOPED_TRACE(fmt::format("seed {}\n{}", seed, configuration.text()));
    const auto sweep = parsed(configuration);
    if (!sweep) continue;
    ++accepted;
    const auto json = to_json(*sweep);
    const Sweep again = sweep_of_json(nlohmann::ordered_json::parse(json.dump()), "run.json");
    ASSERT_EQ(again.axes, sweep->axes);
    ASSERT_EQ(to_json(again), json);
    const auto networks = networks_of(*sweep, units_of_data);
    const auto networks_again = networks_of(again, units_of_data);
    ASSERT_EQ(networks.size(), networks_again.size());
    for (std::size_t cell = 0; cell < networks.size(); ++cell)
      ASSERT_TRUE(same(networks[cell], networks_again[cell])) << "cell " << cell;
    EXPECT_TRUE(is_same_study(json, to_json(again)));
  }
  EXPECT_GT(accepted, 300U);
}

// ---------------------------------------------------------------------------- one at a time

Sweep sweep_of(const std::string& grid) {
  return parse_configuration("[dataset]\nname = \"digits\"\n[grid]\n" + grid + "\n", "c.toml");
}

TEST(Cells, HaveTheLastAxisFastest) {
  Cells cells(sweep_of("lr = [5, 6]\nfraction = [8, 9, 10]\n\"train.seed\" = [3, 1]"));
  ASSERT_EQ(cells.size(), 12U);
  EXPECT_EQ(cells.values_at(0), (std::vector<KeyValue>{5, 8, 3}));
  EXPECT_EQ(cells.values_at(1), (std::vector<KeyValue>{5, 8, 1}));
  EXPECT_EQ(cells.values_at(2), (std::vector<KeyValue>{5, 9, 3}));
  EXPECT_EQ(cells.values_at(11), (std::vector<KeyValue>{6, 10, 1}));
  EXPECT_EQ(cells.sweep_at(7).lr, 6);
  EXPECT_EQ(cells.sweep_at(7).precision.all.fraction, 8);
  EXPECT_EQ(cells.sweep_at(7).train.seed, 1U);
  EXPECT_EQ(cells.place(), (std::vector<std::size_t>{1, 0, 1}));
}

TEST(Cells, AreTheSameInAnyOrder) {
  const Sweep sweep = sweep_of(
      "lr = [5, 6]\n\"init.std\" = [\"he\", 3.0, \"xavier\", 4.0]\n\"train.seed\" = [3, 1, 7]\n"
      "\"network.layers\" = [[64, 10], [64, 5, 10]]");
  const auto networks = networks_of(sweep, units_of_data);
  Cells cells(sweep);
  RandomDraws draw(1);
  for (int i = 0; i < 1000; ++i) {
    const auto cell = static_cast<std::size_t>(draw.between(0, std::ssize(networks) - 1));
    EXPECT_TRUE(same(network_of(cells.sweep_at(cell), units_of_data), networks[cell])) << cell;
  }
}

TEST(Cells, OfOneNameAreTheSameWhateverNumbersStandBesideIt) {
  const auto he = networks_of(sweep_of("lr = 5\nfraction = 8\n\"init.std\" = [50.0, \"he\"]"),
                              units_of_data)[1];
  const auto alone =
      networks_of(sweep_of("lr = 5\nfraction = 8\n\"init.std\" = \"he\""), units_of_data)[0];
  EXPECT_EQ(identity_of(he, {}), identity_of(alone, {}));
}

TEST(Cells, AreAtMostTwentyMillion) {
  std::vector<Axis> axes(2);
  axes[0].values.resize(4000);
  axes[1].values.resize(5000);
  EXPECT_EQ(count_cells(axes), 20'000'000U);
  axes[1].values.resize(5001);
  EXPECT_THROW(count_cells(axes), RequestError);
  EXPECT_EQ(count_cells({}), 1U);
}

}  // namespace
}  // namespace gridrun
