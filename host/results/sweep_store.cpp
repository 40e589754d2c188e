#include "results/sweep_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/message_text.hpp"
#include "configuration/configuration.hpp"
#include "configuration/key_value_json.hpp"
#include "gridrun/error.hpp"
#include "results/grid_result.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* unreadable = "networks.db has no notes of a sweep";

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

json parsed(const std::optional<std::string>& text) {
  try {
    return json::parse(text.value_or(""));
  } catch (const json::exception&) {
    throw RequestError(unreadable);
  }
}

}  // namespace

SweepNotes notes_of(const NetworkStore& store) {
  const std::string definition = store.note("definition").value_or("none");
  if (definition != definition_text())
    throw RequestError(
        fmt::format("networks.db holds networks of definition {} of the arithmetic, expected {}",
                    excerpt(definition), definition_text()));
  return {parsed(store.note("configuration")), parsed(store.note("dataset")),
          store.note("engine").value_or(""), store.note("device").value_or("")};
}

void note(NetworkStore& store, const Sweep& sweep, const SweepNotes& notes) {
  const std::map<std::string, std::string> texts = {{"configuration", notes.configuration.dump()},
                                                    {"dataset", notes.dataset.dump()},
                                                    {"engine", notes.engine},
                                                    {"device", notes.device},
                                                    {"definition", definition_text()},
                                                    {"gridrun", GRIDRUN_VERSION}};
  if (store.is_new()) {
    std::vector<std::string> figures;
    for (const Figure& figure : all_figures()) figures.emplace_back(figure.name);
    store.create(stored_axes(sweep), figures, texts);
    return;
  }
  for (const auto& [name, text] : texts)
    if (store.note(name) != text) store.set_note(name, text);
}

std::string objection(const SweepNotes& notes, const json& configuration) {
  if (is_same_study(notes.configuration, configuration)) return "";
  return "networks.db holds networks of another configuration";
}

std::string objection(const SweepNotes& notes, const Identity& data) {
  if (data_identity(notes) == data) return "";
  return "networks.db holds networks of other data";
}

Identity data_identity(const SweepNotes& notes) {
  if (notes.dataset.is_object() && notes.dataset.contains("identity") &&
      notes.dataset["identity"].is_string())
    if (const auto identity = identity_of_text(notes.dataset["identity"].get<std::string>()))
      return *identity;
  throw RequestError(unreadable);
}

std::vector<KeyValue> columns_of(const std::vector<StoredAxis>& axes,
                                 std::vector<KeyValue> values) {
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    if (axes[axis].kind == ValueKind::text) values[axis] = text_of(values[axis]);
  return values;
}

}  // namespace gridrun
