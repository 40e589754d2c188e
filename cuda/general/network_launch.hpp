// Host: launches of the kernels of networks in general.
#pragma once

#include "general/network_types.hpp"

namespace gridrun::cuda {

void launch_list_inputs(const ListArguments& arguments);
void launch_initial_weights(const NetworkLaunch& launch, const NetworkArguments& arguments);
void launch_train(const NetworkLaunch& launch, const NetworkArguments& arguments);
void launch_total(const NetworkLaunch& launch, const NetworkArguments& arguments);

}  // namespace gridrun::cuda
