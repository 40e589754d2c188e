#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/load_dataset.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "npz_bytes.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

class NpzDataset : public ::testing::Test {
 protected:
  Dataset load(const std::vector<NpzMember>& members) {
    write_npz(path, members);
    Sweep sweep;
    sweep.dataset.name = "npz";
    sweep.dataset.path = path.string();
    notes = {};
    return load_dataset(sweep, nullptr, &notes);
  }

  std::string refusal(const std::vector<NpzMember>& members) {
    const std::string message = message_of<RequestError>([&] { load(members); });
    EXPECT_EQ(message.find(path.string() + ": "), 0U) << message;
    return message.substr(std::min(path.string().size() + 2, message.size()));
  }

  ScratchDirectory scratch;
  const std::filesystem::path path = scratch.path() / "my.npz";
  DatasetNotes notes;
  const NpzMember x{"x", npy_bytes("|u1", "(3, 1, 2)", "\1\2\3\4\5\6")};
  const NpzMember y{"y", npy_bytes("|u1", "(3,)", std::string("\1\0\2", 3))};
};

TEST_F(NpzDataset, ReadsSamplesOfAnyRankAndTheirLabels) {
  const Dataset dataset = load({x, y});
  EXPECT_EQ(dataset.samples, 3U);
  EXPECT_EQ(dataset.train_samples, 3U);
  EXPECT_EQ(dataset.inputs, 2U);
  EXPECT_EQ(dataset.classes, 3U);
  EXPECT_EQ(dataset.scale, 1.0);
  EXPECT_EQ(std::get<0>(dataset.values), (std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(dataset.labels, (std::vector<std::uint32_t>{1, 0, 2}));
  EXPECT_TRUE(notes.labels.empty());
  EXPECT_TRUE(notes.inferred.empty());
}

TEST_F(NpzDataset, TrainComesBeforeTestAndLabelsMayBeTexts) {
  const Dataset dataset = load(
      {{"x_test", npy_bytes("<f4", "(1, 2)", bytes_of(std::vector<float>{0.5, -1}))},
       {"y_test", npy_bytes("|S2", "(1, 1)", "no")},
       {"X_train", x.bytes},
       {"y_train", npy_bytes("<U1", "(3,)", bytes_of(std::vector<char32_t>{U'z', U'a', U'z'}))}});
  EXPECT_EQ(dataset.samples, 4U);
  EXPECT_EQ(dataset.train_samples, 3U);
  EXPECT_EQ(std::get<1>(dataset.values), (std::vector<double>{1, 2, 3, 4, 5, 6, 0.5, -1}));
  EXPECT_EQ(dataset.labels, (std::vector<std::uint32_t>{2, 0, 2, 1}));
  EXPECT_EQ(notes.labels, (std::vector<ClassLabel>{"a", "no", "z"}));
  EXPECT_EQ(notes.inferred,
            (std::vector<std::string>{path.string() + ": 3 classes: a = 0, no = 1, z = 2"}));
}

TEST_F(NpzDataset, RefusesArraysThatAreMissingOrDoNotMatch) {
  EXPECT_EQ(refusal({{"a", x.bytes}, {"b", y.bytes}}),
            "no arrays x and y, expected them; it has a, b");
  EXPECT_EQ(refusal({x}), "no array y, expected it beside x");
  EXPECT_EQ(refusal({x, y, {"x_test", x.bytes}}), "no array y_test, expected it beside x_test");
  EXPECT_EQ(refusal({x, {"y", npy_bytes("|u1", "(2,)", "12")}}),
            "y: 2 labels for the 3 samples of x");
  EXPECT_EQ(refusal({x, {"y", npy_bytes("|u1", "(1, 3)", "123")}}),
            "y: shape (1, 3), expected a label a sample");
  EXPECT_EQ(refusal({{"x", npy_bytes("|u1", "(3,)", "123")}, y}),
            "x: numbers in shape (3), expected numbers [samples][inputs], of any rank from 2");
  EXPECT_EQ(refusal({{"x", npy_bytes("|S1", "(3, 1)", "123")}, y}),
            "x: texts in shape (3, 1), expected numbers [samples][inputs], of any rank from 2");
  EXPECT_EQ(refusal({x, y, {"x_test", npy_bytes("|u1", "(3, 1)", "123")}, {"y_test", y.bytes}}),
            "x_test: 1 input a sample, expected 2 as in x");
  EXPECT_EQ(
      refusal({x, {"y", npy_bytes("<f8", "(3,)", bytes_of(std::vector<double>{1, HUGE_VAL, 2}))}}),
      "y: element 1 is inf, expected a finite number");
}

}  // namespace
}  // namespace gridrun
