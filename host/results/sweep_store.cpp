#include "results/sweep_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "configuration/key_value_json.hpp"
#include "gridrun/error.hpp"
#include "results/grid_result.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

using json = nlohmann::ordered_json;

std::string definition_text() { return std::to_string(definition_version); }

/// A column's kind: that of all values, or text where they differ.
std::vector<StoredAxis> stored_axes(const Sweep& sweep) {
  std::vector<StoredAxis> axes;
  for (const Axis& axis : sweep.axes) {
    const ValueKind kind = kind_of(axis.values.front());
    const bool same = std::all_of(axis.values.begin(), axis.values.end(),
                                  [&](const KeyValue& value) { return kind_of(value) == kind; });
    axes.push_back({axis.name, same ? kind : ValueKind::text});
  }
  return axes;
}

std::map<std::string, std::string> texts_of(const SweepNotes& notes) {
  return {{"configuration", notes.configuration.dump()},
          {"dataset", notes.dataset.dump()},
          {"engine", notes.engine},
          {"device", notes.device},
          {"definition", definition_text()},
          {"gridrun", GRIDRUN_VERSION}};
}

std::optional<Identity> identity_in(const json& dataset) {
  if (!dataset.is_object() || !dataset.contains("identity") || !dataset["identity"].is_string())
    return std::nullopt;
  return identity_of_text(dataset["identity"].get<std::string>());
}

}  // namespace

SweepNotes notes_of(const NetworkStore& store) {
  const auto parsed = [&](const char* name) {
    return json::parse(store.note(name).value_or(""), nullptr, false);
  };
  SweepNotes notes{parsed("configuration"), parsed("dataset"), store.note("engine").value_or(""),
                   store.note("device").value_or("")};
  if (!notes.configuration.is_object() || !identity_in(notes.dataset))
    throw RequestError(fmt::format("{}: has no notes of a sweep", path_text(store.file())));
  const std::string definition = store.note("definition").value_or("none");
  if (definition != definition_text())
    throw RequestError(
        fmt::format("{}: holds networks of definition {} of the arithmetic, expected {}",
                    path_text(store.file()), excerpt(definition), definition_text()));
  return notes;
}

void start(NetworkStore& store, const Sweep& sweep, const SweepNotes& notes) {
  std::vector<std::string> figures;
  for (const Figure& figure : all_figures()) figures.emplace_back(figure.name);
  store.create(stored_axes(sweep), figures, texts_of(notes));
}

void note(NetworkStore& store, const SweepNotes& notes) {
  for (const auto& [name, text] : texts_of(notes))
    if (store.note(name) != text) store.set_note(name, text);
}

std::optional<std::uint32_t> held_network(const Plan& plan, const HeldNetwork& held,
                                          const Sweep& sweep) {
  const auto identity = identity_of_text(held.identity);
  const auto network = identity ? plan.find(*identity) : std::nullopt;
  if (!network) return std::nullopt;
  const std::uint32_t steps =
      sweep.report.curves ? sweep.train.iterations : sweep.report.smooth_window;
  if (held.last_steps < steps) return std::nullopt;
  if (plan.is_baseline(*network)) return network;
  if (sweep.report.weights && !held.has_weights) return std::nullopt;
  if (sweep.report.diagnostics && !held.has_diagnostics) return std::nullopt;
  return network;
}

std::string objection(const SweepNotes& notes, const json& configuration) {
  if (is_same_study(notes.configuration, configuration)) return "";
  return "networks.db holds networks of another configuration";
}

std::string objection(const SweepNotes& notes, const Identity& data) {
  if (data_identity(notes) == data) return "";
  return "networks.db holds networks of other data";
}

Identity data_identity(const SweepNotes& notes) { return identity_in(notes.dataset).value(); }

std::vector<std::optional<KeyValue>> columns_of(const std::vector<StoredAxis>& axes,
                                                std::vector<std::optional<KeyValue>> values) {
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    if (values[axis] && axes[axis].kind == ValueKind::text) values[axis] = text_of(*values[axis]);
  return values;
}

}  // namespace gridrun
