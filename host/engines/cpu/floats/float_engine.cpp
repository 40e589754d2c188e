#include "engines/cpu/floats/float_engine.hpp"

#include "engines/cpu/cpu_engine.hpp"
#include "engines/cpu/floats/train_floats.hpp"

namespace gridrun {

std::string FloatEngine::device() const { return CpuEngine(threads_).device(); }

std::string FloatEngine::why_not(const NetworkSpec& spec) const {
  if (spec.arithmetic == Arithmetic::binary64) return {};
  return "the processor was added for the networks of report.baseline only";
}

double FloatEngine::memory_needed(const StagedSweep& sweep) const {
  return floats_memory_needed(sweep, threads_);
}

void FloatEngine::train(const StagedSweep& sweep, Progress& progress, const TakeOutcome& take) {
  train_floats(sweep, threads_, progress, take);
}

}  // namespace gridrun
