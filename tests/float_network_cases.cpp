// Trains the networks of binary64 that it reads as JSON, a line each, and prints what became of
// them, a line each: the program that tests/float_network_oracle_test.py compares with NumPy.

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "engines/cpu/cpu_engine.hpp"
#include "engines/reference/reference_engine.hpp"

namespace gridrun {

NLOHMANN_JSON_SERIALIZE_ENUM(Activation, {{Activation::relu, "relu"},
                                          {Activation::linear, "linear"},
                                          {Activation::leaky_relu, "leaky_relu"}})
NLOHMANN_JSON_SERIALIZE_ENUM(WeightUnit, {{WeightUnit::lsb, "lsb"}, {WeightUnit::real, "real"}})

namespace {

using Json = nlohmann::json;

NetworkSpec spec_of(const Json& json) {
  NetworkSpec spec;
  spec.arithmetic = Arithmetic::binary64;
  spec.units = json.at("units").get<std::vector<std::uint32_t>>();
  spec.activation = json.at("activation");
  spec.output_activation = json.at("output_activation");
  spec.leak = json.at("leak");
  spec.bias = json.at("bias");
  spec.formats.master.fraction = json.at("fraction");
  spec.init = {json.at("unit"), json.at("mean"), WeightSpread::std, json.at("std")};
  spec.lr = json.at("lr");
  spec.batch = json.at("batch");
  spec.iterations = json.at("iterations");
  return spec;
}

std::vector<bool> list_of(const Bits& bits, std::size_t count) {
  std::vector<bool> list(count);
  for (std::size_t i = 0; i < count; ++i) list[i] = bits[i];
  return list;
}

Json trained(const Json& json) {
  Dataset dataset;
  dataset.labels = json.at("labels").get<std::vector<std::uint32_t>>();
  dataset.samples = dataset.train_samples = dataset.labels.size();
  dataset.values = json.at("samples").get<std::vector<double>>();
  StagedSweep sweep;
  sweep.dataset = &dataset;
  sweep.networks = {spec_of(json)};
  sweep.iterations = sweep.networks[0].iterations;
  sweep.normals = json.at("normals").get<std::vector<double>>();
  dataset.inputs = sweep.inputs();
  for (std::uint32_t i = 0; i < dataset.samples; ++i) sweep.order.push_back(i);
  sweep.held_out = sweep.order;
  Progress progress;
  const Outcomes outcomes = ReferenceEngine(1).train(sweep, progress);
  if (CpuEngine(1).train(sweep, progress) != outcomes) return "the engines differ";
  return {{"right", list_of(outcomes[0].right, sweep.iterations)},
          {"held_out_right", list_of(outcomes[0].held_out_right, dataset.samples)},
          {"digest", fmt::format("{:016x}", outcomes[0].weights_digest)}};
}

}  // namespace
}  // namespace gridrun

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << gridrun::trained(nlohmann::json::parse(line)) << '\n';
}
