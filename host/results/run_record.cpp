#include "results/run_record.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file_descriptor.hpp"
#include "base/message_text.hpp"
#include "gridrun/error.hpp"
#include "staging/identity.hpp"

namespace gridrun {
namespace {

/// The text of a small regular file; neither a pipe nor a device is waited for.
std::string small_file(const std::filesystem::path& path) {
  constexpr off_t largest = off_t{4} << 20;
  const FileDescriptor file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) throw RequestError(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw RequestError("not a file");
  if (status.st_size > largest) throw RequestError("larger than 4 MiB");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t size = ::read(file.number(), text.data(), text.size());
  if (size < 0) throw RequestError(std::strerror(errno));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// A whole number is one in JSON; of a text what is not UTF-8 is escaped.
nlohmann::ordered_json label_json(const ClassLabel& label) {
  constexpr double most_whole = 9007199254740992;  // 2^53
  const double* number = std::get_if<double>(&label);
  if (!number) return escaped(std::get<std::string>(label));
  if (std::trunc(*number) == *number && std::abs(*number) <= most_whole)
    return static_cast<std::int64_t>(*number);
  return *number;
}

}  // namespace

nlohmann::ordered_json dataset_json(const Dataset& dataset, const Identity& identity,
                                    std::size_t held_out, const std::vector<ClassLabel>& labels) {
  nlohmann::ordered_json record{{"name", dataset.name},
                                {"samples", dataset.samples},
                                {"train_samples", dataset.train_samples},
                                {"inputs", dataset.inputs},
                                {"classes", dataset.classes},
                                {"crc32", fmt::format("{:08x}", dataset.checksum)},
                                {"identity", text_of(identity)}};
  if (held_out != 0) {
    record["trained_on"] = dataset.samples - held_out;
    record["held_out"] = held_out;
  }
  for (const ClassLabel& label : labels) record["labels"].push_back(label_json(label));
  return record;
}

std::string run_json(const RunRecord& record, const nlohmann::ordered_json& configuration,
                     const nlohmann::ordered_json& dataset) {
  using json = nlohmann::ordered_json;
  json seconds = json::object();
  for (const auto& [stage, time] : record.seconds) seconds[stage] = time;
  const json run{{"gridrun", GRIDRUN_VERSION}, {"engine", record.engine},
                 {"device", record.device},    {"configuration", configuration},
                 {"dataset", dataset},         {"networks", record.networks},
                 {"trained", record.trained},  {"seconds", seconds}};
  return run.dump(2) + "\n";
}

nlohmann::ordered_json configuration_of_run(const std::filesystem::path& path) {
  using json = nlohmann::ordered_json;
  static constexpr int deepest =
      32;  // what is deeper is not parsed: values are destroyed recursively
  const auto limit_depth = [](int depth, json::parse_event_t, json&) {
    if (depth > deepest) throw RequestError(fmt::format("nested deeper than {} levels", deepest));
    return true;
  };
  json run;
  try {
    run = json::parse(small_file(path), limit_depth);
  } catch (const json::parse_error& error) {
    throw RequestError(fmt::format("not JSON at byte {}", error.byte));
  } catch (const json::exception&) {
    throw RequestError("not JSON: a number out of range");
  }
  if (!run.is_object() || !run.contains("configuration"))
    throw RequestError("it has no \"configuration\"");
  return run["configuration"];
}

}  // namespace gridrun
