#include "results/seed_answers.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace gridrun {
namespace {

/// Medians of what the seeds answer.
class Medians {
 public:
  Medians(const std::vector<Answers>& of_seed, Bootstrap& bootstrap)
      : of_seed_(of_seed), bootstrap_(bootstrap) {}

  /// `of` gives a seed's number, or none.
  std::optional<Estimate> operator()(
      const std::function<std::optional<double>(const Answers&)>& of) const {
    std::vector<double> values;
    for (const Answers& answers : of_seed_)
      if (const auto value = of(answers)) values.push_back(*value);
    if (values.empty()) return std::nullopt;
    return bootstrap_.median(values);
  }

 private:
  const std::vector<Answers>& of_seed_;
  Bootstrap& bootstrap_;
};

using MaybeNumber = std::optional<double>;

/// A number of an answer, where there is the answer.
template <typename Answer, typename Number>
MaybeNumber number(const std::optional<Answer>& answer, Number Answer::*member) {
  return answer ? MaybeNumber((*answer).*member) : std::nullopt;
}

MaybeNumber number(const std::optional<int>& answer) {
  return answer ? MaybeNumber(*answer) : std::nullopt;
}

RowEstimates row_estimates(std::size_t row, int lr, const std::vector<Answers>& of_seed,
                           const Medians& median) {
  RowEstimates estimates;
  estimates.lr = lr;
  const auto learned = [&](const Answers& answers) { return !answers.rows.empty(); };
  estimates.plateau = *median([&](const Answers& answers) {
    return learned(answers) ? MaybeNumber(answers.rows[row].plateau.value) : std::nullopt;
  });
  estimates.knee = median([&](const Answers& answers) {
    if (!learned(answers)) return MaybeNumber();
    if (answers.rows[row].cut_off) return MaybeNumber(answers.columns.back().best.precision);
    return number(answers.rows[row].knee);
  });
  estimates.baseline = median([&](const Answers& answers) {
    return learned(answers) ? answers.rows[row].baseline : std::nullopt;
  });
  for (const Answers& answers : of_seed)
    estimates.cut_off += learned(answers) && answers.rows[row].cut_off;
  return estimates;
}

/// Whether a cell of a table of these answers learned as Label::learned says.
bool has_learned(double value, const Answers& answers) {
  const Chance& chance = answers.chance;
  return value > chance.threshold() &&
         value >= chance.level + (answers.best.value - chance.level) / 2;
}

}  // namespace

SeedAnswers answer_over_seeds(const SeedSlices& slices, std::vector<Answers> of_seed,
                              Bootstrap& bootstrap) {
  SeedAnswers over;
  const Slice& first = slices.front();
  std::vector<double> values(slices.size());
  for (std::size_t row = 0; row < first.lr.size(); ++row)
    for (std::size_t column = 0; column < first.precision.values.size(); ++column) {
      for (std::size_t seed = 0; seed < slices.size(); ++seed)
        values[seed] = slices[seed].value(row, column);
      over.cells.push_back(bootstrap.mean(values));
    }

  const Medians median(of_seed, bootstrap);
  over.best = *median([](const Answers& answers) { return answers.best.value; });
  over.best_lr = *median([](const Answers& answers) { return answers.best.lr; });
  over.best_precision = *median([](const Answers& answers) { return answers.best.precision; });
  over.baseline =
      median([](const Answers& answers) { return number(answers.baseline, &Baseline::value); });
  over.baseline_fewest = median([](const Answers& answers) {
    return answers.baseline ? number(answers.baseline->fewest, &CellAnswer::precision)
                            : std::nullopt;
  });
  for (const Answers& answers : of_seed) over.learned += answers.learned;
  if (over.learned != 0)
    for (std::size_t row = 0; row < first.lr.size(); ++row)
      over.rows.push_back(row_estimates(row, first.lr[row], of_seed, median));

  over.fewest_bits = median(
      [](const Answers& answers) { return number(answers.fewest_bits, &CellAnswer::precision); });
  over.fewest_lr =
      median([](const Answers& answers) { return number(answers.fewest_bits, &CellAnswer::lr); });
  const auto has_cliff = [](const Answers& answers) {
    return answers.learned && answers.left_cliff.next_lr;
  };
  over.left_cliff = median([&](const Answers& answers) {
    return has_cliff(answers) ? MaybeNumber(answers.left_cliff.lr) : std::nullopt;
  });
  over.left_cliff_loss = median([&](const Answers& answers) {
    return has_cliff(answers) ? MaybeNumber(answers.left_cliff.loss) : std::nullopt;
  });
  over.slope = median(
      [](const Answers& answers) { return number(answers.diagonal_cliff, &DiagonalCliff::slope); });
  over.intercept = median([](const Answers& answers) {
    return number(answers.diagonal_cliff, &DiagonalCliff::intercept);
  });
  over.noise = *median([](const Answers& answers) { return answers.noise; });
  for (const Answers& answers : of_seed)
    over.unsettled += answers.settled && !answers.settled->except_lr.empty();
  over.settled =
      median([](const Answers& answers) { return number(answers.settled, &Settled::precision); });
  over.common_lr =
      median([](const Answers& answers) { return number(answers.common_rate, &CommonRate::lr); });
  over.common_precision = median(
      [](const Answers& answers) { return number(answers.common_rate, &CommonRate::precision); });
  over.of_seed = std::move(of_seed);
  return over;
}

void label_cells(const SeedSlices& slices, const std::vector<std::optional<Label>>& causes,
                 SeedAnswers& answers, std::vector<std::optional<Label>>& labels) {
  for (std::size_t cell = 0; cell < slices.front().cells.size(); ++cell) {
    std::array<std::size_t, label_count> counts{};
    for (std::size_t seed = 0; seed < slices.size(); ++seed) {
      const Slice& slice = slices[seed];
      const double value = value_of(slice.cells[cell], slice.metric);
      std::optional<Label>& label = labels[slice.numbers[cell]];
      label =
          has_learned(value, answers.of_seed[seed]) ? Label::learned : causes[slice.numbers[cell]];
      ++counts[static_cast<std::size_t>(label.value())];
    }
    const auto most = std::max_element(counts.begin(), counts.end());
    answers.labels.push_back(static_cast<Label>(most - counts.begin()));
  }
}

}  // namespace gridrun
