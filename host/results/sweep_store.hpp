// The store of one sweep: which configuration and data its networks are of.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/identity.hpp"
#include "gridrun/sweep.hpp"
#include "results/network_store.hpp"
#include "staging/plan.hpp"

namespace gridrun {

/// What a store notes of the sweep that its networks are of.
struct SweepNotes {
  nlohmann::ordered_json configuration;  // as to_json() of the sweep that was run last
  nlohmann::ordered_json dataset;        // as dataset_json()
  std::string engine, device;            // of the run that wrote last
};

/// The notes of a store that is not new. Throws RequestError where it has none of a sweep, or was
/// made by another definition of the arithmetic.
SweepNotes notes_of(const NetworkStore& store);

/// Makes a store one of this sweep, in place of what there is.
void start(NetworkStore& store, const Sweep& sweep, const SweepNotes& notes);

/// Notes what is new in a store that networks of the same study are added to.
void note(NetworkStore& store, const SweepNotes& notes);

/// The network of a plan that a store has, with all that the sweep's report needs of it; none: the
/// store has less of it, or it is of another grid.
std::optional<std::uint32_t> held_network(const Plan& plan, const HeldNetwork& held,
                                          const Sweep& sweep);

/// Why networks of this configuration do not belong into a store of these notes; empty if they do.
std::string objection(const SweepNotes& notes, const nlohmann::ordered_json& configuration);

/// The same of data.
std::string objection(const SweepNotes& notes, const Identity& data);

/// The identity of the data that a store has notes of.
Identity data_identity(const SweepNotes& notes);

/// The values of the axes, as columns of a store.
std::vector<std::optional<KeyValue>> columns_of(const std::vector<StoredAxis>& axes,
                                                std::vector<std::optional<KeyValue>> values);

}  // namespace gridrun
