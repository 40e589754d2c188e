// The pictures of a run, drawn by tools/plot.
#pragma once

#include <filesystem>

namespace gridrun {

/// The script tools/plot of the installation or source tree that the running program belongs to.
/// Throws RequestError when it is not there.
std::filesystem::path find_plot_script();

/// Has the script draw the run that a directory holds, in that directory. Throws RunError when it
/// fails; what failed, the script has then said on standard error.
void plot(const std::filesystem::path& script, const std::filesystem::path& results, bool quiet);

}  // namespace gridrun
