#include "results/network_row.hpp"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/message_text.hpp"

namespace gridrun {
namespace {

using sqlite::Blob;
using sqlite::Cell;

static_assert(std::endian::native == std::endian::little, "weights are written as they lie");

const char* sql_type(ValueKind kind) {
  switch (kind) {
    case ValueKind::integer:
    case ValueKind::boolean:
      return "INTEGER";
    case ValueKind::real:
      return "REAL";
    default:
      return "TEXT";
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(fmt::format("a network to be stored {}", what));
}

Cell cell_of_real(double value) {
  if (std::isnan(value)) return std::monostate();
  return value + 0.0;  // SQLite has no -0
}

double real_of(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return std::nan("");
  return std::get<double>(cell);
}

Cell cell_of(const KeyValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return cell_of_real(*real);
  if (const auto* boolean = std::get_if<bool>(&value)) return std::int64_t{*boolean};
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    return nlohmann::json(*integers).dump();
  return std::get<std::int64_t>(value);
}

KeyValue value_of(const Cell& cell, ValueKind kind) {
  switch (kind) {
    case ValueKind::integer:
      return std::get<std::int64_t>(cell);
    case ValueKind::real:
      return real_of(cell);
    case ValueKind::boolean:
      return std::get<std::int64_t>(cell) != 0;
    case ValueKind::text:
      return std::get<std::string>(cell);
    case ValueKind::integers:
      break;
  }
  return nlohmann::json::parse(std::get<std::string>(cell)).get<std::vector<std::int64_t>>();
}

/// Bit i is bit i % 8 of byte i / 8.
Blob blob_of(const Bits& bits, std::size_t count) {
  Blob blob{std::string((count + 7) / 8, '\0')};
  if (count > 0) std::memcpy(blob.bytes.data(), bits.words.data(), blob.bytes.size());
  return blob;
}

Bits bits_of(const Blob& blob, std::size_t count) {
  Bits bits(count);
  if (blob.bytes.size() != (count + 7) / 8) throw std::length_error("last_right");
  if (count > 0) std::memcpy(bits.words.data(), blob.bytes.data(), blob.bytes.size());
  return bits;
}

Cell blob_of(const Weights& weights) {
  if (weights.empty()) return std::monostate();
  Blob blob;
  for (const std::vector<std::int64_t>& layer : weights)
    blob.bytes.append(reinterpret_cast<const char*>(layer.data()), layer.size() * sizeof layer[0]);
  return blob;
}

WideSum sum_of_digits(std::string_view digits) {
  WideSum sum = 0;
  for (const char digit : digits) sum = 10 * sum + static_cast<unsigned>(digit - '0');
  return sum;
}

WideSum sum_of(const nlohmann::json& decimal) {
  return sum_of_digits(decimal.get_ref<const std::string&>());
}

/// With how many weights each layer has, where they are kept.
std::string text_of(const std::vector<LayerSums>& layers, const Weights& weights) {
  std::string text = "[";
  for (std::size_t l = 0; l < layers.size(); ++l) {
    text += fmt::format(R"({}{{"abs_update":"{}","dropped":"{}")", l == 0 ? "" : ",",
                        layers[l].abs_update, layers[l].dropped);
    if (!weights.empty()) text += fmt::format(R"(,"weights":{})", weights[l].size());
    text += '}';
  }
  return text + "]";
}

void read_layers(const std::string& text, const Blob* blob, StoredNetwork& network) {
  std::size_t begin = 0;
  for (const nlohmann::json& layer : nlohmann::json::parse(text)) {
    network.layers.push_back({sum_of(layer.at("abs_update")), sum_of(layer.at("dropped"))});
    if (blob == nullptr) continue;
    std::vector<std::int64_t> weights(layer.at("weights").get<std::size_t>());
    const std::size_t size = weights.size() * sizeof weights[0];
    if (size > blob->bytes.size() - begin) throw std::length_error("weights");
    if (size > 0) std::memcpy(weights.data(), blob->bytes.data() + begin, size);
    network.weights.push_back(std::move(weights));
    begin += size;
  }
}

/// NULL where there are none.
Cell cell_of(const std::vector<LayerDiagnostics>& layers) {
  if (layers.empty()) return std::monostate();
  auto json = nlohmann::ordered_json::array();
  for (const LayerDiagnostics& of_layer : layers) {
    auto& layer = json.emplace_back(nlohmann::ordered_json::object());
    for (std::size_t tensor = 0; tensor < tensor_count; ++tensor)
      layer[tensor_names[tensor]] = {{"overflowed", of_layer.tensor[tensor].overflowed},
                                     {"bits", of_layer.tensor[tensor].bits}};
    layer["updates"] = of_layer.updates;
    layer["lost"] = of_layer.lost;
    layer["inactive"] = of_layer.inactive;
    layer["last_inactive"] = of_layer.last_inactive;
    layer["step"] = fmt::format("{}", of_layer.step);
    layer["product"] = fmt::format("{}", of_layer.product);
  }
  return json.dump();
}

SignedSum signed_sum_of(const nlohmann::json& decimal) {
  const std::string_view text = decimal.get_ref<const std::string&>();
  const bool is_negative = text.starts_with('-');
  const WideSum sum = sum_of_digits(text.substr(is_negative));
  return static_cast<SignedSum>(is_negative ? WideSum{0} - sum : sum);
}

std::vector<LayerDiagnostics> diagnostics_of(const std::string& text) {
  std::vector<LayerDiagnostics> layers;
  for (const nlohmann::json& layer : nlohmann::json::parse(text)) {
    LayerDiagnostics& of_layer = layers.emplace_back();
    for (std::size_t tensor = 0; tensor < tensor_count; ++tensor) {
      const nlohmann::json& counts = layer.at(tensor_names[tensor]);
      of_layer.tensor[tensor] = {counts.at("overflowed"), counts.at("bits")};
    }
    of_layer.updates = layer.at("updates");
    of_layer.lost = layer.at("lost");
    of_layer.inactive = layer.at("inactive");
    of_layer.last_inactive = layer.at("last_inactive");
    of_layer.step = signed_sum_of(layer.at("step"));
    of_layer.product = signed_sum_of(layer.at("product"));
  }
  return layers;
}

void append_number(std::string& bytes, std::uint64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// So that different cells append different bytes, whatever comes after them.
void append_cell(std::string& bytes, const Cell& cell) {
  bytes += static_cast<char>(cell.index());
  const auto append_text = [&](const std::string& text) {
    append_number(bytes, text.size());
    bytes += text;
  };
  if (const auto* integer = std::get_if<std::int64_t>(&cell))
    append_number(bytes, static_cast<std::uint64_t>(*integer));
  else if (const auto* real = std::get_if<double>(&cell))
    append_number(bytes, std::bit_cast<std::uint64_t>(*real));
  else if (const auto* text = std::get_if<std::string>(&cell))
    append_text(*text);
  else if (const auto* blob = std::get_if<Blob>(&cell))
    append_text(blob->bytes);
}

Cell checksum_of_weights(const Cell& weights) {
  const auto* blob = std::get_if<Blob>(&weights);
  if (blob == nullptr) return std::monostate();
  return static_cast<std::int64_t>(checksum_of_text(blob->bytes));
}

std::string listed(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ", "));
}

}  // namespace

std::uint64_t checksum_of_text(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

RowFormat::RowFormat(StoredColumns columns) : columns_(std::move(columns)) {
  all_.push_back({"identity", "TEXT PRIMARY KEY NOT NULL"});
  for (const StoredAxis& axis : columns_.axes) all_.push_back({axis.name, sql_type(axis.kind)});
  for (const std::string& figure : columns_.figures) all_.push_back({figure, "REAL"});
  const std::vector<Column> fixed = {{"steps", "INTEGER"},
                                     {"right", "INTEGER"},
                                     {"last_steps", "INTEGER"},
                                     {"last_right", "BLOB"},
                                     {"held_out", "INTEGER"},
                                     {"held_out_right", "INTEGER"},
                                     {"layers", "TEXT"},
                                     {"diagnostics", "TEXT"},
                                     {"weights_digest", "TEXT"},
                                     {"engine", "TEXT"},
                                     {"device", "TEXT"},
                                     {"seconds", "REAL"},
                                     {"weights_checksum", "INTEGER"},
                                     {"checksum", "INTEGER"},
                                     {"weights", "BLOB"}};
  all_.insert(all_.end(), fixed.begin(), fixed.end());
}

std::string RowFormat::table_sql() const {
  std::vector<std::string> columns;
  for (const Column& column : all_)
    columns.push_back(sqlite::quoted(column.name) + ' ' + column.type);
  return "CREATE TABLE networks (" + listed(columns) + ") STRICT";
}

std::string RowFormat::names(bool with_weights) const {
  std::vector<std::string> names;
  for (const Column& column : all_) names.push_back(sqlite::quoted(column.name));
  if (!with_weights) names.pop_back();
  return listed(names);
}

NetworkRow RowFormat::row_of(const StoredNetwork& network) const {
  require(network.axes.size() == axes(), "has other axes than the store");
  require(network.figures.size() == figures(), "has other figures than the store");
  require(network.identity.size() == 32 &&
              network.identity.find_first_not_of("0123456789abcdef") == std::string::npos,
          "has no identity of 32 hex digits");
  require(network.last_right.words.size() == Bits::words_of(network.last_steps),
          "has other last_right than last_steps");
  require(network.weights.empty() || network.weights.size() == network.layers.size(),
          "has weights of other layers");
  require(network.diagnostics.empty() || network.diagnostics.size() == network.layers.size(),
          "has diagnostics of other layers");
  NetworkRow row;
  row.reserve(width());
  row.push_back(network.identity);
  for (std::size_t a = 0; a < axes(); ++a) {
    const auto& value = network.axes[a];
    require(!value || kind_of(*value) == columns_.axes[a].kind, "has an axis of another kind");
    row.push_back(value ? cell_of(*value) : Cell());
  }
  for (const double figure : network.figures) row.push_back(cell_of_real(figure));
  Cell weights = blob_of(network.weights);
  row.push_back(std::int64_t{network.steps});
  row.push_back(static_cast<std::int64_t>(network.right));
  row.push_back(std::int64_t{network.last_steps});
  row.push_back(blob_of(network.last_right, network.last_steps));
  row.push_back(std::int64_t{network.held_out});
  row.push_back(std::int64_t{network.held_out_right});
  row.push_back(text_of(network.layers, network.weights));
  row.push_back(cell_of(network.diagnostics));
  row.push_back(fmt::format("{:016x}", network.weights_digest));
  row.push_back(network.engine);
  row.push_back(network.device);
  row.push_back(cell_of_real(network.seconds));
  row.push_back(checksum_of_weights(weights));
  row.push_back(computed_checksum(row));
  row.push_back(std::move(weights));
  return row;
}

StoredNetwork RowFormat::network_of(const NetworkRow& row) const {
  const auto damaged = [&](const char* how) {
    const auto* identity = std::get_if<std::string>(&row[0]);
    return sqlite::Error(
        fmt::format("the network {} {}", identity ? excerpt(*identity) : "of no name", how), true);
  };
  if (row[checksum_place()] != Cell(computed_checksum(row)))
    throw damaged("does not have its checksum");
  const bool with_weights = row.size() == width();
  if (with_weights && checksum_of_weights(row.back()) != row[checksum_place() - 1])
    throw damaged("does not have the checksum of its weights");
  try {
    StoredNetwork network;
    const Cell* next = row.data();
    const auto number = [&] { return std::get<std::int64_t>(*next++); };
    const auto text = [&]() -> const std::string& { return std::get<std::string>(*next++); };
    network.identity = text();
    for (const StoredAxis& axis : columns_.axes) {
      const bool has_value = !std::holds_alternative<std::monostate>(*next);
      network.axes.push_back(has_value ? std::optional(value_of(*next, axis.kind)) : std::nullopt);
      ++next;
    }
    for (std::size_t f = 0; f < figures(); ++f) network.figures.push_back(real_of(*next++));
    network.steps = static_cast<std::uint32_t>(number());
    network.right = static_cast<std::uint64_t>(number());
    network.last_steps = static_cast<std::uint32_t>(number());
    network.last_right = bits_of(std::get<Blob>(*next++), network.last_steps);
    network.held_out = static_cast<std::uint32_t>(number());
    network.held_out_right = static_cast<std::uint32_t>(number());
    read_layers(text(), with_weights ? std::get_if<Blob>(&row.back()) : nullptr, network);
    if (const auto* counts = std::get_if<std::string>(next++))
      network.diagnostics = diagnostics_of(*counts);
    network.weights_digest = std::stoull(text(), nullptr, 16);
    network.engine = text();
    network.device = text();
    network.seconds = real_of(*next++);
    return network;
  } catch (const std::exception&) {  // its checksum is right: another program wrote it
    throw damaged("does not hold what its columns say");
  }
}

std::string RowFormat::figure_assignments(int first) const {
  std::vector<std::string> assignments;
  for (const std::string& figure : columns_.figures)
    assignments.push_back(fmt::format("{} = ?{}", sqlite::quoted(figure), first++));
  assignments.push_back(fmt::format("checksum = ?{}", first));
  return listed(assignments);
}

std::vector<Cell> RowFormat::set_figures(NetworkRow row, const std::vector<double>& values) const {
  require(values.size() == figures(), "has other figures than the store");
  std::vector<Cell> changed;
  for (std::size_t f = 0; f < figures(); ++f) {
    row[1 + axes() + f] = cell_of_real(values[f]);
    changed.push_back(row[1 + axes() + f]);
  }
  changed.push_back(computed_checksum(row));
  return changed;
}

std::int64_t RowFormat::checksum_in(const NetworkRow& row) const {
  return std::get<std::int64_t>(row[checksum_place()]);
}

bool RowFormat::has_weights(const NetworkRow& row) const {
  return !std::holds_alternative<std::monostate>(row[checksum_place() - 1]);
}

std::int64_t RowFormat::computed_checksum(const NetworkRow& row) const {
  std::string bytes;
  for (std::size_t c = 0; c < checksum_place(); ++c) append_cell(bytes, row[c]);
  return static_cast<std::int64_t>(checksum_of_text(bytes));
}

}  // namespace gridrun
