#include "app/publish_sweep.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "configuration/cells.hpp"
#include "configuration/key_value_json.hpp"
#include "gridrun/error.hpp"
#include "results/answers_report.hpp"
#include "results/final_weights.hpp"
#include "results/learning_curves.hpp"
#include "results/result_files.hpp"
#include "results/savitzky_golay.hpp"
#include "results/storage.hpp"
#include "results/summarise.hpp"
#include "staging/identity.hpp"
#include "staging/planned_networks.hpp"

namespace gridrun {
namespace {

std::vector<LayerCounts> layer_counts(const NetworkSpec& network,
                                      const std::vector<LayerDiagnostics>& diagnostics) {
  std::vector<LayerCounts> layers;
  for (std::size_t layer = 0; layer < diagnostics.size(); ++layer) {
    const double visits = static_cast<double>(network.iterations / network.batch) *
                          static_cast<double>(network.weights_of(layer));
    layers.push_back({diagnostics[layer], fractions_of(network, layer),
                      rounding_drift(network, layer, diagnostics[layer]) / visits,
                      network.formats.has_copies()});
  }
  return layers;
}

/// Whether all cells have their cause.
bool are_diagnosed(const SeedSlices& slices, const std::vector<std::optional<Label>>& causes) {
  if (causes.empty()) return false;
  for (const Slice& slice : slices)
    for (const std::size_t number : slice.numbers)
      if (!causes[number]) return false;
  return true;
}

/// Nothing where all networks take the same bits, or tables are judged by different metrics.
std::vector<FrontPoint> front_of(const std::vector<SeedSlices>& slices,
                                 const std::vector<SeedAnswers>& answers,
                                 PlannedNetworks& planned) {
  for (const SeedSlices& slice : slices)
    if (slice.front().metric != slices.front().front().metric) return {};
  std::vector<FrontPoint> points;
  for (std::size_t slice = 0; slice < slices.size(); ++slice) {
    const std::vector<std::size_t>& numbers = slices[slice].front().numbers;
    for (std::size_t cell = 0; cell < numbers.size(); ++cell)
      points.push_back({numbers[cell],
                        storage_of(planned.at(static_cast<std::uint32_t>(numbers[cell]))),
                        answers[slice].cells[cell]});
  }
  const bool differ = std::any_of(points.begin(), points.end(), [&](const FrontPoint& point) {
    return point.storage.bits() != points.front().storage.bits();
  });
  return differ ? pareto_front(std::move(points)) : std::vector<FrontPoint>{};
}

/// `pareto` of answers.json.
nlohmann::ordered_json front_json(const std::vector<FrontPoint>& front, const GridResult& grid,
                                  PlannedNetworks& planned) {
  auto json = nlohmann::ordered_json::array();
  for (const FrontPoint& point : front) {
    auto& record =
        json.emplace_back(nlohmann::ordered_json{{"weight_bits", point.storage.weight_bits},
                                                 {"activation_bits", point.storage.activation_bits},
                                                 {"value", point.value.middle},
                                                 {"low", point.value.low},
                                                 {"high", point.value.high}});
    const std::vector<KeyValue> values = grid.values_at(point.cell);
    for (std::size_t axis = 0; axis < values.size(); ++axis)
      if (grid.axes[axis].name != "train.seed")
        record["cell"][grid.axes[axis].name] = to_json(values[axis]);
    record["formats"] = formats_text(planned.at(static_cast<std::uint32_t>(point.cell)));
  }
  return json;
}

}  // namespace

Told publish_sweep(const Sweep& sweep, const Plan& plan, const NetworkStore& store,
                   const std::vector<std::uint32_t>& units_of_data,
                   const std::function<std::string(const Told&)>& run_record,
                   const std::function<void(const std::vector<NewFile>&)>& publish) {
  Told told;
  told.networks = plan.size();
  const std::size_t cells = plan.grid_size();
  GridResult grid;
  grid.axes = sweep.axes;
  grid.cells.resize(cells);
  grid.baselines.resize(plan.size() - cells);
  if (sweep.report.baseline)
    for (std::uint32_t cell = 0; cell < cells; ++cell)
      grid.baseline_of.push_back(
          static_cast<std::uint32_t>(plan.baseline_of(cell).value() - cells));
  std::optional<CurvesMaker> curves;
  if (sweep.report.curves) curves.emplace(sweep, cells);
  std::vector<Weights> weights;
  if (sweep.report.weights) weights.resize(cells);
  std::size_t with_weights = 0;
  PlannedNetworks planned(sweep, plan, units_of_data);
  std::vector<std::optional<Label>> causes;
  if (sweep.report.diagnostics) {
    causes.resize(cells);
    grid.labels.resize(cells);
    grid.diagnostics.resize(cells);
  }
  store.visit(
      [&](StoredNetwork&& network) {
        const auto identity = identity_of_text(network.identity);
        const auto number = identity ? plan.find(*identity) : std::nullopt;
        if (!number) return;  // of another grid of this study
        ++told.trained;
        if (plan.is_baseline(*number)) {
          grid.baselines[*number - cells] = figures_of(network);
          return;
        }
        const std::uint32_t cell = *number;
        grid.cells[cell] = figures_of(network);
        grid.holds_out = grid.holds_out || network.held_out != 0;
        if (curves && network.last_steps == network.steps) curves->add(cell, network.last_right);
        if (sweep.report.diagnostics && !network.diagnostics.empty()) {
          const NetworkSpec spec = planned.at(cell);
          causes[cell] =
              cause_of(spec, network.layers, network.diagnostics, sweep.report.smooth_window);
          grid.diagnostics[cell] = layer_counts(spec, network.diagnostics);
        }
        if (weights.empty() || network.weights.empty()) return;
        ++with_weights;
        weights[cell] = std::move(network.weights);
      },
      sweep.report.weights);

  const auto smoothing = savitzky_golay_weights(sweep.report.smooth_window, sweep.report.polyorder);
  told.tables = count_slices(grid);
  if (told.tables <= most_told) told.slices = slices_of(grid, sweep.report.metric);
  Bootstrap bootstrap;
  for (const SeedSlices& seeds : told.slices) {
    std::vector<Answers> of_seed;
    for (const Slice& slice : seeds)
      of_seed.push_back(answer(slice, sweep.report.tolerance,
                               chance_of(slice.cells.front(), slice.metric, smoothing)));
    told.answers.push_back(answer_over_seeds(seeds, std::move(of_seed), bootstrap));
    if (are_diagnosed(seeds, causes)) label_cells(seeds, causes, told.answers.back(), grid.labels);
  }
  std::vector<LayerWeights> layers;  // no array has holes
  if (!weights.empty() && with_weights == cells)
    layers = final_weights(network_of(Cells(sweep).sweep_at(0), units_of_data), weights);
  std::optional<LearningCurves> learned;
  if (curves) learned = curves->curves();
  const auto front = front_json(front_of(told.slices, told.answers, planned), grid, planned);
  const auto files =
      result_files(grid, told.answers, front, learned, layers, [&] { return run_record(told); });
  publish(files);
  for (const NewFile& file : files) told.written.push_back(file.name);
  return told;
}

double publishing_memory_needed(const Sweep& sweep, std::size_t cells,
                                double weights_of_a_network) {
  // Of figures and their text; of answers, and what a table's rows and columns add.
  constexpr double bytes_a_cell = 400, bytes_a_table = 3000, bytes_a_line = 700;
  // Points of a curve, twice, and as a file has them.
  const double bytes_a_curve =
      3 * sizeof(double) * std::min<double>(most_points_of_a_curve, sweep.train.iterations);
  const auto values = [&](const char* name) {
    for (const Axis& axis : sweep.axes)
      if (axis.name == name) return static_cast<double>(axis.values.size());
    return 0.0;
  };
  const double rows = values("lr");
  const double columns =
      std::max(1.0, values("fraction") != 0 ? values("fraction") : values("bits"));
  const double of_table = bytes_a_table + bytes_a_line * (rows + columns);
  constexpr double bytes_of_diagnostics = 2000;  // of a network, and their text
  double bytes = bytes_a_cell + of_table / (rows * columns);
  if (sweep.report.baseline) bytes += sizeof(CellResult) + sizeof(std::uint32_t);
  if (sweep.report.diagnostics)
    bytes += bytes_of_diagnostics *
             static_cast<double>(std::max<std::size_t>(2, sweep.network.layers.size()) - 1);
  if (sweep.report.curves) bytes += bytes_a_curve;
  if (sweep.report.weights) bytes += weights_of_a_network;
  return bytes * static_cast<double>(cells);
}

}  // namespace gridrun
