#include "base/memory.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "gridrun/error.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// Bytes kept back for what nobody counts, because it hardly grows with what is asked for: stacks
/// of threads, buffers, messages, the files of results.
constexpr std::uint64_t reserve = std::uint64_t{8} << 20;
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

std::uint64_t limit_of_address_space() {
  rlimit limit{};
  const bool is_known = ::getrlimit(RLIMIT_AS, &limit) == 0;
  return is_known && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : unlimited;
}

std::uint64_t left_by_address_space() {
  const std::uint64_t limit = limit_of_address_space();
  if (limit == unlimited) return unlimited;
  const std::uint64_t pages = number_after("/proc/self/statm", "").value_or(0);
  return left_of(limit, pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE)));
}

/// In MiB, or GiB from the first one on, to a tenth: `rounded` says which way.
std::string amount(double bytes, double (*rounded)(double)) {
  const bool is_large = bytes >= 0x1p30;
  return fmt::format("{:.1f} {}", rounded(10 * bytes / (is_large ? 0x1p30 : 0x1p20)) / 10,
                     is_large ? "GiB" : "MiB");
}

}  // namespace

std::uint64_t available_memory() {
  return left_of(std::min({left_by_machine(), left_by_control_groups(), left_by_address_space()}),
                 reserve);
}

void require_memory(double bytes, const std::string& what) {
  const auto available = static_cast<double>(available_memory());
  if (bytes <= available) return;
  throw RequestError(fmt::format("{}: {} of memory needed, {} available", what,
                                 amount(bytes, std::ceil), amount(available, std::floor)));
}

void spare_address_space() {
  if (limit_of_address_space() == unlimited) return;
  ::mallopt(M_ARENA_MAX, 1);
  constexpr std::size_t stack = 256 << 10;
  pthread_attr_t threads;
  if (::pthread_attr_init(&threads) != 0) return;
  ::pthread_attr_setstacksize(&threads, stack);
  ::pthread_setattr_default_np(&threads);
  ::pthread_attr_destroy(&threads);
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
