#include "load_dataset.hpp"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <numeric>
#include <optional>
#include <span>

#include "csv_file.hpp"
#include "gridrun/error.hpp"
#include "idx_file.hpp"
#include "shipped_files.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t largest_label = 65535;

/// Where an existing file or directory is, or the path as given.
fs::path found(const fs::path& path) {
  if (path.is_absolute() || fs::exists(path)) return path;
  const fs::path shipped = shipped_directory().parent_path() / path;
  return fs::exists(shipped) ? shipped : path;
}

/// NAME or NAME.gz in a directory.
std::optional<fs::path> idx_path(const fs::path& directory, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (fs::path path = directory / (name + ending); fs::exists(path)) return path;
  return std::nullopt;
}

struct Part {
  IdxArray images;
  std::vector<std::uint32_t> labels;
  fs::path images_path;
};

std::vector<std::uint32_t> as_labels(const IdxArray& array, const fs::path& path) {
  if (array.shape.size() != 1)
    throw RequestError(
        fmt::format("{}: rank {}, expected labels in rank 1", path.string(), array.shape.size()));
  std::vector<std::uint32_t> labels;
  labels.reserve(array.size());
  std::visit(
      [&](const auto& values) {
        for (const double value : values) {
          if (!(value >= 0 && value <= largest_label && value == std::uint32_t(value)))
            throw RequestError(
                fmt::format("{}: label {} of sample {}, expected a class number 0 "
                            "to {}",
                            path.string(), value, labels.size(), largest_label));
          labels.push_back(static_cast<std::uint32_t>(value));
        }
      },
      array.values);
  return labels;
}

/// The samples and labels of one split, as PREFIX-images-idxR-* and PREFIX-labels-idx1-*.
std::optional<Part> read_part(const fs::path& directory, const std::string& prefix) {
  std::optional<fs::path> images_path;
  for (const char* kind : {"idx3-ubyte", "idx2-ubyte", "idx4-ubyte"})
    if ((images_path = idx_path(directory, prefix + "-images-" + kind))) break;
  const auto labels_path = idx_path(directory, prefix + "-labels-idx1-ubyte");
  if (!images_path && !labels_path) return std::nullopt;
  if (!images_path || !labels_path)
    throw RequestError(fmt::format("{}: {}-{}-idx* is missing, expected images and labels",
                                   directory.string(), prefix, images_path ? "labels" : "images"));
  Part part{read_idx(*images_path), as_labels(read_idx(*labels_path), *labels_path), *images_path};
  if (part.images.shape.size() < 2)
    throw RequestError(fmt::format("{}: rank 1, expected samples of one or more dimensions",
                                   images_path->string()));
  if (part.images.shape[0] != part.labels.size())
    throw RequestError(fmt::format("{}: {} labels for the {} samples of {}", labels_path->string(),
                                   part.labels.size(), part.images.shape[0],
                                   images_path->filename().string()));
  return part;
}

template <typename Values>
void append(Values& to, const IdxArray& array) {
  std::visit([&](const auto& values) { to.insert(to.end(), values.begin(), values.end()); },
             array.values);
}

Dataset read_idx_directory(const fs::path& directory) {
  // The test split is inflated beside the train split; the latter's errors come first.
  auto test_split = std::async(std::launch::async, [&] {
    std::optional<Part> part = read_part(directory, "t10k");
    return part ? std::move(part) : read_part(directory, "test");
  });
  std::optional<Part> train = read_part(directory, "train");
  if (!train)
    throw RequestError(fmt::format(
        "{}: no train-images-idx3-ubyte and train-labels-idx1-ubyte (plain or .gz) there",
        directory.string()));
  std::optional<Part> test = test_split.get();

  Dataset dataset;
  const auto inputs = [](const IdxArray& images) {
    return std::accumulate(images.shape.begin() + 1, images.shape.end(), std::size_t{1},
                           std::multiplies<>());
  };
  dataset.inputs = inputs(train->images);
  dataset.train_samples = train->labels.size();
  dataset.labels = std::move(train->labels);
  dataset.values = std::move(train->images.values);
  if (test) {
    if (inputs(test->images) != dataset.inputs)
      throw RequestError(fmt::format("{}: {} inputs a sample, expected {} as in {}",
                                     test->images_path.string(), inputs(test->images),
                                     dataset.inputs, train->images_path.filename().string()));
    if (dataset.values.index() == 0 && test->images.values.index() == 1)
      dataset.values = std::vector<double>(std::get<0>(dataset.values).begin(),
                                           std::get<0>(dataset.values).end());
    std::visit([&](auto& values) { append(values, test->images); }, dataset.values);
    dataset.labels.insert(dataset.labels.end(), test->labels.begin(), test->labels.end());
  }
  return dataset;
}

Dataset read_csv_dataset(const fs::path& path) {
  CsvSamples csv = read_csv(path);
  Dataset dataset;
  dataset.inputs = csv.inputs;
  dataset.train_samples = csv.samples;
  dataset.values = std::move(csv.values);
  dataset.labels = std::move(csv.labels);
  return dataset;
}

fs::path mnist_directory(const Sweep& sweep) {
  const char* elsewhere = std::getenv("GRIDRUN_MNIST");
  if (elsewhere && *elsewhere && sweep.dataset.path == default_mnist_path) return elsewhere;
  fs::path directory = found(sweep.dataset.path);
  if (!fs::is_directory(directory))
    throw RequestError(fmt::format(
        "dataset.path = \"{}\": no such directory; tools/fetch-mnist downloads MNIST there",
        sweep.dataset.path));
  return directory;
}

template <typename T>
std::uint32_t crc(std::uint32_t so_far, const std::vector<T>& values) {
  return libdeflate_crc32(so_far, values.data(), values.size() * sizeof(T));
}

}  // namespace

Dataset load_dataset(const Sweep& sweep) {
  const std::string& name = sweep.dataset.name;
  Dataset dataset = name == "mnist" ? read_idx_directory(mnist_directory(sweep))
                    : name == "idx" ? read_idx_directory(found(sweep.dataset.path))
                                    : read_csv_dataset(found(sweep.dataset.path));
  dataset.name = name;
  dataset.scale = sweep.dataset.scale;
  dataset.samples = dataset.labels.size();
  if (dataset.samples == 0 || dataset.inputs == 0)
    throw RequestError(fmt::format("{}: no samples", sweep.dataset.path));
  if (dataset.samples > 0xffffffffULL)
    throw RequestError(fmt::format("{}: {} samples, expected fewer than 2^32", sweep.dataset.path,
                                   dataset.samples));
  dataset.classes = 1 + *std::max_element(dataset.labels.begin(), dataset.labels.end());
  dataset.checksum = std::visit([](const auto& values) { return crc(0, values); }, dataset.values);
  dataset.checksum = crc(dataset.checksum, dataset.labels);
  return dataset;
}

}  // namespace gridrun
