// Where in the source a call is, as a default argument finds it.
#pragma once

#include <version>

#ifdef __cpp_lib_source_location
#include <source_location>
#endif

namespace emulation {

#ifdef __cpp_lib_source_location
using CallPlace = std::source_location;
#else
/// The same for clang before 16, which has its parts only.
class CallPlace {
 public:
  static constexpr CallPlace current(const char* file = __builtin_FILE(),
                                     unsigned line = __builtin_LINE(),
                                     unsigned column = __builtin_COLUMN()) {
    CallPlace place;
    place.file_ = file;
    place.line_ = line;
    place.column_ = column;
    return place;
  }
  constexpr const char* file_name() const { return file_; }
  constexpr unsigned line() const { return line_; }
  constexpr unsigned column() const { return column_; }

 private:
  const char* file_ = "";
  unsigned line_ = 0, column_ = 0;
};
#endif

}  // namespace emulation
