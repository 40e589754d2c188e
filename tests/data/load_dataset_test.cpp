#include "data/load_dataset.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "idx_bytes.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "scratch_directory.hpp"
#include "test_sweep.hpp"

namespace gridrun {
namespace {

Sweep sweep_of(const std::string& name, const std::filesystem::path& path) {
  Sweep sweep;
  sweep.dataset.name = name;
  sweep.dataset.path = path.string();
  return sweep;
}

class IdxDirectory : public ::testing::Test {
 protected:
  IdxDirectory() {
    scratch.write("train-images-idx3-ubyte", idx_bytes({2, 1, 2}, {1, 2, 3, 4}));
    scratch.write("train-labels-idx1-ubyte", idx_bytes({2}, {0, 2}));
    scratch.write("t10k-images-idx3-ubyte.gz", gzip_bytes(idx_bytes({1, 1, 2}, {5, 6})));
    scratch.write("t10k-labels-idx1-ubyte.gz", gzip_bytes(idx_bytes({1}, {1})));
  }

  Dataset load() { return load_dataset(sweep_of("idx", scratch.path())); }

  std::string refusal() {
    const std::string message = message_of<RequestError>([&] { load(); });
    EXPECT_EQ(message.find(scratch.path().string()), 0U) << message;
    return message.substr(scratch.path().string().size());
  }

  ScratchDirectory scratch;
};

TEST_F(IdxDirectory, TrainComesBeforeTest) {
  const Dataset dataset = load();
  EXPECT_EQ(dataset.samples, 3U);
  EXPECT_EQ(dataset.train_samples, 2U);
  EXPECT_EQ(dataset.inputs, 2U);
  EXPECT_EQ(dataset.classes, 3U);
  EXPECT_EQ(dataset.labels, (std::vector<std::uint32_t>{0, 2, 1}));
  EXPECT_EQ(std::get<0>(dataset.values), (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(IdxDirectory, TheTestPartMayBeAbsent) {
  std::filesystem::remove(scratch.path() / "t10k-images-idx3-ubyte.gz");
  std::filesystem::remove(scratch.path() / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(load().samples, 2U);
}

TEST_F(IdxDirectory, PartsOfDifferentTypesBecomeReals) {
  scratch.write("train-images-idx3-ubyte", idx_header(0x09, {2, 1, 2}) + "\x01\x02\x03\xff");
  EXPECT_EQ(std::get<1>(load().values), (std::vector<double>{1, 2, 3, -1, 5, 6}));
}

TEST_F(IdxDirectory, HoldsTheSamplesOnce) {
  if (GRIDRUN_SANITIZED) GTEST_SKIP() << "a sanitizer takes more";
  constexpr std::uint32_t samples = 20'000, inputs = 1'000;
  for (const std::uint8_t type : {std::uint8_t{0x08}, std::uint8_t{0x09}}) {
    const std::string images =
        idx_header(type, {samples, inputs, 1}) + std::string(samples * inputs, '\1');
    scratch.write("train-labels-idx1-ubyte",
                  idx_bytes({samples}, std::vector<std::uint8_t>(samples)));
    for (const bool is_gzip : {false, true}) {
      scratch.write("train-images-idx3-ubyte", is_gzip ? gzip_bytes(images) : images);
      scratch.write("t10k-images-idx3-ubyte.gz",
                    gzip_bytes(idx_header(type, {1, inputs, 1}) + std::string(inputs, '\2')));
      const double values = samples * (type == 0x08 ? 1.0 : 8.0) * inputs;
      EXPECT_LT(peak_growth([&] { load(); }), values + (12 << 20));
    }
  }
}

TEST_F(IdxDirectory, StopsWhenTheProgressIsStopped) {
  Progress progress;
  progress.stop();
  EXPECT_THROW(load_dataset(sweep_of("idx", scratch.path()), &progress), Interrupted);
}

TEST_F(IdxDirectory, TheChecksumSeesValuesAndLabels) {
  const auto before = load().checksum;
  scratch.write("train-labels-idx1-ubyte", idx_bytes({2}, {1, 2}));
  const auto other_labels = load().checksum;
  scratch.write("train-images-idx3-ubyte", idx_bytes({2, 1, 2}, {1, 2, 3, 5}));
  EXPECT_NE(before, other_labels);
  EXPECT_NE(other_labels, load().checksum);
}

TEST_F(IdxDirectory, RefusesPartsThatDoNotMatch) {
  scratch.write("train-labels-idx1-ubyte", idx_bytes({3}, {0, 2, 1}));
  EXPECT_EQ(refusal(),
            "/train-labels-idx1-ubyte: 3 labels for the 2 samples of train-images-idx3-ubyte");
  scratch.write("train-labels-idx1-ubyte", idx_bytes({2}, {0, 2}));
  scratch.write("t10k-images-idx3-ubyte", idx_bytes({1, 1, 3}, {5, 6, 7}));
  EXPECT_EQ(refusal(),
            "/t10k-images-idx3-ubyte: 3 inputs a sample, expected 2 as in "
            "train-images-idx3-ubyte");
}

TEST_F(IdxDirectory, RefusesLabelsThatAreNoList) {
  scratch.write("train-labels-idx1-ubyte", idx_bytes({2, 1}, {0, 2}));
  EXPECT_EQ(refusal(), "/train-labels-idx1-ubyte: rank 2, expected labels in rank 1");
}

TEST_F(IdxDirectory, LabelsOfBothPartsAreClassesInTheOrderOfTheirValues) {
  scratch.write("train-labels-idx1-ubyte", idx_header(0x09, {2}) + std::string("\x07\xff", 2));
  DatasetNotes notes;
  const Dataset dataset = load_dataset(sweep_of("idx", scratch.path()), nullptr, &notes);
  EXPECT_EQ(dataset.labels, (std::vector<std::uint32_t>{2, 0, 1}));
  EXPECT_EQ(dataset.classes, 3U);
  EXPECT_EQ(notes.labels, (std::vector<ClassLabel>{-1.0, 1.0, 7.0}));
  EXPECT_EQ(notes.inferred, (std::vector<std::string>{scratch.path().string() +
                                                      ": 3 classes: -1 = 0, 1 = 1, 7 = 2"}));
}

TEST_F(IdxDirectory, RefusesADirectoryWithoutItsFiles) {
  std::filesystem::remove(scratch.path() / "train-labels-idx1-ubyte");
  EXPECT_EQ(refusal(), ": train-labels-idx* is missing, expected images and labels");
  std::filesystem::remove(scratch.path() / "train-images-idx3-ubyte");
  EXPECT_EQ(refusal(),
            ": no train-images-idx3-ubyte and train-labels-idx1-ubyte (plain or .gz) there");
}

TEST_F(IdxDirectory, RefusesNoSamples) {
  scratch.write("train-images-idx3-ubyte", idx_bytes({0, 1, 2}, {}));
  scratch.write("train-labels-idx1-ubyte", idx_bytes({0}, {}));
  std::filesystem::remove(scratch.path() / "t10k-images-idx3-ubyte.gz");
  std::filesystem::remove(scratch.path() / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(refusal(), ": no samples");
}

TEST(LoadDataset, DigitsAreShipped) {
  const TestSweep digits = shipped_sweep("digits.toml");
  EXPECT_EQ(digits.dataset->samples, 1797U);
  EXPECT_EQ(digits.dataset->inputs, 64U);
  EXPECT_EQ(digits.dataset->classes, 10U);
  EXPECT_EQ(digits.dataset->input(0, 2), 5.0 / 16);
  EXPECT_EQ(digits.dataset->labels[3], 3U);
}

TEST(LoadDataset, MissingMnistNamesTheToolThatBringsIt) {
  const std::string message =
      message_of<RequestError>([] { load_dataset(sweep_of("mnist", "no/such/directory")); });
  EXPECT_EQ(message,
            "dataset.path = \"no/such/directory\": no such directory; tools/fetch-mnist "
            "downloads MNIST there, GRIDRUN_MNIST may name another");
}

}  // namespace
}  // namespace gridrun
