#include "base/shipped_files.hpp"

namespace gridrun {
namespace fs = std::filesystem;

fs::path shipped_directory() {
  std::error_code unknown;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path installed = program.parent_path().parent_path() / GRIDRUN_INSTALLED_DATA;
  if (!unknown && fs::exists(installed / "digits.toml", unknown)) return installed;
  return GRIDRUN_SOURCE_DATA;
}

}  // namespace gridrun
