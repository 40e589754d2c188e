// Trains the networks that it reads as JSON, a line each, and prints what became of them, a line
// each: the program that tests/network_oracle_test.py compares with Python's integers.

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "engines/reference/reference_network.hpp"

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
std::string text(WideSum sum) { return fmt::format("{}", sum); }

Json trained(const Json& json) {
  const auto samples = json.at("samples").get<std::vector<std::vector<double>>>();
  const auto labels = json.at("labels").get<std::vector<std::uint32_t>>();
  const auto weights = json.at("weights").get<std::vector<std::vector<std::int64_t>>>();
  ReferenceNetwork network(spec_of(json), {weights.begin(), weights.end()});
  Json right = Json::array(), held_out = Json::array(), sums = Json::array();
  for (std::size_t i = 0; i < json.at("iterations"); ++i)
    right.push_back(network.train(samples[i % samples.size()], labels[i % samples.size()]));
  for (const auto& sample : samples) held_out.push_back(network.classify(sample));
  for (const auto& layer : network.sums())
    sums.push_back({text(layer.abs_update), text(layer.dropped)});
  return {{"right", right}, {"held_out", held_out}, {"sums", sums}, {"weights", network.weights()}};
}

}  // namespace
}  // namespace gridrun

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << gridrun::trained(nlohmann::json::parse(line)) << '\n';
}
