// Host: the launchers of the kernels. Each checks the launch and throws RunError when it fails.
#pragma once

#include "device.hpp"

namespace gridrun::cuda {

void launch_train(const TrainLaunch& launch, const TrainArguments<std::int32_t>& arguments);
void launch_train(const TrainLaunch& launch, const TrainArguments<std::int64_t>& arguments);
void launch_settle(const SettleArguments<std::int32_t>& arguments);
void launch_settle(const SettleArguments<std::int64_t>& arguments);
void launch_inactive(const SettleArguments<std::int32_t>& settled, NetworkCounts* counts);
void launch_inactive(const SettleArguments<std::int64_t>& settled, NetworkCounts* counts);
void launch_digest(const DigestArguments<std::int32_t>& arguments);
void launch_digest(const DigestArguments<std::int64_t>& arguments);

}  // namespace gridrun::cuda
