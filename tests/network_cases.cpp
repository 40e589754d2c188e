// Trains the networks that it reads as JSON, a line each, and prints what became of them, a line
// each: the program that tests/network_oracle_test.py compares with Python's integers.

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "engines/reference/reference_engine.hpp"
#include "gridrun/staged_sweep.hpp"
#include "gridrun/tensor.hpp"

namespace gridrun {

NLOHMANN_JSON_SERIALIZE_ENUM(Round, {{Round::floor, "floor"},
                                     {Round::toward_zero, "toward_zero"},
                                     {Round::nearest_up, "nearest_up"},
                                     {Round::nearest_down, "nearest_down"},
                                     {Round::nearest_even, "nearest_even"},
                                     {Round::nearest_away, "nearest_away"},
                                     {Round::stochastic, "stochastic"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Overflow, {{Overflow::wrap, "wrap"},
                                        {Overflow::saturate, "saturate"},
                                        {Overflow::saturate_symmetric, "saturate_symmetric"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Activation, {{Activation::relu, "relu"},
                                          {Activation::linear, "linear"},
                                          {Activation::leaky_relu, "leaky_relu"}})

namespace {

using Json = nlohmann::json;

Format format_of(const Json& json) {
  return {json.at("bits"), json.at("fraction"), json.at("round"), json.at("overflow"),
          json.at("random_bits")};
}

NetworkSpec spec_of(const Json& json) {
  NetworkSpec spec;
  spec.units = json.at("units").get<std::vector<std::uint32_t>>();
  spec.activation = json.at("activation");
  spec.output_activation = json.at("output_activation");
  spec.leak = json.at("leak");
  spec.bias = json.at("bias");
  const Json& formats = json.at("formats");
  spec.formats = {format_of(formats.at("input")),      format_of(formats.at("master")),
                  format_of(formats.at("weight")),     format_of(formats.at("accumulator")),
                  format_of(formats.at("activation")), format_of(formats.at("error")),
                  format_of(formats.at("gradient"))};
  spec.lr = json.at("lr");
  spec.batch = json.at("batch");
  spec.rounding_seed = json.at("rounding_seed");
  return spec;
}

/// Decimal, since JSON's readers may have no integers of 128 bits.
template <class Sum>
std::string text(Sum sum) {
  return fmt::format("{}", sum);
}

Json json_of(const LayerDiagnostics& layer) {
  Json tensors = Json::array();
  for (const TensorDiagnostics& tensor : layer.tensor)
    tensors.push_back({{"overflowed", tensor.overflowed}, {"bits", tensor.bits}});
  return {{"tensors", tensors},
          {"updates", layer.updates},
          {"lost", layer.lost},
          {"inactive", layer.inactive},
          {"last_inactive", layer.last_inactive},
          {"step", text(layer.step)},
          {"product", text(layer.product)}};
}

Json json_of(const Bits& bits, std::size_t count) {
  Json list = Json::array();
  for (std::size_t i = 0; i < count; ++i) list.push_back(bits[i]);
  return list;
}

/// Samples are trained on in their order, and then all are held out; weights are the normals.
Json trained(const Json& json) {
  const auto samples = json.at("samples").get<std::vector<std::vector<double>>>();
  NetworkSpec spec = spec_of(json);
  spec.init.std = 1;
  spec.iterations = json.at("iterations");
  Dataset dataset;
  dataset.samples = dataset.train_samples = samples.size();
  dataset.inputs = spec.units.front();
  dataset.labels = json.at("labels").get<std::vector<std::uint32_t>>();
  dataset.values = std::vector<double>();
  StagedSweep sweep;
  for (const auto& sample : samples) {
    auto& values = std::get<1>(dataset.values);
    values.insert(values.end(), sample.begin(), sample.end());
    sweep.order.push_back(static_cast<std::uint32_t>(sweep.order.size()));
  }
  for (const auto& layer : json.at("weights"))
    for (const auto& weight : layer) sweep.normals.push_back(weight);
  sweep.dataset = &dataset;
  sweep.held_out = sweep.order;
  sweep.networks = {spec};
  sweep.iterations = spec.iterations;
  sweep.keep_weights = sweep.diagnose = true;
  Progress progress;
  const Outcome outcome = std::move(ReferenceEngine(1).train(sweep, progress).front());
  Json sums = Json::array(), diagnostics = Json::array();
  for (const LayerSums& layer : outcome.layers)
    sums.push_back({text(layer.abs_update), text(layer.dropped)});
  for (const LayerDiagnostics& layer : outcome.diagnostics) diagnostics.push_back(json_of(layer));
  const Bits judged = outcome.held_out_right;
  return {{"right", json_of(outcome.right, spec.iterations)},
          {"held_out", json_of(judged, samples.size())},
          {"sums", sums},
          {"weights", outcome.weights},
          {"diagnostics", diagnostics}};
}

}  // namespace
}  // namespace gridrun

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << gridrun::trained(nlohmann::json::parse(line)) << '\n';
}
