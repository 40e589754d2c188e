#include "configuration/keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/shipped_files.hpp"
#include "configuration/given_values.hpp"
#include "configuration/key_value_json.hpp"

namespace gridrun {
namespace {

template <typename Value>
struct Named {
  const char* name;
  Value value;
};

template <typename Value>
using Choices = std::vector<Named<Value>>;

const Choices<SampleOrder> sample_orders = {{"as_stored", SampleOrder::as_stored},
                                            {"by_label", SampleOrder::by_label}};
const Choices<Activation> activations = {{"relu", Activation::relu},
                                         {"linear", Activation::linear},
                                         {"leaky_relu", Activation::leaky_relu}};
const Choices<DrawOrder> draw_orders = {{"shuffle_then_weights", DrawOrder::shuffle_then_weights},
                                        {"weights_then_shuffle", DrawOrder::weights_then_shuffle},
                                        {"weights", DrawOrder::weights}};
const Choices<TrainSamples> train_samples = {{"all", TrainSamples::all},
                                             {"train", TrainSamples::train}};
const Choices<WeightUnit> weight_units = {{"lsb", WeightUnit::lsb}, {"real", WeightUnit::real}};
const Choices<Metric> metrics = {{"accuracy", Metric::accuracy},
                                 {"recent_accuracy", Metric::recent_accuracy},
                                 {"test_accuracy", Metric::test_accuracy}};
const Choices<Round> rounds = {{"floor", Round::floor},
                               {"toward_zero", Round::toward_zero},
                               {"nearest_up", Round::nearest_up},
                               {"nearest_down", Round::nearest_down},
                               {"nearest_even", Round::nearest_even},
                               {"nearest_away", Round::nearest_away},
                               {"stochastic", Round::stochastic}};
const Choices<Round> input_rounds = {{"nearest_even", Round::nearest_even}};
const Choices<Overflow> overflows = {{"wrap", Overflow::wrap},
                                     {"saturate", Overflow::saturate},
                                     {"saturate_symmetric", Overflow::saturate_symmetric}};

/// A data set's name, and what its path and scale are when the configuration does not say.
struct KnownDataset {
  const char* path;  // empty: must be given
  double scale;
};
const Choices<KnownDataset> datasets = {{"digits", {default_digits_path, 16.0}},
                                        {"mnist", {default_mnist_path, 255.0}},
                                        {"idx", {"", 255.0}},
                                        {"csv", {"", 1.0}},
                                        {"npz", {"", 1.0}}};
const Choices<Normalise> normalisations = {
    {"none", Normalise::none}, {"minmax", Normalise::minmax}, {"standard", Normalise::standard}};
const Choices<char> named_delimiters = {{"tab", '\t'}, {"space", ' '}};

template <typename Value>
std::vector<std::string> names_of(const Choices<Value>& choices) {
  std::vector<std::string> names;
  for (const auto& choice : choices) names.emplace_back(choice.name);
  return names;
}

template <typename Value>
const Named<Value>& named(const Choices<Value>& choices, const std::string& name) {
  return *std::find_if(choices.begin(), choices.end(),
                       [&](const auto& choice) { return choice.name == name; });
}

template <typename Value>
std::string name_of(const Choices<Value>& choices, Value value) {
  return std::find_if(choices.begin(), choices.end(),
                      [&](const auto& choice) { return choice.value == value; })
      ->name;
}

template <typename Held>
struct WithoutOptional {
  using Type = Held;
};
template <typename Held>
struct WithoutOptional<std::optional<Held>> {
  using Type = Held;
};

/// The type of what a member holds, also of what an optional one may hold.
template <typename Member>
using HeldBy = typename WithoutOptional<
    std::decay_t<decltype(std::declval<Member>()(std::declval<Sweep&>()))>>::Type;

// Each of these describes a key whose value is the member that `member` returns of a Sweep. Where
// no default is told, it is the member of a Sweep that nobody has touched.

/// `as_value` and `as_member` convert between what the member holds and a KeyValue.
template <typename Member, typename Read, typename AsValue, typename AsMember>
Key key(const std::string& name, Key::Kind kind, const std::string& type, const std::string& help,
        Member member, Read read, AsValue as_value, AsMember as_member) {
  Key key;
  key.name = name;
  key.kind = kind;
  key.type = type;
  key.help = help;
  key.read = [=](const GivenValues& given) { return KeyValue(read(given)); };
  key.set = [=](const KeyValue& value, Sweep& sweep) { member(sweep) = as_member(value); };
  key.write = [=](const Sweep& sweep) -> std::optional<KeyValue> {
    const auto& held = member(sweep);
    if constexpr (std::is_same_v<std::decay_t<decltype(held)>, HeldBy<Member>>) {
      return as_value(held);
    } else {
      if (!held) return std::nullopt;
      return as_value(*held);
    }
  };
  if (const auto otherwise = key.write(Sweep{})) key.otherwise = text_of(*otherwise);
  return key;
}

Key with_default(Key key, const std::string& otherwise) {
  key.otherwise = otherwise;
  return key;
}

Key no_axis(Key key) {
  key.may_be_axis = false;
  return key;
}

template <typename Member>
Key integer(const std::string& name, std::int64_t least, std::int64_t most, const std::string& help,
            Member member) {
  return key(
      name, Key::Kind::integer, fmt::format("integer, {} to {}", least, most), help, member,
      [=](const GivenValues& given) { return given.integer(name, least, most); },
      [](auto held) { return KeyValue(std::int64_t{held}); },
      [](const KeyValue& value) {
        return static_cast<HeldBy<Member>>(std::get<std::int64_t>(value));
      });
}

/// `holds` says whether a number is in order, `expected` which are.
template <typename Member, typename Holds>
Key real(const std::string& name, const std::string& expected, Holds holds, const std::string& help,
         Member member) {
  return key(
      name, Key::Kind::real, expected, help, member,
      [=](const GivenValues& given) {
        const double value = given.real(name);
        if (!holds(value)) given.fail(name, "a " + expected);
        return value;
      },
      [](double held) { return KeyValue(held); },
      [](const KeyValue& value) { return std::get<double>(value); });
}

template <typename Value, typename Member>
Key choice(const std::string& name, const Choices<Value>& choices, const std::string& help,
           Member member) {
  return key(
      name, Key::Kind::name, fmt::format("{}", fmt::join(names_of(choices), ", ")), help, member,
      [name, &choices](const GivenValues& given) { return given.choice(name, names_of(choices)); },
      [&choices](Value held) { return KeyValue(name_of(choices, held)); },
      [&choices](const KeyValue& value) {
        return named(choices, std::get<std::string>(value)).value;
      });
}

template <typename Member>
Key boolean(const std::string& name, const std::string& help, Member member) {
  return key(
      name, Key::Kind::boolean, "true, false", help, member,
      [=](const GivenValues& given) { return given.boolean(name); },
      [](bool held) { return KeyValue(held); },
      [](const KeyValue& value) { return std::get<bool>(value); });
}

template <typename Member, typename Read>
Key text(const std::string& name, Key::Kind kind, const std::string& type, const std::string& help,
         Member member, Read read) {
  return key(
      name, kind, type, help, member, read, [](const std::string& held) { return KeyValue(held); },
      [](const KeyValue& value) { return std::get<std::string>(value); });
}

#define GRIDRUN_MEMBER(path) \
  [](auto& sweep) -> auto& { return sweep.path; }

Key dataset_name() {
  Key name = text(
      "dataset.name", Key::Kind::name, fmt::format("{}", fmt::join(names_of(datasets), ", ")),
      "the samples", GRIDRUN_MEMBER(dataset.name),
      [](const GivenValues& given) { return given.choice("dataset.name", names_of(datasets)); });
  name.set = [set = name.set](const KeyValue& value, Sweep& sweep) {
    set(value, sweep);
    const KnownDataset& known = named(datasets, sweep.dataset.name).value;
    sweep.dataset.path = known.path;
    sweep.dataset.scale = known.scale;
  };
  return no_axis(with_default(name, "must be given"));
}

Key dataset_path() {
  const Key path = text("dataset.path", Key::Kind::text, "text",
                        "a CSV or NPZ file, or a directory of IDX files",
                        GRIDRUN_MEMBER(dataset.path), [](const GivenValues& given) {
                          const std::string value = given.text("dataset.path");
                          if (value.find('\0') != std::string::npos)
                            given.fail("dataset.path", "a path, which has no NUL");
                          return value;
                        });
  return no_axis(with_default(
      path, fmt::format("{} and {} for those two", default_digits_path, default_mnist_path)));
}

// Keys of a CSV file's layout, of which "infer" is none.

Key dataset_header() {
  Key header = key(
      "dataset.header", Key::Kind::name, "infer, true, false",
      "whether a CSV file's first line names its columns", GRIDRUN_MEMBER(dataset.csv.header),
      [](const GivenValues& given) -> KeyValue {
        const toml::node& value = *given.find("dataset.header");
        if (value.is_boolean()) return given.boolean("dataset.header");
        if (value.value_exact<std::string>() != "infer")
          given.fail("dataset.header", "infer, true or false");
        return "infer";
      },
      [](bool held) { return KeyValue(held); },
      [](const KeyValue& value) -> std::optional<bool> {
        const bool* said = std::get_if<bool>(&value);
        return said ? std::optional(*said) : std::nullopt;
      });
  return no_axis(with_default(header, "infer"));
}

/// What may not be between fields, for it may be in one.
bool may_be_of_a_field(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) ||
         std::string_view("+-.\"'\r\n").find(character) != std::string_view::npos ||
         static_cast<unsigned char>(character) >= 0x80 || character == '\0';
}

Key dataset_delimiter() {
  Key delimiter = key(
      "dataset.delimiter", Key::Kind::text, "infer, tab, space or one character",
      "what stands between the fields of a CSV file; space: any number of them",
      GRIDRUN_MEMBER(dataset.csv.delimiter),
      [](const GivenValues& given) -> KeyValue {
        const std::string value = given.text("dataset.delimiter");
        const auto names = names_of(named_delimiters);
        if (value != "infer" && std::find(names.begin(), names.end(), value) == names.end() &&
            (value.size() != 1 || may_be_of_a_field(value[0])))
          given.fail("dataset.delimiter", "infer, tab, space, or a character like , ; or |");
        return value;
      },
      [](char held) {
        const auto name = std::find_if(named_delimiters.begin(), named_delimiters.end(),
                                       [&](const auto& named) { return named.value == held; });
        return KeyValue(name == named_delimiters.end() ? std::string(1, held) : name->name);
      },
      [](const KeyValue& value) -> std::optional<char> {
        const std::string& name = std::get<std::string>(value);
        if (name == "infer") return std::nullopt;
        return name.size() == 1 ? name[0] : named(named_delimiters, name).value;
      });
  return no_axis(with_default(delimiter, "infer"));
}

Key dataset_label() {
  constexpr std::int64_t most_columns = std::int64_t{1} << 30;
  Key label = key(
      "dataset.label", Key::Kind::text, "infer, a name, or a number from 1",
      "the column of a CSV file that holds the label", GRIDRUN_MEMBER(dataset.csv.label),
      [](const GivenValues& given) -> KeyValue {
        if (given.find("dataset.label")->is_string()) return given.text("dataset.label");
        return given.integer("dataset.label", 1, most_columns);
      },
      [](const KeyValue& held) { return held; },
      [](const KeyValue& value) -> std::optional<KeyValue> {
        if (value == KeyValue("infer")) return std::nullopt;
        return value;
      });
  return no_axis(with_default(label, "infer"));
}

Key layers() {
  constexpr std::int64_t most_units = std::int64_t{1} << 24;
  Key layers = key(
      "network.layers", Key::Kind::list, "list of integers", "inputs, and the units of each layer",
      GRIDRUN_MEMBER(network.layers),
      [](const GivenValues& given) {
        return given.integers("network.layers", 2, "[inputs, ..., outputs]", 1, most_units);
      },
      [](const std::vector<std::uint32_t>& units) {
        return KeyValue(std::vector<std::int64_t>(units.begin(), units.end()));
      },
      [](const KeyValue& value) {
        const auto& units = std::get<std::vector<std::int64_t>>(value);
        return std::vector<std::uint32_t>(units.begin(), units.end());
      });
  layers.write = [write = layers.write](const Sweep& sweep) -> std::optional<KeyValue> {
    if (sweep.network.layers.empty()) return std::nullopt;
    return write(sweep);
  };
  return with_default(layers, "inputs and labels of the data");
}

Key init_std() {
  Key std;
  std.name = "init.std";
  std.kind = Key::Kind::real;
  std.type = "number of at least 0, he, xavier";
  std.otherwise = text_of(InitialWeights{}.std);
  std.help =
      "standard deviation of the weights; he: √(2 / inputs), xavier: √(2 / (inputs + units))";
  std.read = [](const GivenValues& given) -> KeyValue {
    if (given.find("init.std")->is_string()) {
      const std::string name = given.text("init.std");
      if (name != "he" && name != "xavier")
        given.fail("init.std", "a number of at least 0, \"he\" or \"xavier\"");
      return name;
    }
    const double value = given.real("init.std");
    if (value < 0) given.fail("init.std", "a number of at least 0");
    return value;
  };
  std.set = [](const KeyValue& value, Sweep& sweep) {
    const double* number = std::get_if<double>(&value);
    sweep.init.std = number ? *number : InitialWeights{}.std;  // whatever another cell had
    sweep.init.spread = number                                 ? WeightSpread::std
                        : std::get<std::string>(value) == "he" ? WeightSpread::he
                                                               : WeightSpread::xavier;
  };
  std.write = [](const Sweep& sweep) -> std::optional<KeyValue> {
    return sweep.init.spread == WeightSpread::std  ? KeyValue(sweep.init.std)
           : sweep.init.spread == WeightSpread::he ? KeyValue("he")
                                                   : KeyValue("xavier");
  };
  return std;
}

/// A member of what is said of a tensor's format, or without one of all.
template <typename Value>
struct FormatMember {
  std::optional<Tensor> tensor;
  std::optional<Value> PartialFormat::*part;

  template <typename AnySweep>
  auto& operator()(AnySweep& sweep) const {
    auto& precision = sweep.precision;
    auto& format = tensor ? precision.tensor[static_cast<std::size_t>(*tensor)] : precision.all;
    return format.*part;
  }
};

/// The keys of a format: of one tensor, or without one of all.
void add_format(std::vector<Key>& keys, std::optional<Tensor> tensor) {
  const std::string table =
      tensor ? fmt::format("precision.{}.", tensor_names[static_cast<std::size_t>(*tensor)])
             : "precision.";
  const auto member = [tensor]<typename Value>(std::optional<Value> PartialFormat::*part) {
    return FormatMember<Value>{tensor, part};
  };
  const bool sums = tensor == Tensor::accumulator;
  const auto add = [&](Key key, const std::string& otherwise) {
    // Named before the key is moved: in a call, which argument comes first is the compiler's
    // choice.
    const std::string text =
        tensor && !sums ? "as precision." + key.name.substr(table.size()) : otherwise;
    keys.push_back(with_default(std::move(key), text));
  };
  add(integer(table + "bits", min_bits, max_bits, "width of the words, the sign counted",
              member(&PartialFormat::bits)),
      "64");
  if (!sums) {
    add(integer(table + "fraction", 0, max_fraction, "bits after the binary point",
                member(&PartialFormat::fraction)),
        "grid.fraction");
    add(integer(table + "integer", min_bits - max_bits, max_bits,
                "bits before it, the sign counted, in place of fraction",
                member(&PartialFormat::integer)),
        "");
    add(choice(table + "round", tensor == Tensor::input ? input_rounds : rounds,
               "what becomes of bits that are dropped", member(&PartialFormat::round)),
        "floor");
  }
  add(choice(table + "overflow", overflows, "what becomes of values that the word cannot hold",
             member(&PartialFormat::overflow)),
      "wrap");
  if (!sums && tensor != Tensor::input)
    add(integer(table + "random_bits", 1, 32, "random bits of a stochastic rounding",
                member(&PartialFormat::random_bits)),
        "32");
}

std::vector<Key> all_keys() {
  constexpr std::int64_t most_steps = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t widest_window = 999'999;
  constexpr std::int64_t largest_seed = std::numeric_limits<std::uint32_t>::max();
  const auto any = [](double) { return true; };

  std::vector<Key> keys = {
      dataset_name(),
      dataset_path(),
      choice("dataset.order", sample_orders,
             "the order of the samples before any shuffle; by_label: sorted inside each split",
             GRIDRUN_MEMBER(dataset.order)),
      no_axis(with_default(
          real(
              "dataset.scale", "number above 0", [](double scale) { return scale > 0; },
              "input = stored value / scale", GRIDRUN_MEMBER(dataset.scale)),
          "16 for digits, 255 for mnist and idx, else 1")),
      dataset_header(),
      dataset_delimiter(),
      dataset_label(),
      no_axis(
          choice("dataset.normalise", normalisations,
                 "of each input over what is trained on; minmax: onto 0 to 1; standard: mean 0, "
                 "standard deviation 1",
                 GRIDRUN_MEMBER(dataset.normalise))),
      with_default(
          real(
              "dataset.test", "number above 0 and below 1",
              [](double share) { return share > 0 && share < 1; },
              "share of the samples to hold out, drawn by train.seed, of data without a test split",
              GRIDRUN_MEMBER(dataset.test)),
          "none"),
      layers(),
      choice("network.activation", activations, "what a unit does with its sum",
             GRIDRUN_MEMBER(network.activation)),
      with_default(choice("network.output_activation", activations, "the same in the last layer",
                          GRIDRUN_MEMBER(network.output_activation)),
                   "network.activation"),
      integer("network.leak", 0, 62, "leaky_relu's slope below 0 is 2^-leak",
              GRIDRUN_MEMBER(network.leak)),
      boolean("network.bias", "an input of one more in every layer", GRIDRUN_MEMBER(network.bias)),
  };
  add_format(keys, {});
  for (std::size_t tensor = 0; tensor < tensor_count; ++tensor)
    add_format(keys, static_cast<Tensor>(tensor));
  const std::vector<Key> rest = {
      choice("init.unit", weight_units,
             "what the drawn weights are in: units of the last place, as in the study, or reals, "
             "for all "
             "other networks",
             GRIDRUN_MEMBER(init.unit)),
      real("init.mean", "finite number", any, "mean of the initial weights",
           GRIDRUN_MEMBER(init.mean)),
      init_std(),
      integer("train.iterations", 1, most_steps,
              "steps of each network, a sample each, from the first again after the last",
              GRIDRUN_MEMBER(train.iterations)),
      integer("train.seed", 0, largest_seed,
              "of NumPy's legacy generator, which draws orders and weights",
              GRIDRUN_MEMBER(train.seed)),
      choice("train.draw_order", draw_orders,
             "which draw comes first; weights: nothing is shuffled",
             GRIDRUN_MEMBER(train.draw_order)),
      integer("train.batch", 1, most_steps, "samples an update; divides train.iterations",
              GRIDRUN_MEMBER(train.batch)),
      with_default(
          integer("train.rounding_seed", 0, largest_seed, "of the noise of stochastic rounding",
                  GRIDRUN_MEMBER(train.rounding_seed)),
          "train.seed"),
      choice("train.samples", train_samples,
             "what is trained on; train: the train split, and the test split is held out",
             GRIDRUN_MEMBER(train.samples)),
      integer("report.smooth_window", 1, widest_window, "steps that accuracy is smoothed over, odd",
              GRIDRUN_MEMBER(report.smooth_window)),
      integer("report.polyorder", 0, 20, "order of the smoothing, below the window",
              GRIDRUN_MEMBER(report.polyorder)),
      with_default(choice("report.metric", metrics, "what the answers compare networks by",
                          GRIDRUN_MEMBER(report.metric)),
                   "test_accuracy where samples are held out, else recent_accuracy"),
      real(
          "report.tolerance", "number from 0 to 1",
          [](double tolerance) { return tolerance >= 0 && tolerance <= 1; },
          "values of the metric that differ by no more count as equal in the answers",
          GRIDRUN_MEMBER(report.tolerance)),
      boolean("report.curves", "write curves.npz", GRIDRUN_MEMBER(report.curves)),
      boolean("report.weights", "write weights.npz", GRIDRUN_MEMBER(report.weights)),
      boolean("report.diagnostics", "count and say why each network learned or not",
              GRIDRUN_MEMBER(report.diagnostics)),
      boolean("report.baseline",
              "train each network in binary64 as well, once for all that differ in precision only",
              GRIDRUN_MEMBER(report.baseline)),
  };
  keys.insert(keys.end(), rest.begin(), rest.end());
  for (Key& key : keys)
    if (key.name.starts_with("report.")) key.may_be_axis = false;
  return keys;
}

Key lr_key() {
  return integer("lr", min_lr, max_lr, "lr of the learning rates 2^-lr", GRIDRUN_MEMBER(lr));
}

#undef GRIDRUN_MEMBER

/// What is told of the keys: those of tensors are one group, "precision.TENSOR", as precision's are
/// told; and those of [grid].
std::vector<Key> keys_to_tell() {
  const auto of_grid = [](const std::string& axis, const std::string& otherwise,
                          const std::string& help) {
    Key key;
    key.name = "grid." + axis;
    key.type = "{ from, to, step }, list or value";
    if (const Key* values = key_of_axis(axis)) key.type += ": " + values->type;
    key.otherwise = otherwise;
    key.help = help;
    return key;
  };
  std::vector<Key> told;
  for (const Key& key : configuration_keys()) {
    if (key.name == "report.smooth_window") {
      told.push_back(of_grid("lr", "5 to 19", "lr of the learning rates 2^-lr"));
      told.push_back(of_grid("fraction", "8 to 23 if no fraction or integer is given anywhere",
                             "values of precision.fraction"));
      told.push_back(of_grid("bits", "not an axis", "values of precision.bits"));
      told.push_back(of_grid("\"KEY\"", "not an axis",
                             "values of any other key of this table, in place of that key, but of "
                             "dataset other than order and test, and of report"));
    }
    if (std::count(key.name.begin(), key.name.end(), '.') < 2) {
      told.push_back(key);
    } else if (told.back().name != "precision.TENSOR") {
      Key tensor;
      tensor.name = "precision.TENSOR";
      tensor.type = "table";
      tensor.help = fmt::format(
          "the same keys for one tensor, of {}; accumulator has bits and overflow only, input "
          "rounds nearest_even; if only one of weight and master is given, both are that",
          fmt::join(tensor_names, ", "));
      tensor.otherwise = "as precision; accumulator: 64 bits, wrap";
      told.push_back(tensor);
    }
  }
  return told;
}

}  // namespace

const std::vector<Key>& configuration_keys() {
  static const std::vector<Key> keys = all_keys();
  return keys;
}

const Key* key_of_axis(const std::string& axis) {
  static const Key lr = lr_key();
  static const auto keys = [] {
    std::unordered_map<std::string, const Key*> by_axis{{"lr", &lr}};
    for (const Key& key : configuration_keys()) {
      if (key.may_be_axis) by_axis.emplace(key.name, &key);
      for (const std::string of_precision : {"fraction", "bits"})
        if (key.name == "precision." + of_precision) by_axis.emplace(of_precision, &key);
    }
    return by_axis;
  }();
  const auto found = keys.find(axis);
  return found == keys.end() ? nullptr : found->second;
}

std::string name_in_grid(const std::string& axis) {
  return axis.find('.') == std::string::npos ? "grid." + axis : fmt::format("grid.\"{}\"", axis);
}

const std::vector<std::string>& names_of_keys() {
  static const auto names = [] {
    std::vector<std::string> all, axes = {"lr", "fraction", "bits"};
    for (const Key& key : configuration_keys()) {
      all.push_back(key.name);
      if (key.may_be_axis) axes.push_back(key.name);
    }
    for (const std::string& axis : axes)
      for (const char* part : {"", ".from", ".to", ".step"})
        all.push_back(name_in_grid(axis) + part);
    return all;
  }();
  return names;
}

std::string keys_as_markdown() {
  std::string text = "| key | value | default | |\n|---|---|---|---|\n";
  for (const Key& key : keys_to_tell())
    text += fmt::format("| `{}` | {} | {} | {} |\n", key.name, key.type, key.otherwise, key.help);
  return text;
}

std::string keys_as_help() {
  std::string text = "Keys of a configuration, as --set takes them:\n";
  for (const Key& key : keys_to_tell()) {
    text += fmt::format("  {:<26} {}\n", key.name, key.type);
    text += fmt::format("  {:<26} {}{}\n", "", key.help,
                        key.otherwise.empty() ? "" : fmt::format(" [{}]", key.otherwise));
  }
  return text;
}

std::string name_of(Round round) { return name_of(rounds, round); }

std::string name_of(Overflow overflow) { return name_of(overflows, overflow); }

std::string name_of(Metric metric) { return name_of(metrics, metric); }

}  // namespace gridrun
