// Which sanitizers a build has, by GCC's names for it and by clang's.
#pragma once

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
