// The two studies, cell by cell, against golden tables from an independent NumPy implementation.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "app/choose_engine.hpp"
#include "configuration/configuration.hpp"
#include "data/load_dataset.hpp"
#include "results/summarise.hpp"
#include "staging/stage.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

std::vector<CellResult> golden(const std::string& study) {
  std::ifstream file(std::string(GRIDRUN_TESTS) + "/golden/" + study + ".csv");
  std::vector<CellResult> cells;
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "lr,fraction,accuracy,mean_update,mean_error");
  CellResult cell;
  for (int lr, fraction; std::getline(file, line); cells.push_back(cell))
    EXPECT_EQ(std::sscanf(line.c_str(), "%d,%d,%lf,%lf,%lf", &lr, &fraction, &cell.accuracy,
                          &cell.mean_update, &cell.mean_error),
              5);
  return cells;
}

void expect_golden(const std::string& study, const std::string& engine,
                   const std::vector<std::string>& overrides = {}) {
  const Sweep sweep = read_configuration(find_configuration(study + ".toml"), overrides);
  const Dataset dataset = load_dataset(sweep);
  const StagedSweep staged = stage(sweep, dataset);
  Progress progress;
  const Outcomes outcomes = choose_engines(engine, sweep).front()->train(staged, progress);
  const Summariser summariser(sweep);
  const auto expected = golden(study);
  ASSERT_EQ(expected.size(), 240U);
  ASSERT_EQ(outcomes.size(), 240U);
  for (std::size_t n = 0; n < 240; ++n) {
    const CellResult got = summariser.figures(staged.networks[n], outcomes[n], 0);
    const CellResult& wanted = expected[n];
    const int lr = staged.networks[n].lr, fraction = staged.networks[n].formats.weight.fraction;
    EXPECT_NEAR(got.accuracy, wanted.accuracy, 1e-12) << "lr " << lr << ", fraction " << fraction;
    EXPECT_NEAR(got.mean_update, wanted.mean_update, 1e-12 * wanted.mean_update)
        << "lr " << lr << ", fraction " << fraction;
    EXPECT_NEAR(got.mean_error, wanted.mean_error, 1e-12 * wanted.mean_error)
        << "lr " << lr << ", fraction " << fraction;
  }
}

class Study : public ::testing::TestWithParam<std::string> {};

TEST_P(Study, DigitsIsGoldenInAll240Cells) { expect_golden("digits", GetParam()); }

TEST_P(Study, MnistIsGoldenInAll240Cells) {
  const auto directory = mnist_directory();
  if (!directory)
    GTEST_SKIP() << "SKIPPED: no MNIST in $GRIDRUN_MNIST or data/mnist; "
                    "tools/fetch-mnist brings it";
  expect_golden("mnist", GetParam(), {"dataset.path='" + directory->string() + "'"});
}

INSTANTIATE_TEST_SUITE_P(Engines, Study, ::testing::Values("reference", "cpu"),
                         [](const auto& engine) { return engine.param; });

}  // namespace
}  // namespace gridrun
