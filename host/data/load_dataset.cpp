#include "data/load_dataset.hpp"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/machine.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "base/parallel.hpp"
#include "base/shipped_files.hpp"
#include "data/csv_file.hpp"
#include "data/idx_file.hpp"
#include "data/npz_dataset.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// Whether there is such a file. Throws RequestError where that cannot be told; `source` names the
/// key or variable that the path comes from.
bool exists(const fs::path& path, const std::string& source) {
  std::error_code error;
  const bool there = fs::exists(path, error);
  if (error) throw RequestError(fmt::format("{}: {}", source, error.message()));
  return there;
}

/// The data set's path as it is given, for messages.
std::string key_of_path(const Sweep& sweep) {
  return fmt::format("dataset.path = \"{}\"", path_text(sweep.dataset.path));
}

/// Where an existing file or directory is, or the path as given.
fs::path found(const Sweep& sweep) {
  const fs::path path = sweep.dataset.path;
  if (exists(path, key_of_path(sweep)) || path.is_absolute()) return path;
  const fs::path shipped = shipped_directory().parent_path() / path;
  return exists(shipped, key_of_path(sweep)) ? shipped : path;
}

/// NAME or NAME.gz in a directory.
std::optional<fs::path> idx_path(const fs::path& directory, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (fs::path path = directory / (name + ending); exists(path, path_text(path))) return path;
  return std::nullopt;
}

/// The codes of the labels of a file.
std::vector<std::uint32_t> as_labels(const IdxArray& array, const fs::path& path,
                                     LabelCodes& codes) {
  if (array.shape.size() != 1)
    throw RequestError(
        fmt::format("{}: rank {}, expected labels in rank 1", path_text(path), array.shape.size()));
  std::vector<std::uint32_t> labels;
  labels.reserve(array.size());
  std::visit(
      [&](const auto& values) {
        for (const double value : values) {
          labels.push_back(codes.code(value));
          if (codes.size() > most_classes)
            throw RequestError(fmt::format("{}: more than {} different labels, expected classes",
                                           path_text(path), most_classes));
        }
      },
      array.values);
  return labels;
}

/// Makes classes of the labels' codes.
void set_classes(Dataset& dataset, const LabelCodes& codes, const fs::path& path,
                 DatasetNotes& notes) {
  Classes classes = classes_of(codes, dataset.labels);
  if (classes.are_plain()) return;
  notes.inferred.push_back(fmt::format("{}: {}", path_text(path), classes.text()));
  notes.labels = std::move(classes.labels);
}

/// The samples and labels of one split; of the samples only the header is read.
struct Part {
  IdxReader images;
  std::vector<std::uint32_t> labels;

  std::size_t inputs() const {
    return std::accumulate(images.shape().begin() + 1, images.shape().end(), std::size_t{1},
                           std::multiplies<>());
  }
};

/// Opens one split, PREFIX-images-idxR-* and PREFIX-labels-idx1-*.
std::optional<Part> open_part(const fs::path& directory, const std::string& prefix,
                              LabelCodes& codes, const Progress* progress) {
  std::optional<fs::path> images_path;
  for (const char* kind : {"idx3-ubyte", "idx2-ubyte", "idx4-ubyte"})
    if ((images_path = idx_path(directory, prefix + "-images-" + kind))) break;
  const auto labels_path = idx_path(directory, prefix + "-labels-idx1-ubyte");
  if (!images_path && !labels_path) return std::nullopt;
  if (!images_path || !labels_path)
    throw RequestError(fmt::format("{}: {}-{}-idx* is missing, expected images and labels",
                                   path_text(directory), prefix,
                                   images_path ? "labels" : "images"));
  IdxReader images(*images_path, progress), labels(*labels_path, progress);
  if (images.shape().size() < 2)
    throw RequestError(fmt::format("{}: rank 1, expected samples of one or more dimensions",
                                   path_text(*images_path)));
  require_memory(static_cast<double>(labels.size()) * (sizeof(double) + sizeof(std::uint32_t)) +
                     static_cast<double>(labels.bytes_to_read()),
                 fmt::format("{}: {} labels", path_text(*labels_path), labels.size()));
  Part part{std::move(images), as_labels(read_idx(std::move(labels)), *labels_path, codes)};
  if (part.images.shape()[0] != part.labels.size())
    throw RequestError(fmt::format("{}: {} labels for the {} samples of {}",
                                   path_text(*labels_path), part.labels.size(),
                                   part.images.shape()[0], path_text(images_path->filename())));
  return part;
}

/// The samples of all parts, one behind the other. Each file is read to where its samples belong,
/// but for the headers before them, which are closed up at the end.
std::vector<std::uint8_t> read_bytes(std::vector<Part>& parts) {
  std::size_t size = 0;
  for (const Part& part : parts) size += part.images.header_size() + part.images.size();
  std::vector<std::uint8_t> bytes;
  bytes.reserve(size);
  advise_huge_pages(bytes.data(), size);
  bytes.resize(size);
  std::vector<std::uint8_t*> files = {bytes.data()};
  for (const Part& part : parts)
    files.push_back(files.back() + part.images.header_size() + part.images.size());
  parallel_for(parts.size(), processors(),
               [&](std::size_t i) { parts[i].images.read_bytes(files[i]); });
  std::uint8_t* end = bytes.data();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t count = parts[i].images.size();
    std::memmove(end, files[i] + parts[i].images.header_size(), count);
    end += count;
  }
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

/// The same where some are not bytes.
std::vector<double> read_reals(std::vector<Part>& parts) {
  std::size_t size = 0;
  for (const Part& part : parts) size += part.images.size();
  std::vector<double> values(size);
  double* end = values.data();
  for (Part& part : parts) {
    part.images.read_reals(end);
    end += part.images.size();
  }
  return values;
}

Dataset read_idx_directory(const fs::path& directory, DatasetNotes& notes,
                           const Progress* progress) {
  std::vector<Part> parts;
  LabelCodes codes;
  for (const char* prefix : {"train", "t10k", "test"}) {
    if (parts.size() == 2) break;  // t10k was there
    if (auto part = open_part(directory, prefix, codes, progress))
      parts.push_back(std::move(*part));
    if (parts.empty())
      throw RequestError(fmt::format(
          "{}: no train-images-idx3-ubyte and train-labels-idx1-ubyte (plain or .gz) there",
          path_text(directory)));
  }

  Dataset dataset;
  dataset.inputs = parts[0].inputs();
  dataset.train_samples = parts[0].labels.size();
  bool bytes = true;
  std::size_t samples = 0;
  std::uint64_t to_read = 0;  // bytes of memory that reading takes
  for (const Part& part : parts) {
    if (part.inputs() != dataset.inputs)
      throw RequestError(fmt::format("{}: {} inputs a sample, expected {} as in {}",
                                     path_text(part.images.path()), part.inputs(), dataset.inputs,
                                     path_text(parts[0].images.path().filename())));
    bytes = bytes && part.images.has_bytes();
    samples += part.labels.size();
    to_read += part.images.bytes_to_read();
  }
  const double sample_bytes =
      static_cast<double>(dataset.inputs) * (bytes ? 1 : sizeof(double)) + sizeof(std::uint32_t);
  require_memory(
      static_cast<double>(samples) * sample_bytes + static_cast<double>(bytes ? to_read : 0),
      fmt::format("{}: {} samples of {} inputs", path_text(directory), samples, dataset.inputs));
  dataset.labels.reserve(samples);
  for (const Part& part : parts)
    dataset.labels.insert(dataset.labels.end(), part.labels.begin(), part.labels.end());
  if (bytes)
    dataset.values = read_bytes(parts);
  else
    dataset.values = read_reals(parts);
  set_classes(dataset, codes, directory, notes);
  return dataset;
}

Dataset read_csv_dataset(const fs::path& path, const CsvLayout& layout, DatasetNotes& notes,
                         const Progress* progress) {
  CsvSamples csv = read_csv(path, layout, progress);
  Dataset dataset;
  dataset.inputs = csv.inputs;
  dataset.train_samples = csv.samples;
  dataset.values = std::move(csv.values);
  dataset.labels = std::move(csv.labels);
  notes.inferred = std::move(csv.notes);
  if (!csv.classes.are_plain()) notes.labels = std::move(csv.classes.labels);
  return dataset;
}

Dataset read_npz_dataset(const fs::path& path, DatasetNotes& notes, const Progress* progress) {
  LabelCodes codes;
  Dataset dataset = read_npz(path, codes, progress);
  set_classes(dataset, codes, path, notes);
  return dataset;
}

fs::path mnist_directory(const Sweep& sweep) {
  const char* elsewhere = std::getenv("GRIDRUN_MNIST");
  if (elsewhere && *elsewhere && sweep.dataset.path == default_mnist_path) {
    // A path that cannot be told to exist is an error of the variable, not of the key.
    exists(elsewhere, fmt::format("GRIDRUN_MNIST = \"{}\"", path_text(elsewhere)));
    return elsewhere;
  }
  fs::path directory = found(sweep);
  std::error_code unknown;
  if (!fs::is_directory(directory, unknown))
    throw RequestError(fmt::format(
        "{}: no such directory; tools/fetch-mnist downloads MNIST there, GRIDRUN_MNIST may "
        "name another",
        key_of_path(sweep)));
  return directory;
}

template <typename T>
std::uint32_t crc(std::uint32_t so_far, const std::vector<T>& values) {
  return libdeflate_crc32(so_far, values.data(), values.size() * sizeof(T));
}

}  // namespace

Dataset load_dataset(const Sweep& sweep, const Progress* progress, DatasetNotes* notes) {
  const std::string& name = sweep.dataset.name;
  DatasetNotes unwanted;
  DatasetNotes& told = notes ? *notes : unwanted;
  Dataset dataset = name == "mnist" ? read_idx_directory(mnist_directory(sweep), told, progress)
                    : name == "idx" ? read_idx_directory(found(sweep), told, progress)
                    : name == "npz"
                        ? read_npz_dataset(found(sweep), told, progress)
                        : read_csv_dataset(found(sweep), sweep.dataset.csv, told, progress);
  dataset.name = name;
  dataset.scale = sweep.dataset.scale;
  dataset.samples = dataset.labels.size();
  if (dataset.samples == 0 || dataset.inputs == 0)
    throw RequestError(fmt::format("{}: no samples", path_text(sweep.dataset.path)));
  if (dataset.samples > 0xffffffffULL)
    throw RequestError(fmt::format("{}: {} samples, expected fewer than 2^32",
                                   path_text(sweep.dataset.path), dataset.samples));
  dataset.classes = 1 + *std::max_element(dataset.labels.begin(), dataset.labels.end());
  dataset.checksum = std::visit([](const auto& values) { return crc(0, values); }, dataset.values);
  dataset.checksum = crc(dataset.checksum, dataset.labels);
  return dataset;
}

}  // namespace gridrun
