#include "choose_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cpu_engine.hpp"
#include "gridrun/error.hpp"
#include "machine.hpp"
#include "reference_engine.hpp"

namespace gridrun {

std::unique_ptr<Engine> choose_engine(const std::string& device) {
  if (device == "auto" || device == "cpu") return std::make_unique<CpuEngine>(processors());
  if (device == "reference") return std::make_unique<ReferenceEngine>(processors());
  const bool number =
      !device.empty() && device.size() < 5 &&
      std::all_of(device.begin(), device.end(), [](unsigned char c) { return std::isdigit(c); });
  if (number)
    throw RequestError(fmt::format(
        "--device {}: this build has no GPU engine; expected auto, cpu or reference", device));
  throw RequestError(
      fmt::format("--device {}: expected auto, cpu, reference or a GPU's number", device));
}

std::string list_devices() {
  return fmt::format("cpu        {}\nreference  {}, scalar\n", CpuEngine(processors()).device(),
                     ReferenceEngine(processors()).device());
}

}  // namespace gridrun
