// NPZ files: whatever the bytes, samples, or one clear error.
#include <algorithm>
#include <cmath>
#include <string_view>

#include "data/load_dataset.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  static MemoryFile file;
  file.write({reinterpret_cast<const char*>(data), size});
  Sweep sweep;
  sweep.dataset.name = "npz";
  sweep.dataset.path = file.path().string();
  DatasetNotes notes;
  const auto dataset = accepted([&] { return load_dataset(sweep, nullptr, &notes); });
  if (!dataset) return 0;

  require(dataset->samples > 0 && dataset->inputs > 0, "there are samples");
  require(dataset->labels.size() == dataset->samples, "a label a sample");
  require(dataset->train_samples <= dataset->samples, "the train split comes first");
  std::visit(
      [&](const auto& values) {
        require(values.size() == dataset->samples * dataset->inputs,
                "as many inputs in every sample");
        require(
            std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); }),
            "values are finite");
      },
      dataset->values);
  require(*std::max_element(dataset->labels.begin(), dataset->labels.end()) + 1 == dataset->classes,
          "labels are classes");
  for (const std::string& note : notes.inferred) check_message(note);
  return 0;
}
