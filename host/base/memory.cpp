#include "base/memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The number that follows `name` and blanks in a file of the kernel's, at a line's start.
std::optional<std::uint64_t> number_after(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const char* text = line.c_str() + name.size();
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(text, &end, 10);
    if (end != text) return number;
  }
  return std::nullopt;
}

std::uint64_t left_of(std::uint64_t limit, std::uint64_t used) {
  return limit - std::min(limit, used);
}

/// What the machine has left, its caches being given up.
std::uint64_t left_by_machine() {
  if (const auto kibibytes = number_after("/proc/meminfo", "MemAvailable:"))
    return *kibibytes * 1024;
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
}

/// What the control groups (version 2) of this process have left.
std::uint64_t left_by_control_groups() {
  constexpr const char* mount = "/sys/fs/cgroup";
  std::uint64_t least = unlimited;
  std::string group;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::/")) group = line.substr(4);
  for (fs::path below = group;; below = below.parent_path()) {
    const fs::path directory = fs::path(mount) / below;
    if (const auto limit = number_after(directory / "memory.max", ""))
      least = std::min(
          least, left_of(*limit, number_after(directory / "memory.stat", "anon ").value_or(0)));
    if (below.empty()) return least;
  }
}

std::uint64_t left_by_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return unlimited;
  const std::uint64_t pages = number_after("/proc/self/statm", "").value_or(0);
  return left_of(limit.rlim_cur, pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE)));
}

}  // namespace

std::uint64_t available_memory() {
  return std::min({left_by_machine(), left_by_control_groups(), left_by_address_space()});
}

void require_memory(double bytes, const std::string& what) {
  const auto available = static_cast<double>(available_memory());
  if (bytes <= available) return;
  throw RequestError(fmt::format("{}: {:.1f} GiB of memory needed, {:.1f} GiB available", what,
                                 bytes / 0x1p30, available / 0x1p30));
}

void advise_huge_pages(void* begin, std::size_t size) {
  constexpr std::size_t huge_page = 1 << 21;
  if (size < huge_page) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + size) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

}  // namespace gridrun
