#include "data/npz_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/counted.hpp"
#include "base/memory.hpp"
#include "base/message_text.hpp"
#include "data/npz_reader.hpp"
#include "gridrun/error.hpp"

namespace gridrun {
namespace {

using Names = std::vector<std::string>;

/// The arrays of one split.
struct Part {
  std::string x, y;
  std::size_t samples = 0;
  std::size_t inputs = 1;
  bool has_bytes = false;
};

class Reader {
 public:
  Reader(const std::filesystem::path& path, const Progress* progress)
      : path_(path), file_(path, progress), arrays_(file_.arrays()) {}

  Dataset read(LabelCodes& codes) {
    const auto train = find({"x", "X", "x_train", "X_train"}, {"y", "Y", "y_train", "Y_train"});
    const auto test = find({"x_test", "X_test"}, {"y_test", "Y_test"});
    if (!train)
      fail(fmt::format("no arrays x and y, expected them; it has {}",
                       excerpt(fmt::format("{}", fmt::join(arrays_, ", ")), 200)));
    parts_.push_back(opened(*train));
    if (test) parts_.push_back(opened(*test));
    if (test && parts_[1].inputs != parts_[0].inputs)
      fail(fmt::format("{}: {} a sample, expected {} as in {}", parts_[1].x,
                       counted(parts_[1].inputs, "input"), parts_[0].inputs, parts_[0].x));

    Dataset dataset;
    dataset.inputs = parts_[0].inputs;
    dataset.train_samples = parts_[0].samples;
    const bool bytes =
        std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.has_bytes; });
    std::size_t samples = 0;
    for (const Part& part : parts_) samples += part.samples;
    const double bytes_a_sample =
        static_cast<double>(dataset.inputs) * (bytes ? 1 : sizeof(double)) + sizeof(std::uint32_t) +
        sizeof(double);
    require_memory(static_cast<double>(samples) * bytes_a_sample,
                   fmt::format("{}: {} of {}", path_text(path_), counted(samples, "sample"),
                               counted(dataset.inputs, "input")));
    if (bytes)
      read_values(dataset.values.emplace<0>(samples * dataset.inputs), &NpzReader::read_bytes);
    else
      read_values(dataset.values.emplace<1>(samples * dataset.inputs), &NpzReader::read_reals);
    dataset.labels.reserve(samples);
    for (const Part& part : parts_) read_labels(part, codes, dataset.labels);
    return dataset;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw RequestError(fmt::format("{}: {}", path_text(path_), what));
  }

  /// The first of the names that is there, or nothing.
  std::string first_of(const Names& names) const {
    for (const std::string& name : names)
      if (std::find(arrays_.begin(), arrays_.end(), name) != arrays_.end()) return name;
    return "";
  }

  std::optional<Part> find(const Names& x_names, const Names& y_names) const {
    Part part;
    part.x = first_of(x_names);
    part.y = first_of(y_names);
    if (part.x.empty() && part.y.empty()) return std::nullopt;
    if (part.x.empty() || part.y.empty())
      fail(fmt::format("no array {}, expected it beside {}",
                       part.x.empty() ? x_names[0] : y_names[0], part.x.empty() ? part.y : part.x));
    return part;
  }

  /// The part as the headers have it.
  Part opened(Part part) {
    const NpyHeader x = file_.open(part.x);
    if (x.has_text() || x.shape.size() < 2)
      file_.fail(
          fmt::format("{} in shape ({}), expected numbers [samples][inputs], of any rank "
                      "from 2",
                      x.has_text() ? "texts" : "numbers", fmt::join(x.shape, ", ")));
    part.samples = x.shape[0];
    for (std::size_t axis = 1; axis < x.shape.size(); ++axis) part.inputs *= x.shape[axis];
    part.has_bytes = x.has_bytes();
    const NpyHeader& y = file_.open(part.y);
    const bool is_column = y.shape.size() == 2 && y.shape[1] == 1;
    if (y.shape.size() != 1 && !is_column)
      file_.fail(fmt::format("shape ({}), expected a label a sample", fmt::join(y.shape, ", ")));
    if (y.size != part.samples)
      file_.fail(fmt::format("{} for the {} of {}", counted(y.size, "label"),
                             counted(part.samples, "sample"), part.x));
    return part;
  }

  template <typename Values>
  void read_values(Values& values, void (NpzReader::*read_array)(typename Values::value_type*)) {
    auto* to = values.data();
    for (const Part& part : parts_) {
      file_.open(part.x);
      (file_.*read_array)(to);
      to += part.samples * part.inputs;
    }
  }

  void read_labels(const Part& part, LabelCodes& codes, std::vector<std::uint32_t>& labels) {
    const auto add = [&](const auto& label) {
      labels.push_back(codes.code(label));
      if (codes.size() > most_classes)
        file_.fail(fmt::format("more than {} different labels, expected classes", most_classes));
    };
    const NpyHeader& header = file_.open(part.y);
    if (header.has_text()) return file_.read_texts(add);
    std::vector<double> numbers(header.size);
    file_.read_reals(numbers.data());
    for (const double number : numbers) add(number);
  }

  const std::filesystem::path path_;
  NpzReader file_;
  const Names arrays_;
  std::vector<Part> parts_;
};

}  // namespace

Dataset read_npz(const std::filesystem::path& path, LabelCodes& codes, const Progress* progress) {
  return Reader(path, progress).read(codes);
}

}  // namespace gridrun
