#include "app/choose_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "base/machine.hpp"
#include "base/message_text.hpp"
#include "configuration/cells.hpp"
#include "cuda_engine.hpp"
#include "engines/cpu/cpu_engine.hpp"
#include "engines/cpu/floats/float_engine.hpp"
#include "engines/reference/reference_engine.hpp"
#include "gridrun/error.hpp"
#include "staging/baseline.hpp"

namespace gridrun {

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 5 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

const std::vector<std::uint32_t> units_before_data = {1, 1};

/// Whether an engine can train all networks of a sweep.
bool can_train(const Engine& engine, const Sweep& sweep) {
  Cells cells(sweep);
  for (std::size_t cell = 0; cell < cells.size(); ++cell)
    if (!engine.why_not(network_of(cells.sweep_at(cell), units_before_data)).empty()) return false;
  return true;
}

bool trains_no_baseline(const Engines& engines, const Sweep& sweep) {
  const NetworkSpec baseline = baseline_of(network_of(sweep, units_before_data), 0);
  return std::none_of(engines.begin(), engines.end(),
                      [&](const auto& engine) { return engine->why_not(baseline).empty(); });
}

std::unique_ptr<Engine> engine_of(const std::string& device, const Sweep& sweep) {
  if (device == "auto") {
    const auto gpus = list_gpus();
    if (!gpus.empty() && gpus.front().usable) {
      auto engine = make_cuda_engine(0);
      if (can_train(*engine, sweep)) return engine;
    }
  }
  if (device == "auto" || device == "cpu") return std::make_unique<CpuEngine>(processors());
  if (device == "reference") return std::make_unique<ReferenceEngine>(processors());
  if (is_number(device)) return make_cuda_engine(std::stoi(device));
  throw RequestError(fmt::format(
      "--device {}: expected auto, cpu, reference, a GPU's number, several of these as in 0,1, or "
      "all",
      excerpt(device)));
}

void add_all_gpus(std::vector<std::string>& names) {
  const auto gpus = list_gpus();
  const std::size_t before = names.size();
  for (std::size_t i = 0; i < gpus.size(); ++i)
    if (gpus[i].usable) names.push_back(std::to_string(i));
  if (names.size() == before)
    throw RequestError("--device all: this machine has no GPU that can be used, expected cpu");
}

}  // namespace

Engines choose_engines(const std::string& devices, const Sweep& sweep) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= devices.size();) {
    const std::size_t end = std::min(devices.find(',', begin), devices.size());
    const std::string name = devices.substr(begin, end - begin);
    if (name == "all")
      add_all_gpus(names);
    else
      names.push_back(name);
    begin = end + 1;
  }
  std::set<std::string> seen;
  for (const std::string& name : names)
    if (!seen.insert(name).second)
      throw RequestError(fmt::format("--device {}: {} twice", excerpt(devices), excerpt(name)));
  if (names.size() > 1 && seen.contains("auto"))
    throw RequestError(
        fmt::format("--device {}: expected auto alone, or devices by name", excerpt(devices)));

  Engines engines;
  for (const std::string& name : names) engines.push_back(engine_of(name, sweep));
  // Each engine can train something, and each network can be trained by one.
  std::vector<std::string> reasons(engines.size());
  std::vector<bool> can_some(engines.size());
  Cells cells(sweep);
  const bool any_refuses = std::any_of(engines.begin(), engines.end(), [](const auto& engine) {
    return engine->name() == "cuda";  // the others train everything
  });
  for (std::size_t cell = 0; any_refuses && cell < cells.size(); ++cell) {
    const NetworkSpec network = network_of(cells.sweep_at(cell), units_before_data);
    bool is_trained = false;
    for (std::size_t e = 0; e < engines.size(); ++e) {
      std::string reason = engines[e]->why_not(network);
      is_trained = is_trained || reason.empty();
      if (reason.empty())
        can_some[e] = true;
      else
        reasons[e] = std::move(reason);
    }
    if (!is_trained)
      throw RequestError(
          fmt::format("--device {}: {}; expected cpu or reference", devices, reasons.front()));
  }
  for (std::size_t e = 0; any_refuses && e < engines.size(); ++e)
    if (!can_some[e])
      throw RequestError(
          fmt::format("--device {}: {}; expected cpu or reference", names[e], reasons[e]));
  if (sweep.report.baseline && trains_no_baseline(engines, sweep))
    engines.push_back(std::make_unique<FloatEngine>(processors()));
  return engines;
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
