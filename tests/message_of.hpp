// What an error says.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace gridrun {

/// What an exception of type Error says when `statement` throws it; fails the test otherwise.
template <typename Error, typename Statement>
std::string message_of(Statement&& statement) {
  try {
    statement();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace gridrun
