// How networks of any kind are shared out to threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/cpu/general/words.hpp"
#include "gridrun/staged_sweep.hpp"

namespace gridrun {

/// Networks that one thread trains together, block by block of samples: those are read once, and
/// made words once for all successive members of one input format.
struct NetworkGroup {
  WordSize words;
  std::vector<std::size_t> members;  // indices into the sweep's networks
  std::vector<std::uint32_t> runs;   // of successive members: network_pack.hpp
  bool shares_noise = false;         // its members' random words are drawn once
  std::uint32_t block_steps = 1;
};

/// Whether a network's random words may be shared: one sample a batch, and not too many of them.
bool may_share_noise(const NetworkSpec& spec);

/// Batches of at most so many samples lie in one block whole.
inline constexpr std::uint32_t most_block_batch = 1024;

/// How networks of one input format get into groups. To train, they are dealt out: how much work a
/// network is depends on its format. To be judged all are the same work, and stay together, so that
/// samples are made words seldom.
enum class Neighbours { dealt_out, together };

/// All networks, in groups whose weights and outcomes are not many; each thread can have as many
/// groups. The sweep's order and normals need not be there yet.
std::vector<NetworkGroup> groups_of(const StagedSweep& sweep, unsigned threads,
                                    Neighbours neighbours);

}  // namespace gridrun
