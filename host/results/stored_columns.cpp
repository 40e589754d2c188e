#include "results/stored_columns.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace gridrun {
namespace {

constexpr std::array<const char*, 5> kind_names = {"integer", "real", "boolean", "text",
                                                   "integers"};

}  // namespace

std::string text_of(const StoredColumns& columns) {
  auto axes = nlohmann::json::array();
  for (const StoredAxis& axis : columns.axes)
    axes.push_back(
        {{"name", axis.name}, {"kind", kind_names[static_cast<std::size_t>(axis.kind)]}});
  return nlohmann::json{{"axes", axes}, {"figures", columns.figures}}.dump();
}

StoredColumns stored_columns_of(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  StoredColumns columns;
  for (const auto& axis : json.at("axes")) {
    const std::string kind = axis.at("kind");
    const auto place = std::find(kind_names.begin(), kind_names.end(), kind) - kind_names.begin();
    columns.axes.push_back({axis.at("name"), static_cast<ValueKind>(place)});
  }
  columns.figures = json.at("figures").get<std::vector<std::string>>();
  return columns;
}

}  // namespace gridrun
