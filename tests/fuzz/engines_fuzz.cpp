// The cpu engine against the reference engine, on every SIMD target that is built: the same
// outcomes, to the bit, on sweeps that an input describes.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "same_as_reference.hpp"
#include "staged_study.hpp"

namespace gridrun {
namespace {

/// Products of a weight and an input in one training, over all networks: milliseconds a target.
constexpr std::int64_t most_work = 20'000;

/// A real: 0, a power of two down from 1, one of at most 1, or of at most 16 unless `unit`.
double real(Input& input, bool unit) {
  const auto kind = input.word<std::uint8_t>();
  const int bits = kind / 8;  // 0 ... 31
  const double sign = kind & 4 ? -1.0 : 1.0;
  switch (kind % 4) {
    case 0:
      return 0.0;
    case 1:
      return std::ldexp(sign, -bits);
    case 2:
      return std::ldexp(static_cast<std::int16_t>(input.word<std::uint16_t>()), -15 - bits);
    default:
      return std::ldexp(static_cast<std::int16_t>(input.word<std::uint16_t>()), unit ? -15 : -11);
  }
}

/// A weight: a small one, one of any size, or a power of two and its neighbours.
std::int64_t weight(Input& input) {
  const auto kind = input.word<std::uint8_t>();
  const int bits = kind / 4;  // 0 ... 63
  const auto random = [&] { return static_cast<std::int64_t>(input.word<std::uint64_t>()); };
  switch (kind % 4) {
    case 0:
      return static_cast<std::int16_t>(input.word<std::uint16_t>()) >> bits % 16;
    case 1:
      return random() >> bits;
    default:
      return wrapping_multiply(kind % 4 == 2 ? 1 : -1,
                               static_cast<std::int64_t>((std::uint64_t{1} << bits) +
                                                         input.word<std::uint8_t>() % 3 - 1));
  }
}

/// Shifts that rise from one in 0 ... most by steps of 1 to 3.
std::vector<int> shifts(Input& input, std::int64_t count, int most) {
  std::vector<int> shifts;
  auto shift = static_cast<int>(input.between(0, most));
  const auto step = static_cast<int>(input.between(1, 3));
  for (; std::ssize(shifts) < count && shift <= most; shift += step) shifts.push_back(shift);
  return shifts;
}

StudySweep decode(Input& input, Dataset& dataset) {
  StudySweep study;
  const auto flags = input.word<std::uint8_t>();
  const bool is_long = flags & 32;  // few and small networks, for several blocks of steps
  study.activation = flags & 1 ? Activation::linear : Activation::relu;
  dataset.samples = dataset.train_samples = static_cast<std::size_t>(input.between(1, 8));
  dataset.inputs = study.inputs = static_cast<std::size_t>(input.between(1, is_long     ? 2
                                                                            : flags & 2 ? 70
                                                                                        : 5));
  study.outputs = static_cast<std::size_t>(input.between(1, is_long ? 2 : 4));
  dataset.classes = static_cast<std::uint32_t>(study.outputs);
  dataset.scale = flags & 4 ? 255.0 : 1.0;
  const std::int64_t lr_count = input.between(1, is_long ? 1 : 20);
  const std::int64_t fraction_count = input.between(1, is_long ? 1 : 4);
  // Half of the sweeps have the shifts at which networks diverge.
  const std::vector<int> lr = shifts(input, lr_count, flags & 8 ? 3 : max_lr);
  const std::vector<int> fraction = shifts(input, fraction_count, max_fraction);
  for (const int of_lr : lr)
    for (const int of_fraction : fraction) study.networks.push_back({of_lr, of_fraction});
  const std::int64_t work_a_step =
      std::ssize(study.networks) * static_cast<std::int64_t>(study.inputs * study.outputs);
  study.iterations = static_cast<std::uint32_t>(
      input.between(1, std::clamp<std::int64_t>(most_work / work_a_step, 1, 5000)));

  for (std::size_t i = 0; i < study.inputs * study.outputs; ++i)
    study.weights.push_back(weight(input));
  for (std::size_t i = 0; i < dataset.samples; ++i) {
    dataset.labels.push_back(input.word<std::uint8_t>() % dataset.classes);
    study.order.push_back(static_cast<std::uint32_t>(dataset.samples - 1 - i));
  }
  std::vector<std::uint8_t> bytes;
  std::vector<double> reals;
  for (std::size_t i = 0; i < dataset.samples * dataset.inputs; ++i)
    if (flags & 16)
      bytes.push_back(input.word<std::uint8_t>());
    else
      reals.push_back(real(input, flags & 64));
  if (flags & 16)
    dataset.values = std::move(bytes);
  else
    dataset.values = std::move(reals);
  study.dataset = &dataset;
  study.diagnose = flags & 128;
  return study;
}

std::string description(const StudySweep& study) {
  std::string text = fmt::format(
      "{} samples of {} inputs ({}), {} outputs, {} steps, {}, networks", study.dataset->samples,
      study.inputs, study.dataset->values.index() == 0 ? "bytes" : "reals", study.outputs,
      study.iterations, study.activation == Activation::relu ? "relu" : "linear");
  for (const StudyNetwork& network : study.networks)
    text += fmt::format(" {}/{}", network.lr, network.fraction);
  return text;
}

}  // namespace
}  // namespace gridrun

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridrun;
  Input input(data, size);
  const auto threads = static_cast<unsigned>(input.between(1, 3));
  Dataset dataset;
  const StudySweep study = decode(input, dataset);
  require_same_as_reference(staged_study(study), threads, description(study));
  return 0;
}
