// A random network as the cpu engine trains it, in every way that there is, beside the reference.
#pragma once

#include <vector>

#include "engines/cpu/general/general_network.hpp"
#include "engines/cpu/general/words.hpp"
#include "random_network.hpp"

namespace gridrun {

/// The shortest words that a network can be trained in.
WordSize words_of(const RandomNetwork& given);

/// What the reference engine counts of its layers.
std::vector<LayerDiagnostics> reference_diagnostics(const RandomNetwork& given);

/// Places that u is shifted right by.
int step_shift(const NetworkSpec& spec);

/// On every SIMD target, by networks that count too. Returns how the network was trained, the same
/// everywhere, and how updates were counted.
GeneralStatistics expect_same_as_reference(const RandomNetwork& given, WordSize words);

}  // namespace gridrun
