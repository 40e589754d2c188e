#include "app/choose_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/machine.hpp"
#include "base/message_text.hpp"
#include "cuda_engine.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "gridrun/error.hpp"

namespace gridrun {

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 5 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

using Networks = std::vector<NetworkSpec>;

/// Why an engine cannot train some networks; empty if it can.
std::string why_not(const Engine& engine, const Networks& networks) {
  for (const NetworkSpec& network : networks)
    if (std::string reason = engine.why_not(network); !reason.empty()) return reason;
  return {};
}

std::unique_ptr<Engine> engine_of(const std::string& device, const Networks& networks) {
  if (device == "auto") {
    const auto gpus = list_gpus();
    if (!gpus.empty() && gpus.front().usable) {
      auto engine = make_cuda_engine(0);
      if (why_not(*engine, networks).empty()) return engine;
    }
  }
  if (device == "auto" || device == "cpu") return std::make_unique<CpuEngine>(processors());
  if (device == "reference") return std::make_unique<ReferenceEngine>(processors());
  if (is_number(device)) return make_cuda_engine(std::stoi(device));
  throw RequestError(
      fmt::format("--device {}: expected auto, cpu, reference or a GPU's number", excerpt(device)));
}

}  // namespace

std::unique_ptr<Engine> choose_engine(const std::string& device, const Sweep& sweep) {
  const Networks networks = networks_of(sweep);
  auto engine = engine_of(device, networks);
  if (const std::string reason = why_not(*engine, networks); !reason.empty())
    throw RequestError(fmt::format("--device {}: {}; expected cpu or reference", device, reason));
  return engine;
}

std::string list_devices() {
  std::string lines;
  const auto gpus = list_gpus();
  for (std::size_t i = 0; i < gpus.size(); ++i)
    lines += fmt::format("{:<9}  {}, {:.1f} GB, compute capability {}.{}{}\n", i, gpus[i].name,
                         static_cast<double>(gpus[i].memory) / 1e9, gpus[i].major, gpus[i].minor,
                         gpus[i].usable ? "" : ", too old");
  return lines + fmt::format("cpu        {}\nreference  {}, scalar\n",
                             CpuEngine(processors()).device(),
                             ReferenceEngine(processors()).device());
}

}  // namespace gridrun
