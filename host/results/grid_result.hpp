// What a sweep says: one real for each figure and network.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gridrun/diagnostics.hpp"
#include "gridrun/sweep.hpp"
#include "results/label.hpp"

namespace gridrun {

/// Not a number where a figure has nothing to say.
struct CellResult {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double accuracy = none;         // smoothed at the last step; can leave [0, 1] slightly
  double mean_update = none;      // mean |u|, in units of 2^-fraction of the format `gradient`
  double mean_error = none;       // mean of what the learning rate dropped of u, times 2^fraction
  double test_accuracy = none;    // share of the held-out samples that the final weights get right
  double chance = none;           // accuracy of always answering the one class that pays best
  double recent_accuracy = none;  // share of the last smooth_window steps that were right
  double recent_chance = none;    // chance, of recent_accuracy
  double test_chance = none;      // chance, of test_accuracy
  double held_out = 0;            // samples that test_accuracy is of
};

/// What a layer of a diagnosed network counted.
struct LayerCounts {
  LayerDiagnostics counts;
  std::array<int, tensor_count> fraction{};  // of each tensor's format
  double drift = 0;  // what rounding added to a weight in one update, in the mean, in units of the
                     // master's last place
  bool has_copies = false;  // whether the format `weight` is not that of `master`
};

struct GridResult {
  std::vector<Axis> axes;         // from the slowest to the fastest
  std::vector<CellResult> cells;  // the product of the axes
  bool holds_out = false;         // whether samples were held out for any

  /// The same networks in binary64, where the sweep has them: [cell] is
  /// baselines[baseline_of[cell]].
  std::vector<CellResult> baselines = {};
  std::vector<std::uint32_t> baseline_of = {};

  std::vector<std::vector<LayerCounts>> diagnostics = {};  // [cell][layer]; empty: none asked for
  std::vector<std::optional<Label>> labels = {};           // [cell]; none: of no whole table

  /// The name of a cell's label, or nothing.
  std::string label_text(std::size_t cell) const {
    return labels.empty() || !labels[cell] ? "" : name_of(*labels[cell]);
  }

  bool has_baselines() const { return !baseline_of.empty(); }
  /// Of a grid that has them; its figures are none where it is not trained yet.
  const CellResult& baseline(std::size_t cell) const { return baselines[baseline_of[cell]]; }

  /// Whether the network of a cell is trained.
  bool is_there(std::size_t cell) const { return !std::isnan(cells[cell].accuracy); }

  /// The values of the axes at a cell.
  std::vector<KeyValue> values_at(std::size_t cell) const;
};

/// A member of CellResult, and its name in files.
struct Figure {
  const char* name;
  double CellResult::*value;
};

/// The figures of grid.csv and grid.npz, in their order.
std::vector<Figure> figures_of(const GridResult& grid);

/// All figures, as a store keeps them.
const std::vector<Figure>& all_figures();

}  // namespace gridrun
