// Device: how the teams of a block get at the samples, a run of steps at a time. Compiled by nvcc
// and, over the emulation, by the tests.
#pragma once

#include "device_code.cuh"

namespace gridrun::cuda {

/// Samples of the next steps.
template <typename Word>
struct Chunk {
  const SampleTiles* places;         // [steps], and places_ahead more that may be looked at
  const LaneEntries<Word>* entries;  // [tiles][lanes]
  std::uint32_t first_offset;        // of the list's entries, which `entries` begins with
  std::uint32_t steps;               // >= 1
};

/// What chunks point to: shared memory with shared weights, else the list itself.
template <class T, typename Value>
__device__ __forceinline__ Value load(const Value* from) {
  if constexpr (T::shared)
    return *from;
  else
    return read_only(from);
}

/// The chunks of a launch, in turn. With shared weights they are copied to shared memory, each
/// while the one before it is trained. Every lane of the block calls next(), which waits for all of
/// them, and then, once it has begun to load from that chunk, look_ahead().
template <class T, bool Shared = T::shared>
class SampleChunks;

template <class T>
class SampleChunks<T, true> {
 public:
  using Word = typename T::Word;
  using Entries = LaneEntries<Word>;

  /// `memory`: chunks_bytes() of shared memory, aligned to 16 bytes.
  __device__ __forceinline__ SampleChunks(const TrainArguments<Word>& arguments,
                                          const SampleList<Word>& list, void* memory)
      : list_places_(list.samples),
        list_entries_(list.entries),
        places_(static_cast<SampleTiles*>(memory)),
        samples_(arguments.samples),
        capacity_(arguments.chunk_tiles),
        sample_(arguments.first_sample),
        left_(arguments.steps) {
    look();
    look_ahead();
  }

  __device__ __forceinline__ Chunk<Word> next() {
    wait_for_copies();
    __syncthreads();  // of all lanes; and the chunk before this one has been trained
    const Chunk<Word> chunk{places(), entries(), anew(first_tile_ * bytes_of_tile), steps_};
    turn_ ^= 1;
    return chunk;
  }

  /// Begins to copy the next chunk, as many samples as fit, and looks for the one behind it.
  __device__ __forceinline__ void look_ahead() {
    if (left_ == 0) return;
    first_tile_ = __shfl_sync(all_lanes, place_.begin, 0);
    const std::uint32_t tiles = place_.begin + place_.tiles - first_tile_;
    steps_ =
        static_cast<std::uint32_t>(__popc(__ballot_sync(all_lanes, inside_ && tiles <= capacity_)));
    const std::uint32_t used = __shfl_sync(all_lanes, tiles, static_cast<int>(steps_) - 1);
    for (std::uint32_t i = threadIdx.x; i < steps_ + places_ahead; i += blockDim.x)
      begin_copy(places() + i, list_places_ + sample_ + (i < steps_ ? i : 0));
    copy_entries(used);
    left_ -= steps_;
    sample_ = sample_ + steps_ == samples_ ? 0 : sample_ + steps_;
    look();
  }

 private:
  static constexpr std::uint32_t bytes_of_tile = tile_bytes<Word>(T::lanes);

  /// Begins to copy the entries of `tiles` tiles. A lane copies some pieces whose addresses differ
  /// by a constant, so that it need not wait to reckon one until the one before it was read.
  __device__ __forceinline__ void copy_entries(std::uint32_t tiles) const {
    constexpr std::uint32_t of_lane = 4;
    constexpr std::uint32_t of_tile = bytes_of_tile / sizeof(Piece);
    const std::uint32_t count = tiles * of_tile;
    std::uint32_t at = threadIdx.x / warp_lanes * of_lane * warp_lanes + lane();
    const auto* from =
        reinterpret_cast<const Piece*>(list_entries_) + std::size_t{first_tile_} * of_tile + at;
    auto* to = reinterpret_cast<Piece*>(entries()) + at;
    for (; at < count; at += of_lane * blockDim.x) {
#pragma unroll
      for (std::uint32_t i = 0; i < of_lane; ++i)
        if (at + i * warp_lanes < count) begin_copy(to + i * warp_lanes, from + i * warp_lanes);
      from += of_lane * blockDim.x;
      to += of_lane * blockDim.x;
    }
  }

  /// Loads the place of the lane's sample of the next chunk.
  __device__ __forceinline__ void look() {
    inside_ = lane() < left_ && lane() < samples_ - sample_;
    if (inside_) place_ = read_only(list_places_ + sample_ + lane());
  }

  __device__ __forceinline__ SampleTiles* places() const { return places_ + turn_ * chunk_places; }
  __device__ __forceinline__ Entries* entries() const {
    return reinterpret_cast<Entries*>(places_ + 2 * chunk_places) + turn_ * capacity_ * T::lanes;
  }

  static __device__ __forceinline__ std::uint32_t lane() { return threadIdx.x % warp_lanes; }

  const SampleTiles* list_places_;
  const Entries* list_entries_;
  SampleTiles* places_;           // [2][chunk_places], and behind them entries [2][capacity][lanes]
  std::uint32_t samples_;         //
  std::uint32_t capacity_;        // tiles
  std::uint32_t sample_;          // the first that is not yet copied
  std::uint32_t left_;            // steps whose samples are not yet copied
  std::uint32_t turn_ = 0;        // of the two places for chunks
  std::uint32_t first_tile_ = 0;  // of the chunk that is being copied
  std::uint32_t steps_ = 0;       // of the same
  SampleTiles place_{};           // of the lane's sample of the chunk behind it,
  bool inside_ = false;           // if there is one
};

template <class T>
class SampleChunks<T, false> {
 public:
  using Word = typename T::Word;

  __device__ __forceinline__ SampleChunks(const TrainArguments<Word>& arguments,
                                          const SampleList<Word>& list, void*)
      : list_(list),
        samples_(arguments.samples),
        sample_(arguments.first_sample),
        left_(arguments.steps) {}

  __device__ __forceinline__ Chunk<Word> next() {
    const std::uint32_t steps = min(left_, samples_ - sample_);
    const Chunk<Word> chunk{list_.samples + sample_, list_.entries, 0, steps};
    left_ -= steps;
    sample_ = 0;
    return chunk;
  }
  __device__ __forceinline__ void look_ahead() {}

 private:
  SampleList<Word> list_;
  std::uint32_t samples_;
  std::uint32_t sample_;
  std::uint32_t left_;  // steps
};

}  // namespace gridrun::cuda
