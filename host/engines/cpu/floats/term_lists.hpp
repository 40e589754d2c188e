// Vectors without their zeros, one a sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gridrun {

/// The elements of a vector that are not 0, by rising index.
struct Terms {
  const std::uint32_t* index;
  const double* value;
  std::size_t count;
};

/// Terms of several vectors, filled one after the other.
class TermLists {
 public:
  void clear() {
    index_.clear();
    value_.clear();
    begin_.assign(1, 0);
  }
  void add(std::size_t index, double value) {
    index_.push_back(static_cast<std::uint32_t>(index));
    value_.push_back(value);
  }
  /// Adds `count` elements from index 0 on, but for zeros.
  void add_all(const double* values, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      if (values[i] != 0.0) add(i, values[i]);
  }
  void add_all(const Terms& terms) {
    index_.insert(index_.end(), terms.index, terms.index + terms.count);
    value_.insert(value_.end(), terms.value, terms.value + terms.count);
  }
  /// Ends a vector.
  void end() { begin_.push_back(index_.size()); }

  std::size_t size() const { return begin_.size() - 1; }
  Terms operator[](std::size_t i) const {
    return {index_.data() + begin_[i], value_.data() + begin_[i], begin_[i + 1] - begin_[i]};
  }

  /// Takes in the terms of `from` by their indices, 0 ... indices - 1, in place of what was there:
  /// the index of a term is then the number of its vector in `from`.
  void transpose(const TermLists& from, std::size_t indices);

 private:
  std::vector<std::uint32_t> index_;
  std::vector<double> value_;
  std::vector<std::size_t> begin_ = {0};  // [vector + 1]
};

inline void TermLists::transpose(const TermLists& from, std::size_t indices) {
  begin_.assign(indices + 2, 0);
  for (const std::uint32_t index : from.index_) ++begin_[index + 2];
  for (std::size_t i = 2; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
  index_.resize(from.index_.size());
  value_.resize(from.value_.size());
  for (std::size_t i = 0; i < from.size(); ++i)
    for (std::size_t t = from.begin_[i]; t < from.begin_[i + 1]; ++t) {
      const std::size_t place = begin_[from.index_[t] + 1]++;
      index_[place] = static_cast<std::uint32_t>(i);
      value_[place] = from.value_[t];
    }
  begin_.pop_back();
}

}  // namespace gridrun
