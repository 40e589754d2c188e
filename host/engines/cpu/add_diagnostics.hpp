// Diagnostics of a layer that were counted in parts.
#pragma once

#include <algorithm>

#include "gridrun/diagnostics.hpp"

namespace gridrun {

/// Adds a part that has counted other values. Inactive samples are counted in one part only.
inline void add_diagnostics(LayerDiagnostics& to, const LayerDiagnostics& part) {
  for (std::size_t i = 0; i < tensor_count; ++i) {
    to.tensor[i].overflowed += part.tensor[i].overflowed;
    to.tensor[i].bits = std::max(to.tensor[i].bits, part.tensor[i].bits);
  }
  to.updates += part.updates;
  to.lost += part.lost;
  to.inactive += part.inactive;
  to.last_inactive += part.last_inactive;
  to.step += part.step;
  to.product += part.product;
}

}  // namespace gridrun
