// How networks were trained, counted: which words and which of the faster ways were taken. Tests
// see by it that every way is taken, and every bound reached.
#pragma once

#include <cstdint>

namespace gridrun {

struct GeneralStatistics {
  std::uint64_t networks_16 = 0, networks_32 = 0, networks_64 = 0;  // by their words' bits
  std::uint64_t shared_draws = 0;  // steps whose random words were drawn once for several networks

  // In 16-bit words.
  std::uint64_t packed = 0;       // networks that were trained side by side
  std::uint64_t far_updates = 0;  // of a layer, that shift P by 16 places or more
  std::uint64_t far_steps = 0;    // updates of a layer that shift u so

  // Counted updates in 16- and 32-bit words, of a layer or a part of it.
  std::uint64_t counted_known = 0;     // that surely need no more bits than others before
  std::uint64_t counted_in_range = 0;  // of which nothing overflowed
  std::uint64_t counted_any = 0;       //

  // In 16-bit words, sample by sample.
  std::uint64_t stretches = 0;     // rows of one x that were updated together
  std::uint64_t whole_sums = 0;    // of a layer's products, that surely fit 32 bits
  std::uint64_t split_sums = 0;    // that were added up in pieces
  std::uint64_t pair_sums = 0;     // whose products of pairs alone surely fit 32 bits
  std::uint64_t wide_sums = 0;     // that were made in 64-bit lanes
  std::uint64_t short_errors = 0;  // sums of a layer's errors that surely fit 32 bits
  std::uint64_t wide_errors = 0;   // that were made in 64-bit lanes

  // In 32-bit words.
  std::uint64_t middle_updates = 0;  // of a layer
  std::uint64_t wide_updates = 0;    // made in 64-bit lanes, since a quotient might leave 32 bits

  // In 32-bit words of wider formats.
  std::uint64_t weight_scans = 0;  // for the largest |w|
  std::uint64_t left_32_bits = 0;  // networks

  // In 64-bit words.
  std::uint64_t bounded_updates = 0;  // of a layer, of which nothing could overflow
  std::uint64_t weight_counts = 0;  // of these, whose weights might need more bits than any before

  // In batches of 16-bit words, layer by layer: as products of matrices, or else.
  std::uint64_t matrix_sums = 0, sparse_sums = 0, single_sums = 0;
  std::uint64_t matrix_errors = 0, single_errors = 0;
  std::uint64_t matrix_updates = 0, wide_batch_updates = 0;

  GeneralStatistics& operator+=(const GeneralStatistics& other) {
    networks_16 += other.networks_16;
    networks_32 += other.networks_32;
    networks_64 += other.networks_64;
    shared_draws += other.shared_draws;
    packed += other.packed;
    far_updates += other.far_updates;
    far_steps += other.far_steps;
    counted_known += other.counted_known;
    counted_in_range += other.counted_in_range;
    counted_any += other.counted_any;
    stretches += other.stretches;
    whole_sums += other.whole_sums;
    split_sums += other.split_sums;
    pair_sums += other.pair_sums;
    wide_sums += other.wide_sums;
    short_errors += other.short_errors;
    wide_errors += other.wide_errors;
    middle_updates += other.middle_updates;
    wide_updates += other.wide_updates;
    weight_scans += other.weight_scans;
    left_32_bits += other.left_32_bits;
    bounded_updates += other.bounded_updates;
    weight_counts += other.weight_counts;
    matrix_sums += other.matrix_sums;
    sparse_sums += other.sparse_sums;
    single_sums += other.single_sums;
    matrix_errors += other.matrix_errors;
    single_errors += other.single_errors;
    matrix_updates += other.matrix_updates;
    wide_batch_updates += other.wide_batch_updates;
    return *this;
  }

  friend bool operator==(const GeneralStatistics&, const GeneralStatistics&) = default;
};

}  // namespace gridrun
