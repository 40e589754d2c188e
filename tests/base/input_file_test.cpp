#include "base/input_file.hpp"

#include <gtest/gtest.h>

#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

TEST(InputFile, SaysThatATextCannotBeRead) {
  const ScratchDirectory scratch;
  const std::string missing = (scratch.path() / "missing").string();
  EXPECT_EQ(message_of<RequestError>([&] { read_file(missing); }),
            missing + ": cannot open: No such file or directory");
  EXPECT_EQ(message_of<RequestError>([] { read_file("/dev/zero"); }),
            "/dev/zero: larger than 64 MiB, expected a text");
  EXPECT_EQ(message_of<RequestError>([&] { read_file(scratch.path()); }),
            scratch.path().string() + ": cannot read: Is a directory");
}

}  // namespace
}  // namespace gridrun
