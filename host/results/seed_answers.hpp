// What the tables of several seeds say together: each answer is found seed by seed, and told as
// their median.
#pragma once

#include <optional>
#include <vector>

#include "results/answers.hpp"
#include "results/bootstrap.hpp"

namespace gridrun {

/// Of one lr over all seeds. None: no seed has the answer.
struct RowEstimates {
  int lr = 0;
  Estimate plateau;
  std::optional<Estimate> knee;  // of a seed whose knee is cut off, the grid's last
  std::size_t cut_off = 0;       // seeds that have their knee cut off
  std::optional<Estimate> baseline;
};

/// Medians over seeds but for `cells`, which are means. None: no seed has the answer;
/// Estimate::seeds says how many have it.
struct SeedAnswers {
  std::vector<Answers> of_seed;  // at least one, in the order of the seeds
  std::vector<Estimate> cells;   // the metric, [row][column]
  std::vector<Label> labels;     // most common over seeds, [row][column]; empty: not diagnosed

  Estimate noise;  // of a difference from the best cell
  Estimate best, best_lr, best_precision;
  std::optional<Estimate> baseline, baseline_fewest;  // bits within tolerance of the baseline
  std::size_t learned = 0;                            // seeds
  std::vector<RowEstimates> rows;                     // empty: no seed learned
  std::optional<Estimate> fewest_bits, fewest_lr;
  std::optional<Estimate> left_cliff, left_cliff_loss;
  std::optional<Estimate> slope, intercept;  // of the diagonal cliff
  std::optional<Estimate> settled;
  std::size_t unsettled = 0;  // of these seeds, those with exceptions
  std::optional<Estimate> common_lr, common_precision;

  bool has_seeds() const { return of_seed.front().seed.has_value(); }
};

SeedAnswers answer_over_seeds(const SeedSlices& slices, std::vector<Answers> of_seed,
                              Bootstrap& bootstrap);

/// Labels the cells of these tables, in the grid's `labels` and in the answers. `causes` are why
/// the grid's networks failed if they did.
void label_cells(const SeedSlices& slices, const std::vector<std::optional<Label>>& causes,
                 SeedAnswers& answers, std::vector<std::optional<Label>>& labels);

}  // namespace gridrun
