// Host: how a run ends early. Each error is one line that says what, where and what was expected.
#pragma once

#include <stdexcept>

namespace gridrun {

/// The request was wrong; nothing was started. Exit status 2.
struct RequestError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The run failed, or was interrupted. Exit status 1.
struct RunError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace gridrun
