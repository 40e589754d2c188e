// Host: an array in device memory.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "device.hpp"

namespace gridrun::cuda {

/// Owns `size` elements of device memory, uninitialised. The device outlives it.
template <typename T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(Device& device, std::size_t size)
      : device_(&device),
        size_(size),
        data_(size == 0 ? nullptr : static_cast<T*>(device.allocate(size * sizeof(T)))) {}
  DeviceBuffer(Device& device, const std::vector<T>& from) : DeviceBuffer(device, from.size()) {
    if (size_ != 0) device.upload(data_, from.data(), bytes());
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : device_(other.device_),
        size_(std::exchange(other.size_, 0)),
        data_(std::exchange(other.data_, nullptr)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~DeviceBuffer() {
    if (data_) device_->release(data_);
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

  /// Memory for so many elements, which is there already if that has room; what was there is lost.
  T* room(Device& device, std::size_t size) {
    if (size > size_) {
      *this = {};  // first
      *this = DeviceBuffer(device, size);
    }
    return data_;
  }

  /// Takes over what is in a list, as room() does.
  T* put(Device& device, const std::vector<T>& from) {
    T* const memory = room(device, from.size());
    if (!from.empty()) device.upload(memory, from.data(), from.size() * sizeof(T));
    return memory;
  }

  void clear() {
    if (data_) device_->clear(data_, bytes());
  }

  std::vector<T> download() const { return download(0, size_); }

  /// `count` elements from `first` on.
  std::vector<T> download(std::size_t first, std::size_t count) const {
    std::vector<T> copy(count);
    if (count != 0) device_->download(copy.data(), data_ + first, count * sizeof(T));
    return copy;
  }

 private:
  Device* device_ = nullptr;
  std::size_t size_ = 0;
  T* data_ = nullptr;
};

}  // namespace gridrun::cuda
