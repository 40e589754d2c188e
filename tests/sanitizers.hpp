// Which sanitizers a build has, by GCC's names for it and by clang's.
#pragma once

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define GRIDRUN_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRIDRUN_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef GRIDRUN_ADDRESS_SANITIZER
#define GRIDRUN_ADDRESS_SANITIZER 0
#endif

#if GRIDRUN_ADDRESS_SANITIZER || defined(__SANITIZE_THREAD__)
#define GRIDRUN_SANITIZED 1  // memory is not what it would be, and its limits cannot be set
#else
#define GRIDRUN_SANITIZED 0
#endif

namespace gridrun {

/// How many rounds a random test has: under sanitizers half, as each takes ten times as long there,
/// and half show the faults that sanitizers look for.
constexpr std::uint32_t random_rounds(std::uint32_t rounds) {
  return GRIDRUN_SANITIZED ? (rounds + 1) / 2 : rounds;
}

}  // namespace gridrun
