// Why a network learned or not, in one word, from what it counted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gridrun/diagnostics.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/outcomes.hpp"

namespace gridrun {

/// The first that holds, in this order. docs/results.md has the reasons.
enum class Label : std::uint8_t {
  learned,      // it gained at least half of what the best of its table did over chance
  diverged,     // values left words that wrap, or filled words of 64 bits
  saturated,    // of a tensor whose words saturate, at least 1 % of the values did
  frozen,       // at least 90 % of the updates were rounded, not at random, to no step, or there
                // was no update
  drifting,     // rounding moved the weights of a layer by at least half as much as all updates
  dead,         // no output unit was active for at least half of the samples, or for all of the
                // smoothing window at the end
  undertrained  // none of these: more steps, or another learning rate, may do
};
inline constexpr std::size_t label_count = 7;

std::string name_of(Label label);
/// One character, for maps.
char letter_of(Label label);

/// What rounding added to a layer's weights, in units of the master's last place.
double rounding_drift(const NetworkSpec& network, std::size_t layer,
                      const LayerDiagnostics& counts);

/// The label of a network that did not learn; `window` is how many steps are smoothed over.
Label cause_of(const NetworkSpec& network, const std::vector<LayerSums>& sums,
               const std::vector<LayerDiagnostics>& counts, std::uint32_t window);

/// At which fraction the values of a layer's tensors are; sums: those of the forward pass.
std::array<int, tensor_count> fractions_of(const NetworkSpec& network, std::size_t layer);

}  // namespace gridrun
