// Identities of networks and of data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gridrun/dataset.hpp"
#include "gridrun/identity.hpp"
#include "gridrun/network_spec.hpp"
#include "gridrun/sweep.hpp"

namespace gridrun {

/// 32 hex digits.
std::string text_of(const Identity& identity);

/// The identity of which text_of() made this; none if it made none such.
std::optional<Identity> identity_of_text(const std::string& text);

/// Of the samples as they are stored, their classes, their split, their scale and how they are
/// normalised; not of their name.
Identity identity_of(const Dataset& dataset, Normalise normalise = Normalise::none);

/// Of all that decides what a network's training computes: its resolved keys and its data.
///
/// It is XXH3's 128-bit hash of 64-bit little-endian words: definition_version; the data's
/// identity, low and high; the count of `units` and these; iterations; of the draws seed, order,
/// samples_order, samples, and test or 0; activation, output_activation, leak, bias; of each
/// format, in the order of TensorFormats, bits, fraction, round, overflow, random_bits; of `init`
/// unit, mean, spread, std; lr, batch, rounding_seed. Enumerations are numbered from 0 as
/// include/gridrun/ lists them, reals are their 64 bits, -0.0 is not 0.0.
///
/// Of binary64 it is the same, but that in place of the formats there are two words: 1, and the
/// fraction of the format `master` where uses_fraction(), else 0; and rounding_seed is left out.
Identity identity_of(const NetworkSpec& network, const Identity& data);

/// The number of docs/arithmetic.md. Where it changes, what was computed before is of no use.
inline constexpr std::uint64_t definition_version = 1;

/// Whether the fraction of the format `master` says what a network of binary64 starts from.
bool uses_fraction(const InitialWeights& init);

/// Of what makes networks be staged together: draws, layers and iterations, and apart from others
/// binary64.
std::uint64_t staging_hash(const NetworkSpec& network);

}  // namespace gridrun
