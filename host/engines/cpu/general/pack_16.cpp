// Packs of networks in 16-bit words. Compiled once per SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engines/cpu/general/pack_16.cpp"
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <vector>

#include "engines/cpu/general/network_pack.hpp"
#include "engines/cpu/general/pack_bounds-inl.hpp"
#include "engines/cpu/general/pack_counts-inl.hpp"
#include "engines/cpu/general/pack_update-inl.hpp"
#include "engines/cpu/general/short_products-inl.hpp"
#include "engines/cpu/general/wide_kernels-inl.hpp"
#include "gridrun/weights_digest.hpp"

HWY_BEFORE_NAMESPACE();
namespace gridrun {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// A layer whose units are the lanes of a cell.
NetworkSpec cell_spec(NetworkSpec spec) {
  spec.units.back() = cell_lanes;
  return spec;
}

/// Units do not depend on one another, so that each cell trains on all samples of a block by
/// itself, its weights in the first-level cache; which step was right is settled after that.
template <class Counts>
class ShortPack final : public NetworkPack {
 public:
  explicit ShortPack(std::span<const NetworkSpec* const> networks)
      : spec_(*networks.front()),
        members_(networks.size()),
        units_(spec_.units_of(0)),
        words_(aligned_zeros<std::uint32_t>(cell_lanes)),
        halves_(aligned_zeros<std::uint32_t>(cell_lanes)),
        sums_(most_packed),
        counted_updates_(members_),
        counted_weights_(members_) {
    for (std::size_t lane = 0; lane < cell_lanes; ++lane) {
      const NetworkSpec& spec = *networks[std::min(member_of(lane), members_ - 1)];
      steps_.set(lane, spec.formats.gradient.fraction + spec.lr - spec.formats.master.fraction,
                 spec.formats.master.round);
    }
    std::fill_n(halves_.get(), cell_lanes, std::uint32_t{1} << 31);
    const NetworkSpec of_cell = cell_spec(spec_);
    const std::size_t cells = (units_ + 2 * cell_pairs - 1) / (2 * cell_pairs);
    cells_.reserve(cells);
    updates_.reserve(cells);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      Layer<std::int16_t>& layer = cells_.emplace_back(of_cell, 0);
      counts_.emplace_back(spec_, layer);
      PackUpdate& update = updates_.emplace_back(
          PackUpdate{Update(layer, spec_.formats.gradient, spec_.formats.master,
                            static_cast<int>(spec_.formats.gradient.round))});
      update.steps = &steps_;
      update.units = units_;
      LaneWords& used = used_.emplace_back();
      for (std::size_t lane = 0; lane < cell_lanes; ++lane)
        used.words[lane] = is_used(cell, lane) ? -1 : 0;
    }
    products_.assign(cells, ShortProducts(spec_.formats.weight));
    bounds_.resize(cells);
    kernels_ = lanes_kernels<Counts>(spec_.formats.gradient, spec_.formats.master,
                                     updates_.front().of.draws_far, steps_.any_far());
    if constexpr (Counts::counts)
      member_counts_.assign(members_, LayerCounts(spec_, cells_.front()));
    statistics_.networks_16 = statistics_.packed = members_;
  }

  void start(std::size_t member, const Weights& weights) override {
    const std::size_t inputs = spec_.inputs_of(0);
    for (std::size_t j = 0; j < units_; ++j)
      for (std::size_t k = 0; k < inputs; ++k)
        cells_[cell_of(j)].master_row(k)[lane_of(j, member)] =
            static_cast<std::int16_t>(weights[0][j * inputs + k]);
    if constexpr (Counts::counts) {
      member_counts_[member].add_moved(-sum_of_weights(member));
      for (const std::int64_t w : weights[0])  // which StartDiagnostics counts
        counted_weights_.add(member, static_cast<std::int32_t>(w));
    }
  }

  void train(std::span<const LabelledInputs<std::int16_t>> samples,
             std::span<const StepNoise<std::int16_t>> noise, const PackNoise& pack_noise,
             std::size_t first, std::span<Outcome> outcomes, const Progress& progress) override {
    answers_.resize(samples.size() * cells_.size() * cell_lanes);
    active_.assign(Counts::counts ? samples.size() : 0, 0);
    for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
      progress.throw_if_stopped();
      for (std::size_t i = 0; i < samples.size(); ++i) {
        const LayerNoise<std::uint16_t> drawn =
            noise.empty() ? LayerNoise<std::uint16_t>() : noise[i].front();
        forward(cell, samples[i].inputs, drawn.activation, answers_of(i, cell), counts_[cell]);
        find_cell_errors(cell, samples[i].label, drawn.error);
        if constexpr (Counts::counts) active_[i] |= counts_[cell].take_active();
        update(cell, samples[i].inputs, drawn, pack_noise);
      }
      if constexpr (Counts::counts) counts_[cell].end_block();
    }
    settle(samples,
           [&](std::size_t member, std::size_t i) { outcomes[member].right.set(first + i); });
    if constexpr (Counts::counts) count_active();
  }

  void judge(std::span<const LabelledInputs<std::int16_t>> samples, std::size_t first,
             std::span<Outcome> outcomes, const Progress& progress) override {
    NoCounts none(spec_, cells_.front());
    answers_.resize(samples.size() * cells_.size() * cell_lanes);
    for (std::size_t cell = 0; cell < cells_.size(); ++cell) {
      progress.throw_if_stopped();
      for (std::size_t i = 0; i < samples.size(); ++i)
        forward(cell, samples[i].inputs, nullptr, answers_of(i, cell), none);
    }
    settle(samples, [&](std::size_t member, std::size_t i) {
      outcomes[member].held_out_right.set(first + i);
    });
  }

  void finish(std::span<Outcome> outcomes, bool keep_weights) const override {
    const std::size_t rows = spec_.row_length(0);
    for (std::size_t member = 0; member < members_; ++member) {
      Outcome& outcome = outcomes[member];
      outcome.layers = {sums_[member]};
      if constexpr (Counts::counts) outcome.diagnostics = {diagnostics(member)};
      std::uint64_t place = 0;
      for (std::size_t k = 0; k < rows; ++k)
        for (std::size_t j = 0; j < units_; ++j)
          outcome.weights_digest += weight_digest(weight(member, j, k), place++);
      if (!keep_weights) continue;
      std::vector<std::int64_t>& weights = outcome.weights.emplace_back();
      for (std::size_t j = 0; j < units_; ++j)
        for (std::size_t k = 0; k < rows; ++k) weights.push_back(weight(member, j, k));
    }
  }

  GeneralStatistics statistics() const override { return statistics_; }

 private:
  bool is_used(std::size_t cell, std::size_t lane) const {
    return member_of(lane) < members_ && unit_of(cell, lane) < units_;
  }
  std::int64_t weight(std::size_t member, std::size_t unit, std::size_t k) const {
    const Layer<std::int16_t>& layer = cells_[cell_of(unit)];
    return layer.master.get()[k * layer.stride + lane_of(unit, member)];
  }
  SignedSum sum_of_weights(std::size_t member) const {
    SignedSum sum = 0;
    for (std::size_t j = 0; j < units_; ++j)
      for (std::size_t k = 0; k < spec_.row_length(0); ++k) sum += weight(member, j, k);
    return sum;
  }

  LayerDiagnostics diagnostics(std::size_t member) const {
    LayerDiagnostics diagnostics;
    LayerCounts counts = member_counts_[member];
    counts.add_moved(sum_of_weights(member));
    for (std::size_t j = 0; j < units_; ++j)
      counts_[cell_of(j)].add_lane_to(lane_of(j, member), counts, diagnostics);
    counts.add_to(diagnostics);
    return diagnostics;
  }

  /// The samples of a block in which no unit of a network was active.
  void count_active() {
    for (const std::uint32_t lanes : active_)
      for (std::size_t member = 0; member < members_; ++member) {
        std::uint32_t units = 0;
        for (std::size_t i = 0; i < cell_pairs; ++i) units |= lanes >> lane_of(2 * i, member) & 3;
        member_counts_[member].add_sample(units != 0);
      }
  }

  std::int16_t* answers_of(std::size_t sample, std::size_t cell) {
    return &answers_[(sample * cells_.size() + cell) * cell_lanes];
  }

  /// The random words of a cell's units, in all lanes of each; or words that make any R a half.
  const std::uint32_t* in_all_lanes(const std::uint32_t* words, std::size_t cell) {
    if (words == nullptr) return halves_.get();
    for (std::size_t i = 0; i < cell_pairs; ++i) {
      const std::size_t first = std::min(unit_of(cell, i * pack_lanes), units_ - 1);
      const std::uint32_t both[2] = {words[first], words[std::min(first + 1, units_ - 1)]};
      for (std::size_t lane = 0; lane < pack_lanes; ++lane)
        words_[i * pack_lanes + lane] = both[lane % 2];
    }
    return words_.get();
  }

  template <class GivenCounts>
  void forward(std::size_t cell, const InputList<std::int16_t>& inputs, const std::uint32_t* words,
               std::int16_t* answers, GivenCounts& counts) {
    Layer<std::int16_t>& layer = cells_[cell];
    products_[cell].sum(layer, inputs, statistics_);
    activate(layer, layer.z.get(), in_all_lanes(words, cell), cell_lanes, layer.a.get(), counts);
    const std::int64_t* const a = layer.a.get();
    for (std::size_t lane = 0; lane < cell_lanes; ++lane)
      answers[lane] =
          used_[cell].words[lane] != 0 ? static_cast<std::int16_t>(a[lane]) : std::int16_t{-0x8000};
  }

  void find_cell_errors(std::size_t cell, std::uint32_t label, const std::uint32_t* words) {
    Layer<std::int16_t>& layer = cells_[cell];
    std::int64_t* const e = layer.e.get();
    const std::int64_t* const a = layer.a.get();
    const Wide d;
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d))
      hn::Store(hn::Neg(hn::Load(d, a + lane)), d, e + lane);
    if (label / (2 * cell_pairs) == cell)
      for (std::size_t lane = 0; lane < cell_lanes; ++lane)
        if (unit_of(cell, lane) == label) e[lane] = wrapping_subtract(layer.one, a[lane]);
    find_errors(layer, in_all_lanes(words, cell), counts_[cell]);
  }

  void update(std::size_t cell, const InputList<std::int16_t>& inputs,
              const LayerNoise<std::uint16_t>& drawn, const PackNoise& pack_noise) {
    const Short d;
    Layer<std::int16_t>& layer = cells_[cell];
    HWY_ALIGN std::int16_t errors[cell_lanes];
    const std::int64_t* const all_errors = layer.d.get();
    std::int16_t any_error = 0;
    for (std::size_t lane = 0; lane < cell_lanes; ++lane) {
      errors[lane] = static_cast<std::int16_t>(all_errors[lane] & used_[cell].words[lane]);
      any_error |= errors[lane];
    }
    if (any_error == 0) return;
    PackUpdate& update = updates_[cell];
    update.of.index = inputs.index;
    update.of.rows = inputs.count;
    update.of.stretches = inputs.stretches;
    update.x = inputs.x;
    update.place = inputs.place;
    for (std::size_t i = 0; i < cell_pairs; ++i) {
      const std::size_t pair = std::min(cell * cell_pairs + i, (units_ - 1) / 2);
      update.gradient[i] = pack_noise.gradient(pair);
      update.master[i] = pack_noise.master(pair);
      const auto low = [&](const std::uint16_t* rows) {
        return rows == nullptr ? nullptr : rows + drawn.low_halves + 2 * pair;
      };
      update.low_gradient[i] = low(drawn.gradient);
      update.low_master[i] = low(drawn.master);
    }
    update.least_x = static_cast<std::int16_t>(inputs.ends.least);
    update.most_x = static_cast<std::int16_t>(inputs.ends.most);
    WeightsBound& bound = bounds_[cell];
    bound.prepare(layer);
    const UpdateBound update_bound(errors, inputs.ends.largest_magnitude(),
                                   update.of.gradient.shift, steps_);
    Counting counting = Counting::none;
    CellCounts* counted = nullptr;
    if constexpr (Counts::counts) {
      counted = &counts_[cell];
      counted->add_products(all_errors, inputs.ends.sum);
      counting = counting_of(cell, errors, inputs.ends, update_bound);
    }
    const UpdateLanes kernel = kernels_.of(counting);
    for (std::size_t lane = 0; lane < cell_lanes; lane += hn::Lanes(d)) {
      const VShort of_lanes = hn::Load(d, errors + lane);
      if (hn::AllTrue(d, hn::Eq(of_lanes, hn::Zero(d)))) continue;
      kernel(update, lane, of_lanes, sums_.data(), counted);
      statistics_.stretches += inputs.stretches.size();
      update.of.count(statistics_);
    }
    const LaneSizes moved = bound.moved_by(update_bound.steps);
    if (counting == Counting::in_range) {
      bound.set(moved, counted->weights());
      counted_updates_.add(counted->updates());
      counted_weights_.add(counted->weights());
    } else {
      bound.set(moved);
    }
    const std::int32_t largest =
        std::clamp(bound.sizes().largest(), 1, 1 << (spec_.formats.weight.bits - 1));
    products_[cell].set_largest(static_cast<std::uint64_t>(largest));
  }

  /// Which kernel counts an update.
  Counting counting_of(std::size_t cell, const std::int16_t* errors, const Ends& x,
                       const UpdateBound& update_bound) {
    const Counting counting = [&] {
      const Format &gradient = spec_.formats.gradient, &master = spec_.formats.master;
      const Ends products = ends_of_products(ends_of(errors, cell_lanes), x);
      Update& update = updates_[cell].of;
      update.updates_fit =
          is_in_range(rounded_ends(products, update.gradient.shift, gradient.round), gradient);
      if (!update.updates_fit) return Counting::any;
      // The ends of u are known where nothing is random.
      const bool updates_are_known = gradient.round != Round::stochastic ||
                                     update_bound.updates.are_within(counted_updates_.sizes());
      WeightsBound& bound = bounds_[cell];
      const auto by_weights = [&] {
        const LaneSizes moved = bound.moved_by(update_bound.steps);
        if (moved.largest() > largest_word(master.bits)) return Counting::any;
        return updates_are_known && moved.are_within(counted_weights_.sizes()) ? Counting::known
                                                                               : Counting::in_range;
      };
      const Counting before = by_weights();
      const bool may_change =
          before == Counting::any || (before == Counting::in_range && updates_are_known);
      return may_change && bound.look_again(cells_[cell]) ? by_weights() : before;
    }();
    statistics_.counted_known += counting == Counting::known;
    statistics_.counted_in_range += counting == Counting::in_range;
    statistics_.counted_any += counting == Counting::any;
    return counting;
  }

  /// set_right(member, i) where the answers to sample i were right.
  template <class SetRight>
  void settle(std::span<const LabelledInputs<std::int16_t>> samples, const SetRight& set_right) {
    const auto pairs = static_cast<std::int16_t>((units_ + 1) / 2);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      // Of the even and of the odd units of each member.
      std::array<std::int16_t, pack_lanes> largest, best{};  // a, and its pair of units
      const std::int16_t* answers = answers_of(i, 0);
      std::copy_n(answers, pack_lanes, largest.begin());
      for (std::int16_t pair = 1; pair < pairs; ++pair) {
        answers += pack_lanes;
        for (std::size_t lane = 0; lane < pack_lanes; ++lane) {
          best[lane] = answers[lane] > largest[lane] ? pair : best[lane];
          largest[lane] = std::max(answers[lane], largest[lane]);
        }
      }
      for (std::size_t member = 0; member < members_; ++member) {
        const std::size_t even = 2 * member, odd = even + 1;
        const bool is_odd = largest[odd] > largest[even] ||
                            (largest[odd] == largest[even] && best[odd] < best[even]);
        const auto pair = static_cast<std::uint32_t>(best[is_odd ? odd : even]);
        if (2 * pair + is_odd == samples[i].label) set_right(member, i);
      }
    }
  }

  const NetworkSpec spec_;  // of any member, but for what is a member's own
  const std::size_t members_, units_;
  LaneSteps steps_;
  LanesKernels kernels_;
  std::vector<Layer<std::int16_t>> cells_;
  std::vector<PackUpdate> updates_;                            // [cell]
  hwy::AlignedFreeUniquePtr<std::uint32_t[]> words_, halves_;  // [lane]
  std::vector<ShortProducts> products_;                        // [cell]
  std::vector<WeightsBound> bounds_;                           // [cell]
  std::vector<LaneWords> used_;        // [cell], -1 where a lane is one of a unit, else 0
  std::vector<std::int16_t> answers_;  // a [sample][cell][lane] of a block
  std::vector<LayerSums> sums_;        // [member]
  std::vector<Counts> counts_;         // [cell]
  CountedSizes counted_updates_, counted_weights_;
  std::vector<LayerCounts> member_counts_;  // [member], of what is counted for all units
  std::vector<std::uint32_t> active_;       // lanes of cells that were active [sample] of a block
  GeneralStatistics statistics_;
};

/// Owned by the caller.
NetworkPack* new_pack(std::span<const NetworkSpec* const> networks, bool diagnosed) {
  if (diagnosed) return new ShortPack<CellCounts>(networks);
  return new ShortPack<NoCounts>(networks);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace gridrun
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gridrun {
namespace {
HWY_EXPORT(new_pack);
}  // namespace

std::unique_ptr<NetworkPack> make_pack(std::span<const NetworkSpec* const> networks,
                                       bool diagnosed) {
  return std::unique_ptr<NetworkPack>(HWY_DYNAMIC_DISPATCH(new_pack)(networks, diagnosed));
}

}  // namespace gridrun
#endif
