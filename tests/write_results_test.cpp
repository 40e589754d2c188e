#include "write_results.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "answers_report.hpp"
#include "grid_csv.hpp"
#include "gridrun/error.hpp"
#include "npz_file.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

const GridResult result{{5, 6},
                        {8, 9, 10},
                        {{0.1, 1.0 / 3, 1e300},
                         {1, 0, 0},
                         {-0.001, 5e-324, 2},
                         {0.5, 0.25, 3},
                         {0, 0, 0},
                         {1.01, 1e22, 123456}}};

TEST(GridCsv, IsShortAndReadsBackToTheSameBits) {
  const std::string text = grid_csv(result);
  EXPECT_EQ(text.substr(0, text.find("6,8")),
            "lr,fraction,accuracy,mean_update,mean_error\n"
            "5,8,0.1,0.3333333333333333,1e+300\n"
            "5,9,1,0,0\n"
            "5,10,-0.001,5e-324,2\n");
  EXPECT_EQ(std::strtod("0.3333333333333333", nullptr), 1.0 / 3);
}

/// A stored member of a zip archive, found by its name.
std::string npy(const std::string& archive, const std::string& name) {
  const std::size_t at = archive.find(name + ".npy") + name.size() + 4;
  const std::size_t end = archive.find("PK\x01\x02");
  return archive.substr(at, std::min(end, archive.find("PK\x03\x04", at)) - at);
}

TEST(NpzFile, HoldsNumPyArrays) {
  const ScratchDirectory scratch;
  NpzFile npz(scratch.path() / "a.npz");
  npz.add("reals", {1, 2}, {0.5, -1.0});
  npz.add("integers", {7, -7});
  npz.close();
  const std::string archive = contents_of(scratch.path() / "a.npz");
  const std::string reals = npy(archive, "reals"), integers = npy(archive, "integers");
  const std::size_t header = 10 + static_cast<unsigned char>(reals[8]);
  EXPECT_EQ(header % 64, 0U);
  EXPECT_EQ(reals.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(reals.find("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2,), }"), 10U);
  EXPECT_EQ(integers.find("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"), 10U);
  ASSERT_EQ(reals.size(), header + 2 * sizeof(double));
  double values[2];
  std::memcpy(values, reals.data() + header, sizeof values);
  EXPECT_EQ(values[0], 0.5);
  EXPECT_EQ(values[1], -1.0);
}

TEST(NpzFile, SaysThatTheDiskIsFull) {
  NpzFile npz("/dev/full");
  const std::string message = message_of<RunError>([&] {
    npz.add("reals", {100000}, std::vector<double>(100000, 0.5));
    npz.close();
  });
  EXPECT_EQ(message, "/dev/full: cannot write: No space left on device");
}

const Answers answers = answer(result, 0.02, {});

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(WriteResults, WritesAllFiles) {
  const ScratchDirectory scratch;
  const auto written =
      write_results(scratch.path(), result, answers, std::nullopt, [] { return "{}\n"; });
  EXPECT_EQ(written,
            (std::vector<std::string>{"grid.csv", "grid.npz", "answers.json", "run.json"}));
  EXPECT_EQ(contents_of(scratch.path() / "grid.csv"), grid_csv(result));
  EXPECT_EQ(contents_of(scratch.path() / "answers.json"), answers_json(answers).dump(2) + "\n");
  EXPECT_EQ(contents_of(scratch.path() / "run.json"), "{}\n");
  EXPECT_GT(contents_of(scratch.path() / "grid.npz").size(), 1000U);
  EXPECT_EQ(names_in(scratch.path()).size(), 4U);
}

TEST(WriteResults, CurvesComeAndGoWithTheirRun) {
  const ScratchDirectory scratch;
  const LearningCurves curves{{0, 9}, {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0.25, 0.75}};
  write_results(scratch.path(), result, answers, curves, [] { return "{}\n"; });
  const std::string archive = contents_of(scratch.path() / "curves.npz");
  EXPECT_NE(npy(archive, "accuracy").find("'shape': (2, 3, 2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "steps").find("'shape': (2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "learning_rates").find("'shape': (2,)"), std::string::npos);
  EXPECT_NE(npy(archive, "fractions").find("'shape': (3,)"), std::string::npos);
  write_results(scratch.path(), result, answers, std::nullopt, [] { return "{}\n"; });
  EXPECT_EQ(names_in(scratch.path()),
            (std::vector<std::string>{"answers.json", "grid.csv", "grid.npz", "run.json"}));
}

TEST(WriteResults, LeavesWhatWasThereWhenOneFileFails) {
  const ScratchDirectory scratch;
  for (const char* name : {"grid.csv", "curves.npz", "run.json"}) scratch.write(name, "before");
  EXPECT_THROW(write_results(scratch.path(), result, answers, std::nullopt,
                             []() -> std::string { throw RunError("the last file fails"); }),
               RunError);
  EXPECT_EQ(names_in(scratch.path()),
            (std::vector<std::string>{"curves.npz", "grid.csv", "run.json"}));
  for (const char* name : {"grid.csv", "curves.npz", "run.json"})
    EXPECT_EQ(contents_of(scratch.path() / name), "before");
}

}  // namespace
}  // namespace gridrun
