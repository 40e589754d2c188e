// What a store is opened for.
#pragma once

namespace gridrun {

enum class StoreAccess { read, write };

}  // namespace gridrun
