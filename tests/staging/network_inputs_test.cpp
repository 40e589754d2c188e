#include "staging/network_inputs.hpp"

#include <gtest/gtest.h>

#include <set>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "staging/split.hpp"

namespace gridrun {
namespace {

/// Four samples of the train split and one of the test split, at scale 3.
Dataset some_dataset() {
  Dataset dataset;
  dataset.name = "some";
  dataset.samples = 5;
  dataset.inputs = 4;
  dataset.train_samples = 4;
  dataset.scale = 3;
  dataset.values = std::vector<double>{0.1, 5, -3,    7, 0.7,  5, 1e3, 7, 2.5, 5,
                                       0.3, 7, -1.25, 5, 1e-3, 7, 100, 6, 2,   8};
  dataset.labels = {0, 1, 2, 1, 0};
  dataset.classes = 3;
  return dataset;
}

const std::vector<std::uint32_t> train = {0, 1, 2, 3};

std::vector<double> values_of(const Dataset& dataset) { return std::get<1>(dataset.values); }

// The figures of these two are NumPy's, to the bit: of x = values / 3.0 and fit = x[:4],
// (x - fit.min(0)) / (fit.max(0) - fit.min(0)), and with mean = np.cumsum(fit, 0)[-1] / 4 and
// std = np.sqrt(np.cumsum((fit - mean)**2, 0)[-1] / 4), (x - mean) / std; a constant column is 0.

TEST(Normalised, MinmaxIsNumPysToTheBit) {
  const Dataset dataset = normalised(some_dataset(), Normalise::minmax, train);
  EXPECT_EQ(dataset.scale, 1);
  EXPECT_EQ(dataset.labels, some_dataset().labels);
  EXPECT_EQ(values_of(dataset), (std::vector<double>{0x1.70a3d70a3d70ap-2,
                                                     0,
                                                     0,
                                                     0,  //
                                                     0x1.0a3d70a3d70a4p-1,
                                                     0,
                                                     1,
                                                     0,  //
                                                     1,
                                                     0,
                                                     0x1.af3e6e28bc42dp-9,
                                                     0,  //
                                                     0,
                                                     0,
                                                     0x1.882ba9d75048dp-9,
                                                     0,  //
                                                     0x1.b000000000000p+4,
                                                     0,
                                                     0x1.46b32caa7f1b5p-8,
                                                     0}));
}

TEST(Normalised, StandardIsNumPysToTheBit) {
  EXPECT_EQ(values_of(normalised(some_dataset(), Normalise::standard, train)),
            (std::vector<double>{-0x1.397e8461b18a0p-2, 0, -0x1.2a154fa0671f2p-1, 0,  //
                                 0x1.1cfea6e472da6p-3,  0, 0x1.bb672db290641p+0,  0,  //
                                 0x1.799e36bb7e94dp+0,  0, -0x1.262f4f7f6f126p-1, 0,  //
                                 -0x1.4ede6a7fa08d9p+0, 0, -0x1.2689bc454a96dp-1, 0,  //
                                 0x1.27591a5af2a04p+6,  0, -0x1.242d3066b13a5p-1, 0}));
}

TEST(Normalised, BytesAreDividedByTheScaleFirst) {
  Dataset bytes;
  bytes.samples = bytes.train_samples = 3;
  bytes.inputs = 2;
  bytes.scale = 255;
  bytes.values = std::vector<std::uint8_t>{0, 255, 3, 200, 7, 1};
  bytes.labels = {0, 1, 0};
  EXPECT_EQ(
      values_of(normalised(bytes, Normalise::standard, {0, 1, 2})),
      (std::vector<double>{-0x1.29980d726b54dp+0, 0x1.e355d9f58f13bp-1, -0x1.dc267bea4554cp-4,
                           0x1.c27cc13467873p-2, 0x1.475a75310faa1p+0, -0x1.624a1d47e16bap+0}));
}

TEST(Normalised, RefusesWhatIsNotFinite) {
  Dataset dataset = some_dataset();
  std::get<1>(dataset.values)[0] = 1e308;
  std::get<1>(dataset.values)[4] = -1e308;
  dataset.scale = 0.5;
  for (const Normalise normalise : {Normalise::minmax, Normalise::standard})
    EXPECT_EQ(message_of<RequestError>([&] {
                normalised(dataset, normalise, train);
              }).find("dataset.normalise: input 1 of sample 1 is "),
              0U);
}

TEST(NetworkInputs, AreTheDataWhereNothingIsNormalised) {
  const Dataset dataset = some_dataset();
  const NetworkInputs inputs(dataset, Normalise::none);
  EXPECT_EQ(inputs.of({}).dataset, &dataset);
  EXPECT_EQ(inputs.of({}).largest, 1e3 / 3);
}

TEST(NetworkInputs, AreFittedOnWhatIsTrainedOn) {
  const Dataset dataset = some_dataset();
  const NetworkInputs inputs(dataset, Normalise::minmax);
  Draws draws;
  draws.samples = TrainSamples::train;
  EXPECT_EQ(values_of(*inputs.of(draws).dataset),
            values_of(normalised(dataset, Normalise::minmax, train)));
  EXPECT_EQ(inputs.of(draws).largest, 27);
  draws.samples = TrainSamples::all;
  EXPECT_EQ(values_of(*inputs.of(draws).dataset),
            values_of(normalised(dataset, Normalise::minmax, {0, 1, 2, 3, 4})));
  EXPECT_EQ(inputs.of(draws).largest, 1);
}

TEST(NetworkInputs, OfADrawnSplitAreThoseOfItsSeed) {
  Dataset dataset = some_dataset();
  dataset.train_samples = dataset.samples;
  const NetworkInputs inputs(dataset, Normalise::standard);
  Draws draws;
  draws.samples = TrainSamples::train;
  draws.test = 0.4;
  std::set<const Dataset*> different;
  for (draws.seed = 1; draws.seed <= 8; ++draws.seed) {
    LegacyRandom random(draws.seed);
    const Split parts = split(dataset, draws, random);
    ASSERT_EQ(parts.train.size(), 3U);
    const Dataset* fitted = inputs.of(draws).dataset;
    EXPECT_EQ(values_of(*fitted), values_of(normalised(dataset, Normalise::standard, parts.train)));
    draws.order = DrawOrder::weights;  // it does not matter
    EXPECT_EQ(inputs.of(draws).dataset, fitted);
    different.insert(fitted);
  }
  EXPECT_EQ(different.size(), 8U);
}

}  // namespace
}  // namespace gridrun
